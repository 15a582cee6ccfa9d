//! The controls of the embedded sandbox: one table, and the truth about each on this kernel.
//!
//! Answers the commonest defect of this field: a control that is claimed and not in force (Landlock
//! silently inactive, a network namespace silently skipped). Nothing here looks at versions: a
//! throwaway launcher does the real set-up and says what took effect.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::native::plan::{Mode, Plan, Report};
use crate::outcome::Refusal;

/// One control and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// The id that `stockade.json` `sandbox.acceptDegraded` and refusals use.
    pub id: &'static str,
    /// Whether it takes effect here.
    pub state: State,
    /// What a newer kernel would add to it. Commands run without that, and each run says so.
    pub partial: Option<String>,
}

/// Whether a control takes effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It was applied, and the kernel took it; perhaps not all of it, see [`Control::partial`].
    Active,
    /// It was not applied. No command runs unless the operator accepted that.
    Degraded {
        /// What the kernel said.
        why: String,
    },
}

/// What became of each control of the embedded sandbox on this machine. Starts a throwaway launcher
/// once (a few milliseconds, blocking) and remembers the answer. In a program that does not call
/// [`crate::enter_if_launcher`], every control is degraded: nothing was observed to hold.
#[must_use]
pub fn probe() -> Vec<Control> {
    static FOUND: OnceLock<Vec<Control>> = OnceLock::new();
    FOUND.get_or_init(observe).clone()
}

fn observe() -> Vec<Control> {
    account(&crate::child::ask(&Plan::empty(Mode::Probe)))
}

fn account(answer: &Report) -> Vec<Control> {
    IDS.iter()
        .map(|id| {
            let found = |partial| {
                let mut degraded = answer.iter().flatten();
                degraded.find(|found| found.id == *id && found.partial == partial).map(|found| found.why.clone())
            };
            let why = answer.as_ref().err().map(ToString::to_string).or_else(|| found(false));
            Control { id, state: why.map_or(State::Active, |why| State::Degraded { why }), partial: found(true) }
        })
        .collect()
}

/// A control that was not, or only partly, applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Degraded {
    pub(crate) id: String,
    pub(crate) why: String,
    /// True when it is in force, but not with all that a newer kernel would give it.
    pub(crate) partial: bool,
}

impl std::fmt::Display for Degraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.id, self.why)
    }
}

/// The launcher's account of what took effect, and the one place where a missing control is
/// accepted or refused.
#[derive(Debug)]
pub(crate) struct Ledger {
    accepted: Vec<String>,
    probing: bool,
    degraded: Vec<Degraded>,
}

impl Ledger {
    pub(crate) const fn new(accepted: Vec<String>, probing: bool) -> Self {
        Self { accepted, probing, degraded: Vec::new() }
    }

    /// Enters the outcome of applying `id`. A failure is a refusal unless the operator accepted it;
    /// one of [`REQUIRED`] cannot be accepted, because without it there is no view to run in.
    pub(crate) fn enter<E: std::fmt::Display>(&mut self, id: &str, outcome: Result<(), E>) -> Result<(), Refusal> {
        let Err(error) = outcome else { return Ok(()) };
        let why = error.to_string();
        let accepted = !REQUIRED.contains(&id) && self.accepted.iter().any(|accepted| accepted == id);
        if !accepted && !self.probing {
            return Err(Refusal::Control { id: id.to_owned(), why });
        }
        self.degraded.push(Degraded { id: id.to_owned(), why, partial: false });
        Ok(())
    }

    /// Notes that `id` is in force, but not with all that a newer kernel would give it.
    pub(crate) fn partly(&mut self, id: &str, why: &str) {
        self.degraded.push(Degraded { id: id.to_owned(), why: why.to_owned(), partial: true });
    }

    /// True while every one of `ids` took effect.
    pub(crate) fn holds(&self, ids: &[&str]) -> bool {
        !self.degraded.iter().any(|degraded| !degraded.partial && ids.contains(&degraded.id.as_str()))
    }

    pub(crate) fn into_degraded(self) -> Vec<Degraded> {
        self.degraded
    }
}

/// Every control, in the order of application.
const IDS: &[&str] = &[
    "user-namespace", "mount-namespace", "pid-namespace", "net-namespace", "ipc-namespace", "uts-namespace",
    "no-new-privs", "rlimits", "landlock", "seccomp",
];

/// Those without which nothing can be run at all: the operator's way out is another machine or the
/// host backend, not `acceptDegraded`.
const REQUIRED: &[&str] = &["user-namespace", "mount-namespace", "pid-namespace", "no-new-privs"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_control_is_refused_unless_accepted() {
        let mut strict = Ledger::new(Vec::new(), false);
        assert_eq!(
            strict.enter("landlock", Err("no such system call")),
            Err(Refusal::Control { id: "landlock".into(), why: "no such system call".into() })
        );
        let mut lax = Ledger::new(vec!["landlock".into(), "mount-namespace".into()], false);
        assert_eq!(lax.enter("landlock", Err("no such system call")), Ok(()));
        assert!(!lax.holds(&["landlock"]) && lax.holds(&["seccomp"]));
        lax.partly("seccomp", "an older kernel");
        assert!(lax.holds(&["seccomp"]), "a part of it is not nothing");
        assert!(lax.enter("mount-namespace", Err("denied")).is_err(), "a required control cannot be accepted away");
    }

    #[test]
    fn a_control_that_runs_are_refused_for_is_never_called_active() {
        let mut probe = Ledger::new(Vec::new(), true);
        probe.enter("rlimits", Err("not counted")).expect("a probe goes on");
        probe.partly("landlock", "no scopes");
        let controls = account(&Ok(probe.into_degraded()));
        let of = |id: &str| controls.iter().find(|control| control.id == id).expect("it is listed");
        assert_eq!(of("rlimits").state, State::Degraded { why: "not counted".into() });
        assert_eq!((&of("landlock").state, of("landlock").partial.as_deref()), (&State::Active, Some("no scopes")));
        assert_eq!((&of("seccomp").state, &of("seccomp").partial), (&State::Active, &None));
        let nothing = account(&Err(Refusal::launcher("it did not start")));
        assert!(nothing.iter().all(|control| control.state != State::Active));
    }
}
