//! Writes a plan: all of it, or what was written is taken back.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use stockade_config::Env;
use stockade_config::survey::Survey;
use stockade_core::{Clock, Digest};

use super::fault::FixError;
use super::handle::{Handle, Moment, Watch, refuse};
use super::journal::{Journal, Record, Splice, Step, VERSION, new_id};
use super::mask::Mask;
use super::plan::{Plan, Refused, TextStep};
use super::undo::take_back;
use crate::finding::{Finding, Place, Severity};

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The run, for `undo`; `None` when there was nothing to do.
    pub id: Option<String>,
    /// The keys that were changed, as [`Plan::changes`] says them.
    pub changes: Vec<String>,
    /// The permission bits that were changed, and those that were not.
    pub actions: Vec<Action>,
    /// The files whose text was changed, as they were named.
    pub written: Vec<String>,
    /// What was not made, and why.
    pub refused: Vec<Refused>,
}

/// One change of permission bits, in the shape of OpenClaw's `--fix --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Always `chmod`.
    pub kind: &'static str,
    /// The file or folder.
    pub path: String,
    /// The bits, as the decimal number that JSON has.
    pub mode: u32,
    /// Whether it was made.
    pub ok: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// Says what would be found in an install with a merged config, its secrets in it, and permission bits by path.
pub type Auditor<'a> = &'a dyn Fn(&Value, &[(&str, u32)]) -> Vec<Finding>;

/// Writes a plan. `audit` says what would be found in an install with this merged config and these permission bits;
/// nothing is written when that is worse than what the plan was made from: more findings of a check, or a more severe
/// one, notes of [`Severity::Info`] aside, and unless its section of the config is better for it as a whole.
///
/// `env` says where includes may lie. Each file is looked at once more first, and a fix of one that changed since is
/// left out. The inverse of every step is on disk before the first. Folders and files are closed before texts are written.
///
/// # Errors
/// [`FixError`]; unless it is [`FixError::Failed`] with something left, the install is as it was.
pub fn apply(plan: Plan<'_>, clock: &dyn Clock, env: &Env, audit: Auditor<'_>) -> Result<Outcome, FixError> {
    apply_watched(plan, clock, env, audit, &|_, _| Ok(()))
}

/// The same, and tells of each moment.
pub(super) fn apply_watched(
    mut plan: Plan<'_>,
    clock: &dyn Clock,
    env: &Env,
    audit: Auditor<'_>,
    watch: Watch<'_>,
) -> Result<Outcome, FixError> {
    if let Some(journal) = Journal::open(plan.grounds().state())? {
        journal.claim()?;
        journal.expect_whole()?;
    }
    plan.look_again(env);
    if plan.is_empty() {
        return Ok(outcome(&plan, None));
    }
    if plan.differs() {
        return Err(FixError::Differs);
    }
    let modes: Vec<(&str, u32)> = plan.modes().collect();
    no_worse(plan.before(), &audit(plan.value(), &modes))?;
    let journal = Journal::lock(plan.grounds().state())?;
    journal.expect_whole()?;
    let at = clock.now();
    let id = new_id(at).inspect_err(|_| journal.tidy(journal.made_home))?;
    let record = Record { version: VERSION, at, made_home: journal.made_home, steps: steps(&plan) };
    if let Err(error) = journal.write(&id, &record) {
        let _ = journal.forget(&id, journal.made_home);
        return Err(error);
    }
    if let Err((path, source)) = carry_out(&plan, &record, &id, env, watch) {
        let left = take_back(&record, &id, plan.grounds());
        if left.is_empty() {
            // What is left of the record is seen by the next run, and undoing it again changes nothing.
            let _ = journal.forget(&id, record.made_home);
        }
        return Err(FixError::Failed { path, source, left });
    }
    journal.finish(&id)?;
    Ok(outcome(&plan, Some(id)))
}

/// Makes every step, and looks whether it is there and the config now means what was planned.
fn carry_out(
    plan: &Plan<'_>,
    record: &Record,
    id: &str,
    env: &Env,
    watch: Watch<'_>,
) -> Result<(), (PathBuf, io::Error)> {
    let home = plan.grounds().state();
    let named = |path: &Path| {
        let path = path.to_owned();
        move |error| (path.clone(), error)
    };
    watch(Moment::Recorded, home).map_err(named(home))?;
    for step in plan.mode_steps() {
        let change = || {
            watch(Moment::Mode, &step.real)?;
            Handle::at(&step.real)?.set_mode(|found| found.is(&step.identity), step.to)
        };
        change().map_err(named(Path::new(&step.shown)))?;
    }
    for step in plan.texts() {
        let change = || {
            let handle = Handle::at(&step.real)?;
            let now = handle.identity()?;
            if (now.uid, now.gid) != (step.identity.uid, step.identity.gid) {
                return Err(refuse("has another owner now"));
            }
            handle.replace(&draft_name(&step.real, id), Digest::of(step.old.as_bytes()), &step.new, watch)
        };
        change().map_err(named(step.shown))?;
    }
    watch(Moment::Changed, home).map_err(named(home))?;
    for step in &record.steps {
        let path = Path::new(step.path());
        holds(step).map_err(named(path))?;
    }
    let config = plan.survey().sources.first().filter(|_| !plan.texts().is_empty());
    if let Some(config) = config.filter(|config| Survey::read(&config.path, env).value != *plan.value()) {
        return Err((config.path.clone(), refuse("means something else now than was planned")));
    }
    Ok(())
}

/// Whether a step is there on disk.
fn holds(step: &Step) -> io::Result<()> {
    let handle = Handle::at(Path::new(step.path()))?;
    let there = match step {
        Step::Mode { to, .. } => handle.identity()?.mode == *to,
        Step::Text { to, .. } => Digest::of(handle.read()?.0.as_bytes()) == *to,
    };
    if there { Ok(()) } else { Err(refuse("is not as it was written")) }
}

fn steps(plan: &Plan<'_>) -> Vec<Step> {
    let modes = plan.mode_steps().iter().map(|step| Step::Mode {
        path: step.real.display().to_string(),
        uid: step.identity.uid,
        from: step.identity.mode,
        to: step.to,
        checks: step.checks.clone(),
    });
    let texts = plan.texts().iter().map(|step| Step::Text {
        path: step.real.display().to_string(),
        uid: step.identity.uid,
        from: Digest::of(step.old.as_bytes()),
        to: Digest::of(step.new.as_bytes()),
        splices: splices(step),
        checks: step.checks.clone(),
    });
    modes.chain(texts).collect()
}

fn splices(step: &TextStep<'_>) -> Vec<Splice> {
    let was = |range: &std::ops::Range<usize>| step.old.get(range.clone()).unwrap_or_default().to_owned();
    let splice = |region: &super::region::Region| Splice {
        at: region.new.start,
        length: region.new.len(),
        was: was(&region.old),
    };
    step.regions.iter().map(splice).collect()
}

/// The name under which a new text is written first; nobody can know it before.
pub(super) fn draft_name(real: &Path, id: &str) -> String {
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.{id}.fix")
}

fn no_worse(before: &[Finding], after: &[Finding]) -> Result<(), FixError> {
    let (mut more, mut known) = (Vec::new(), before.iter().collect::<Vec<_>>());
    let mut remaining = Vec::new();
    for finding in after {
        // Known by check and not by place: of a finding about several places the first may be the one that was mended.
        // It counts where it stood, so that it is not new to the section that is its first place now.
        let same = |other: &&Finding| other.check_id == finding.check_id && other.severity >= finding.severity;
        let here = known.iter().position(|other| same(other) && section(other) == section(finding));
        let stood = here.or_else(|| known.iter().position(same)).map(|at| known.swap_remove(at));
        remaining.push((section(stood.unwrap_or(finding)), finding.severity));
        if stood.is_none() {
            more.push(finding);
        }
    }
    let before: Vec<_> = before.iter().map(|finding| (section(finding), finding.severity)).collect();
    let lighter = |finding: &Finding| {
        let section = section(finding);
        let (was, is) = (weight(&before, section), weight(&remaining, section));
        // What is left of a door that is half closed weighs less than the door did.
        section.is_some() && is.0 <= was.0 && is.1 <= was.1
    };
    let worse = more.into_iter().filter(|finding| finding.severity > Severity::Info && !lighter(finding));
    let worse: Vec<String> = worse.map(|finding| format!("{} ({})", finding.check_id, finding.severity.id())).collect();
    if worse.is_empty() { Ok(()) } else { Err(FixError::Worse { findings: worse }) }
}

/// How many critical findings one section has, and what all of them weigh.
fn weight(findings: &[(Section<'_>, Severity)], of: Section<'_>) -> (usize, usize) {
    let count = |severity| findings.iter().filter(|found| **found == (of, severity)).count();
    let (critical, warn) = (count(Severity::Critical), count(Severity::Warn));
    (critical, critical.saturating_mul(10).saturating_add(warn))
}

/// A part of the config; none of a finding about files.
type Section<'f> = Option<(&'f str, Option<&'f str>)>;

/// The part of the config that a finding is about: the first part of its first key, and the channel when it is one.
fn section(finding: &Finding) -> Section<'_> {
    let keys = finding.places.iter().find_map(|place| match place {
        Place::Key(key) => Some(key.parts()),
        Place::File(_) | Place::Line(..) => None,
    });
    match keys? {
        [first, second, ..] if first == "channels" => Some((first, Some(second))),
        [first, ..] => Some((first, None)),
        [] => None,
    }
}

fn outcome(plan: &Plan<'_>, id: Option<String>) -> Outcome {
    let made = plan.mode_steps().iter().map(|step| Action {
        kind: CHMOD,
        path: step.shown.clone(),
        mode: step.to,
        ok: true,
        skipped: None,
    });
    let skipped = plan.refused().iter().filter_map(|refused| {
        Some(Action {
            kind: CHMOD,
            path: refused.what.clone(),
            mode: refused.mode?,
            ok: false,
            skipped: Some(refused.why.clone()),
        })
    });
    Outcome {
        id,
        changes: plan.changes(&Mask::of(plan.survey())),
        actions: made.chain(skipped).collect(),
        written: plan.texts().iter().map(|step| step.shown.display().to_string()).collect(),
        refused: plan.refused().to_vec(),
    }
}

const CHMOD: &str = "chmod";
