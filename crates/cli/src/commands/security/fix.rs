//! `--fix`: which fixes are made, and how that is said.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use stockade_audit::fix::{Action, Choice, Conflict, Grounds, Mask, Outcome, Refused, apply, plan};
use stockade_audit::gather::Gathered;
use stockade_audit::report::{Paint, Report};
use stockade_audit::{Finding, Safety, Snapshot};
use stockade_core::{SystemClock, text};

use super::save;
use crate::args::Audit;
use crate::output;
use crate::wiring::Place;

/// What became of the fixes.
pub struct Mended {
    state: String,
    config: String,
    id: Option<String>,
    /// What the fixes do, in words: who may still speak, what stops working.
    said: Vec<String>,
    changes: Vec<String>,
    actions: Vec<Action>,
    written: Vec<String>,
    diff: String,
    /// What was not made, and why.
    left: Vec<(String, String)>,
    /// Fixes that nobody was asked about: there is no terminal.
    waiting: usize,
    /// Whether a fix that was wanted was refused.
    pub refused: bool,
}

/// Makes the fixes: the safe ones, and those that the person at the terminal says yes to. With `--dry-run` none.
pub fn mend(place: &Place, gathered: &Gathered, report: &Report, wanted: &Audit) -> anyhow::Result<Mended> {
    let mut findings = report.all();
    let asks = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && wanted.output.is_none();
    let waiting = if asks && !wanted.dry_run && !wanted.json {
        ask(&mut findings)?;
        0
    } else {
        findings.iter().filter_map(|finding| finding.fix.as_ref()).filter(|fix| fix.safety == Safety::Ask).count()
    };
    // Without a person nothing is made that is not safe.
    let choice = if waiting == 0 { Choice::All } else { Choice::SafeOnly };
    let mut grounds = Grounds::of(&gathered.snapshot);
    for folder in folders_elsewhere(&gathered.snapshot) {
        grounds = grounds.with(&folder);
    }
    let plan = plan(&findings, &choice, &gathered.survey, &gathered.snapshot, &grounds);
    let chosen: BTreeSet<String> = plan.checks().into_iter().map(str::to_owned).collect();
    let mask = Mask::of(&gathered.survey);
    let diff = plan.diff(&mask);
    let mut left: Vec<(String, String)> = plan.conflicts().iter().map(conflict).collect();
    let outcome = if wanted.dry_run {
        let modes = plan.modes();
        let actions = modes.map(|(path, mode)| Action {
            kind: "chmod",
            path: path.to_owned(),
            mode,
            ok: false,
            skipped: Some("dry run".into()),
        });
        Outcome {
            changes: plan.changes(&mask),
            actions: actions.collect(),
            refused: plan.refused().to_vec(),
            ..Outcome::default()
        }
    } else {
        let audit = |config: &Value, modes: &[(&str, u32)]| gathered.audit_planned(config, modes);
        apply(plan, &SystemClock, &place.env, &audit)?
    };
    let undone = |check: &String| outcome.refused.iter().any(|refused| refused.checks.contains(check));
    let made = |finding: &&Finding| chosen.contains(&finding.check_id) && !undone(&finding.check_id);
    let fixes = findings.iter().filter(made).filter_map(|finding| finding.fix.as_ref());
    let fixes = fixes.filter(|fix| choice == Choice::All || fix.safety == Safety::Safe);
    let some = outcome.id.is_some() || wanted.dry_run;
    let mut said: Vec<String> = fixes.filter(|_| some).map(|fix| fix.what.clone()).collect();
    let mut known = BTreeSet::new();
    said.retain(|what| known.insert(what.clone()));
    left.extend(outcome.refused.iter().map(refusal));
    Ok(Mended {
        state: gathered.snapshot.install.state.clone(),
        config: gathered.snapshot.install.config.clone(),
        id: outcome.id,
        said,
        changes: outcome.changes,
        actions: outcome.actions,
        written: outcome.written,
        diff,
        refused: !left.is_empty(),
        left,
        waiting,
    })
}

/// Asks about each check whose fix may take something away, once; what is not wanted loses its fix.
fn ask(findings: &mut [Finding]) -> anyhow::Result<()> {
    let mut answers: BTreeMap<(String, String), bool> = BTreeMap::new();
    for finding in findings {
        let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safety == Safety::Ask) else { continue };
        let key = (finding.check_id.clone(), fix.what.clone());
        let yes = match answers.get(&key) {
            Some(yes) => *yes,
            None => {
                output::line(format!(
                    "{} {}\n  {}",
                    output::heading(&text::single_line(&finding.check_id)),
                    text::single_line(&finding.title),
                    text::single_line(&fix.what)
                ));
                output::piece("  Do it? It may take away something that is in use. [y/N] ");
                let mut line = String::new();
                std::io::stdin().lock().read_line(&mut line)?;
                matches!(line.trim(), "y" | "Y" | "yes")
            }
        };
        answers.insert(key, yes);
        if !yes {
            finding.fix = None;
        }
    }
    Ok(())
}

/// The plan of `--dry-run`.
pub fn show_plan(wanted: &Audit, mended: &Mended) -> anyhow::Result<ExitCode> {
    let shown = if wanted.json {
        let mut fix = mended.fix();
        fix["diff"] = json!(mended.diff);
        serde_json::to_string_pretty(&json!({ "fix": fix }))?
    } else {
        mended.diff.trim_end().to_owned()
    };
    match &wanted.output {
        Some(file) => save(file, &shown)?,
        None => output::line(shown),
    }
    if !wanted.json {
        for what in &mended.said {
            output::say(text::single_line(what));
        }
        for (what, why) in &mended.left {
            output::say(format!("not made: {}: {}", text::single_line(what), text::single_line(why)));
        }
        if mended.waiting > 0 {
            output::say(format!("{} more are made only after a question at a terminal", mended.waiting));
        }
    }
    Ok(if mended.refused { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Folders outside the install in which an audited file was closed: of logs, and of credentials kept elsewhere.
pub fn folders_elsewhere(snapshot: &Snapshot) -> Vec<PathBuf> {
    let log = snapshot.config.text("logging.file").map(|file| place_of(snapshot, file));
    let log = log.and_then(|file| Some(file.parent()?.to_owned()));
    let credentials = snapshot.env.text("OPENCLAW_OAUTH_DIR").map(PathBuf::from);
    log.into_iter().chain(credentials).chain([PathBuf::from("/tmp/openclaw")]).collect()
}

fn place_of(snapshot: &Snapshot, written: &str) -> PathBuf {
    match (written.strip_prefix("~/"), &snapshot.install.home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(written),
    }
}

impl Mended {
    /// In OpenClaw's shape: what was fixed, and the report of what is there now.
    pub fn json(&self, report: Value) -> Value {
        json!({ "fix": self.fix(), "report": report, "secretDiagnostics": [] })
    }

    fn fix(&self) -> Value {
        let errors: Vec<String> = self.left.iter().map(|(what, why)| format!("{what}: {why}")).collect();
        json!({
            "ok": errors.is_empty(),
            "stateDir": self.state,
            "configPath": self.config,
            "configWritten": !self.written.is_empty(),
            "said": self.said,
            "changes": self.changes,
            "actions": self.actions,
            "errors": errors,
            "written": self.written,
            "id": self.id,
            "waiting": self.waiting,
        })
    }

    /// In words.
    pub fn text(&self, paint: Paint) -> String {
        let mut out = format!("{}\n", (paint.heading)("FIX"));
        for what in &self.said {
            let _ = writeln!(out, "  {}", text::single_line(what));
        }
        for change in &self.changes {
            let _ = writeln!(out, "  {}", text::single_line(change));
        }
        for action in self.actions.iter().filter(|action| action.ok) {
            let _ = writeln!(out, "  chmod {:o} {}", action.mode, text::single_line(&action.path));
        }
        for (what, why) in &self.left {
            let _ =
                writeln!(out, "  {} {}: {}", (paint.bad)("not made:"), text::single_line(what), text::single_line(why));
        }
        match &self.id {
            Some(id) => {
                let _ = writeln!(out, "  Take it back with: stockade security undo {id}");
            }
            None => out.push_str("  Nothing was changed.\n"),
        }
        if self.waiting > 0 {
            let _ = writeln!(out, "  {} more are made only after a question at a terminal.", self.waiting);
        }
        out.push('\n');
        out
    }
}

fn conflict(conflict: &Conflict) -> (String, String) {
    let (one, other) = (&conflict.one.0, &conflict.other.0);
    (format!("{one} and {other}"), "they want different things of one key; make one of them by hand".to_owned())
}

fn refusal(refused: &Refused) -> (String, String) {
    (format!("{} ({})", refused.what, refused.checks.join(", ")), refused.why.clone())
}
