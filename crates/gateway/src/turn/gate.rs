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
        let judged = match self.judged(id, call)? {
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

    fn judged<G: Gated>(&self, id: &str, call: &G) -> Result<Result<Judged<G::Call>, Denial>, TurnError> {
        let running = self.gateway.running();
        let agent = agent_of(&running, &self.admitted.agent)?;
        let lock = self.gateway.lock();
        let judge = Judge::new(&running.policy, &lock);
        // Facts come from the file system; other connections go on meanwhile.
        let message = &self.admitted.inbound;
        let asking = Asking { running: &running, agent, session: &message.session, turn: &message.turn, call_id: id };
        let prepared = tokio::task::block_in_place(|| call.prepare(self, &asking));
        Ok(prepared.map(|call| G::judge(&judge, call)))
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
        let (by, approval) = match outcome {
            Outcome::Answered(approval) => (approval.by.to_string(), Some(approval)),
            Outcome::Pending | Outcome::Expired | Outcome::Cancelled => ("nobody".to_owned(), None),
        };
        let answered = match approval {
            Some(approval) => match self.judged(id, call)? {
                Ok(fresh) => pending.answer(&approval, fresh, self.gateway.clock.now()),
                Err(denial) => Err(denial),
            },
            None => Err(pending.unanswered()),
        };
        let decision = answered.as_ref().err().map(|denial| Decision::Deny(denial.clone()));
        let detail = json!({ "approval": request.id, "by": by });
        self.recorder.write(Stage::Approval, decision, Some(request.card.digest), detail).await?;
        Ok(answered)
    }
}
