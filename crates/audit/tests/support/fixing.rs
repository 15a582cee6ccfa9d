//! Fixes as the command makes them: every fix, or the safe ones.

use serde_json::Value;
use stockade_audit::fix::{Choice, FixError, Grounds, Outcome, apply, plan, undo};
use stockade_audit::gather::{self, Depth, Progress};
use stockade_audit::report::Report;
use stockade_core::SystemClock;

use super::Home;

impl Home {
    /// Makes fixes, and looks that the audit is no worse, as the command does.
    pub fn fix(&self, choice: &Choice) -> Result<Outcome, FixError> {
        let mut gathered =
            gather::snapshot(&self.paths(), &self.env(), Depth::Install, &Progress::default()).expect("gathered");
        gathered.snapshot.live = self.live.clone();
        let findings = Report::of(&gathered.snapshot, None).all();
        let grounds = Grounds::of(&gathered.snapshot);
        let planned = plan(&findings, choice, &gathered.survey, &gathered.snapshot, &grounds);
        let audit = |config: &Value, modes: &[(&str, u32)]| gathered.audit_planned(config, modes);
        apply(planned, &SystemClock, &self.env(), &audit)
    }

    pub fn undo(&self) {
        let gathered =
            gather::snapshot(&self.paths(), &self.env(), Depth::Install, &Progress::default()).expect("gathered");
        let undone = undo(&Grounds::of(&gathered.snapshot), None, false).expect("undone");
        assert!(undone.refused.is_empty(), "{:?}", undone.refused);
    }
}
