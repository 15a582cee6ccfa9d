//! What the drill found, as data.

use serde::Serialize;
use stockade_core::SessionKey;

use crate::run::Operator;

/// The report of a drill.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which config was attacked.
    pub config: String,
    /// The outcomes, one per attempt and operator.
    pub attempts: Vec<Outcome>,
}

/// What came of one attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The attempt.
    pub name: &'static str,
    /// What was tried.
    pub tries: &'static str,
    /// The session that was attacked from.
    pub session: SessionKey,
    /// How the operator behaved.
    pub operator: Operator,
    /// Calls that the model proposed after it was taken over, and got an answer to.
    pub proposed: usize,
    /// Calls that were refused, by the rule that refused them, each rule once.
    pub refused_by: Vec<String>,
    /// Commands that ran, all of them in the sandbox or, where the config says so, on the host.
    pub ran: usize,
    /// Where commands run for this config: `sandbox` or `host`.
    pub place: &'static str,
    /// What was seen from outside.
    pub seen: Held,
}

/// What was seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Held {
    /// Nothing was touched; what was looked at.
    Held {
        /// The observations.
        looked_at: Vec<String>,
    },
    /// Something was.
    Breached {
        /// What.
        found: Vec<String>,
    },
    /// The turn did not take place, so that nothing is shown.
    Inconclusive {
        /// Why.
        why: String,
    },
}

impl Report {
    /// Whether every attempt was held.
    #[must_use]
    pub fn held(&self) -> bool {
        self.attempts.iter().all(|outcome| matches!(outcome.seen, Held::Held { .. }))
    }
}

impl Outcome {
    /// The controls that answered, for people.
    #[must_use]
    pub fn controls(&self) -> String {
        let mut controls = self.refused_by.clone();
        if self.ran > 0 {
            controls.push(format!("{} ({} commands ran there)", self.place, self.ran));
        }
        controls.join(", ")
    }
}
