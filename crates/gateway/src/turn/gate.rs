//! From a prepared call to a permit: the judge decides, an operator answers when asked, and what was
//! approved is judged again, with fresh facts, before it may run.

use serde_json::{Value, json};
use stockade_core::{Decision, Denial, Rule, Stage};
use stockade_policy::{AgentPolicy, Bound, Judge, Judged, Pending, Permit, Settled};

use super::{Turn, TurnError, agent_of};
use crate::approvals::{Card, Outcome};
use crate::prepare::Asking;

/// A kind of call that can be prepared from the model's arguments, judged, and shown.
pub(super) trait Gated {
    type Call: Bound;

    /// Gathers the facts that decide what will really happen.
    fn prepare(&self, turn: &Turn<'_>, asking: &Asking<'_>) -> Result<Self::Call, Denial>;

    /// Asks the judge.
    fn judge(judge: &Judge<'_>, call: Self::Call) -> Judged<Self::Call>;

    /// Asks the judge again when nobody answered. `None`: it waits for a person, always.
    fn unattended(_: &Judge<'_>, _: Self::Call) -> Option<Judged<Self::Call>> {
        None
    }

    /// What the operator is shown.
    fn card(call: &Self::Call, agent: &AgentPolicy, because: &str) -> (String, Value);
}

impl Turn<'_> {
    /// Stages 5 to 7. The outer error ends the turn; the inner one is a refusal that the model hears.
    pub(super) async fn gate<G: Gated>(
        &self,
        id: &str,
        call: &G,
    ) -> Result<Result<Permit<G::Call>, Denial>, TurnError> {
        let judged = match self.judged(id, call, G::judge)? {
            Ok(judged) => judged,
            Err(denial) => return self.refused(denial).await,
        };
        let digest = judged.call().digest();
        self.recorder.write(Stage::Decision, Some(judged.decision().clone()), Some(digest), json!({})).await?;
        let permit = match judged.settle(self.gateway.clock.now()) {
            Settled::Permit(permit) => permit,
            Settled::Deny(denial) => return Ok(Err(denial)),
            Settled::Ask(pending) => match self.ask(id, call, pending).await? {
                Ok(permit) => permit,
                Err(denial) => return Ok(Err(denial)),
            },
        };
        // The record of the permit is on the disk before anyone can spend it.
        let detail = json!({ "approvedBy": permit.approved_by() });
        self.recorder.write(Stage::Permit, None, Some(permit.digest()), detail).await?;
        Ok(Ok(permit))
    }

    fn judged<G: Gated, J>(
        &self,
        id: &str,
        call: &G,
        ask: impl FnOnce(&Judge<'_>, G::Call) -> J,
    ) -> Result<Result<J, Denial>, TurnError> {
        let running = self.gateway.running();
        let agent = agent_of(&running, &self.admitted.agent)?;
        let lock = self.gateway.lock();
        let judge = Judge::new(&running.policy, &lock);
        // Facts come from the file system; other connections go on meanwhile.
        let message = &self.admitted.inbound;
        let sender = self.admitted.sender();
        let (session, turn) = (&message.session, &message.turn);
        let asking = Asking { running: &running, agent, session, sender: &sender, turn, call_id: id, known: None };
        let prepared = tokio::task::block_in_place(|| call.prepare(self, &asking));
        Ok(prepared.map(|call| ask(&judge, call)))
    }

    async fn refused<T>(&self, denial: Denial) -> Result<Result<T, Denial>, TurnError> {
        self.recorder.write(Stage::Decision, Some(Decision::Deny(denial.clone())), None, json!({})).await?;
        Ok(Err(denial))
    }

    async fn ask<G: Gated>(
        &self,
        id: &str,
        call: &G,
        pending: Pending<G::Call>,
    ) -> Result<Result<Permit<G::Call>, Denial>, TurnError> {
        let running = self.gateway.running();
        let agent = agent_of(&running, &self.admitted.agent)?;
        let (command, request) = G::card(pending.call(), agent, &pending.question().because);
        let card = Card { command, request, digest: pending.digest() };
        let Some(request) = self.gateway.approvals.open(card, running.policy.approval_timeout) else {
            return Ok(Err(Denial::policy(Rule::Approval, "too many questions wait for the operator already")));
        };
        let outcome = tokio::select! {
            outcome = self.gateway.approvals.wait(&request) => outcome,
            () = self.stop.cancelled() => Outcome::Cancelled,
        };
        let (by, answered) = match outcome {
            Outcome::Answered(approval) => {
                let fresh = self.judged(id, call, G::judge)?;
                let now = self.gateway.clock.now();
                (approval.by.to_string(), fresh.and_then(|fresh| pending.answer(&approval, fresh, now)))
            }
            Outcome::Expired => ("nobody".to_owned(), self.unattended(id, call, pending)?),
            Outcome::Pending | Outcome::Cancelled => ("nobody".to_owned(), Err(pending.unanswered())),
        };
        let decision = answered.as_ref().err().map(|denial| Decision::Deny(denial.clone()));
        // Nobody said yes to what `askFallback` lets run; the record does not read as if somebody had.
        let detail = json!({ "approval": request.id, "by": by, "askFallback": by == "nobody" && answered.is_ok() });
        self.recorder.write(Stage::Approval, decision, Some(request.card.digest), detail).await?;
        Ok(answered)
    }

    /// What `askFallback` leaves of a question that nobody answered: a permit only for what the judge now
    /// allows by itself.
    fn unattended<G: Gated>(
        &self,
        id: &str,
        call: &G,
        pending: Pending<G::Call>,
    ) -> Result<Result<Permit<G::Call>, Denial>, TurnError> {
        let judged = match self.judged(id, call, G::unattended)? {
            Ok(judged) => judged,
            Err(denial) => return Ok(Err(denial)),
        };
        Ok(match judged.map(|judged| judged.settle(self.gateway.clock.now())) {
            Some(Settled::Permit(permit)) => Ok(permit),
            Some(Settled::Deny(denial)) => Err(denial),
            Some(Settled::Ask(_)) | None => Err(pending.unanswered()),
        })
    }
}
