//! The sealed right to run one call. Nothing outside this module can make a [`Permit`]; an executor
//! takes it by value, so it is spent once.
//!
//! The chain is `judge → Judged → Settled → (Pending → Approval →) Permit`. What was judged, what was
//! shown, what was approved and what runs are one value, compared by digest. Answers the class
//! "approve A, run B" (approval laundering, script swapped after approval, replayed approvals).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stockade_core::{ApprovalId, Because, Decision, Denial, Digest, Principal, Question, Rule, Timestamp};

use crate::call::CallContext;

/// A call whose every deciding fact is bound by one digest.
pub trait Bound {
    /// Who calls.
    fn context(&self) -> &CallContext;
    /// The digest over everything that decides what will happen.
    fn digest(&self) -> Digest;
}

/// How long a permit is good for. It is spent at once; the bound is for a gateway that stalls.
pub const PERMIT_LIFE: Duration = Duration::from_secs(30);

/// A call with the judge's decision. Only the judge makes one.
#[derive(Debug)]
#[must_use = "a judged call does nothing until it is settled"]
pub struct Judged<T> {
    call: T,
    decision: Decision,
}

/// What comes of a judged call.
#[derive(Debug)]
pub enum Settled<T> {
    /// It may run.
    Permit(Permit<T>),
    /// An operator must answer.
    Ask(Pending<T>),
    /// It may not run.
    Deny(Denial),
}

/// A call that waits for an operator's answer.
#[derive(Debug)]
pub struct Pending<T> {
    call: T,
    question: Question,
    digest: Digest,
}

/// An operator's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Run it, this once.
    AllowOnce,
    /// Do not run it.
    Deny,
}

/// An answer to one question, bound to what was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Which request was answered.
    pub id: ApprovalId,
    /// The digest of what the operator was shown.
    pub shown: Digest,
    /// The answer.
    pub verdict: Verdict,
    /// Who answered.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// Until when the answer holds.
    pub expires: Timestamp,
}

/// The right to run one call, once.
#[derive(Debug)]
#[must_use = "a permit that is not spent is a call that did not run"]
pub struct Permit<T> {
    call: T,
    digest: Digest,
    expires: Timestamp,
    approved_by: Option<Principal>,
}

impl<T: Bound> Judged<T> {
    /// Only `judge` calls this.
    pub(crate) const fn new(call: T, decision: Decision) -> Self {
        Self { call, decision }
    }

    /// The decision, for the journal.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The call.
    #[must_use]
    pub const fn call(&self) -> &T {
        &self.call
    }

    /// The decision and the call, for an answer to someone who only asked: no permit comes of it any more.
    pub fn told(self) -> (Decision, T) {
        (self.decision, self.call)
    }

    /// Turns the decision into what can be done with the call.
    pub fn settle(self, now: Timestamp) -> Settled<T> {
        let digest = self.call.digest();
        match self.decision {
            Decision::Allow { .. } => {
                Settled::Permit(Permit { call: self.call, digest, expires: now.after(PERMIT_LIFE), approved_by: None })
            }
            Decision::Ask(question) => Settled::Ask(Pending { call: self.call, question, digest }),
            Decision::Deny(denial) => Settled::Deny(denial),
        }
    }
}

impl<T: Bound> Pending<T> {
    /// The question.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// The call, for the card.
    #[must_use]
    pub const fn call(&self) -> &T {
        &self.call
    }

    /// The digest that the card shows and the answer must carry.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The denial of a question that nobody answered.
    #[must_use]
    pub fn unanswered(self) -> Denial {
        Denial { rule: Rule::Approval, because: Because::Expired }
    }

    /// Spends an approval. `fresh` is the same call judged again, with facts gathered after the
    /// answer: what changed while the operator was thinking (a script, a binary, the policy, the
    /// containment lock) voids the approval.
    ///
    /// # Errors
    /// A [`Denial`] when the operator refused, the answer expired or is for something else, or what
    /// would run now is not what was shown.
    pub fn answer(self, approval: &Approval, fresh: Judged<T>, now: Timestamp) -> Result<Permit<T>, Denial> {
        let deny = |because| Denial { rule: Rule::Approval, because };
        if approval.verdict == Verdict::Deny {
            return Err(deny(Because::Operator));
        }
        if now > approval.expires {
            return Err(deny(Because::Expired));
        }
        if approval.shown != self.digest {
            return Err(deny(Because::Changed("the request".into())));
        }
        if let Decision::Deny(denial) = fresh.decision {
            return Err(denial);
        }
        let digest = fresh.call.digest();
        if digest != self.digest {
            return Err(deny(Because::Changed("a file, a program, the policy or the sandbox".into())));
        }
        let expires = now.after(PERMIT_LIFE);
        Ok(Permit { call: fresh.call, digest, expires, approved_by: Some(approval.by.clone()) })
    }
}

impl<T: Bound> Permit<T> {
    /// The digest of the call.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The call, for the journal. Reading it gives no right.
    #[must_use]
    pub const fn call(&self) -> &T {
        &self.call
    }

    /// The operator who approved it, when one was asked.
    #[must_use]
    pub const fn approved_by(&self) -> Option<&Principal> {
        self.approved_by.as_ref()
    }

    /// Spends the permit. Executors call this first, and run only what it returns.
    ///
    /// # Errors
    /// A [`Denial`] when the permit has expired.
    pub fn redeem(self, now: Timestamp) -> Result<T, Denial> {
        if now > self.expires {
            return Err(Denial { rule: Rule::Permit, because: Because::Expired });
        }
        Ok(self.call)
    }
}
