//! `stockade security`: what is weak in an install, and mending it.

mod fix;

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;
use stockade_audit::authority::{self, Authority};
use stockade_audit::fix::Grounds;
use stockade_audit::gather::{Depth, Gathered, Progress};
use stockade_audit::live::{self, Target};
use stockade_audit::report::{Baseline, Paint, Probe, Report, Sources};
use stockade_audit::{Model, Severity, Snapshot, gather, report};
use stockade_core::{Secret, text};

use crate::args::{Audit, AuthMode, FailOn, GraphFormat, Security};
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub fn run(place: &Place, command: Security) -> anyhow::Result<ExitCode> {
    match command {
        Security::Audit(wanted) => audit(place, &wanted),
        Security::Undo { list: true, json, .. } => list(place, json),
        Security::Undo { id, json, .. } => undo(place, id.as_deref(), json),
    }
}

fn audit(place: &Place, wanted: &Audit) -> anyhow::Result<ExitCode> {
    let baseline = wanted.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(file) = &wanted.from {
        let mut snapshot = read_snapshot(file)?;
        override_auth(&mut snapshot, wanted)?;
        return finish(wanted, &snapshot, baseline.as_ref(), &Sources::default(), None, None);
    }
    let depth = if wanted.deep { Depth::Code } else { Depth::Install };
    let mut gathered = look(place, depth)?;
    override_auth(&mut gathered.snapshot, wanted)?;
    let probe = probe(place, wanted, &mut gathered.snapshot);
    if let Some(file) = &wanted.snapshot {
        save(file, &serde_json::to_string_pretty(&gathered.snapshot)?)?;
    }
    if !wanted.fix {
        return finish(wanted, &gathered.snapshot, baseline.as_ref(), &gathered.sources, None, probe);
    }
    let report = Report::of(&gathered.snapshot, baseline.as_ref());
    let mended = fix::mend(place, &gathered, &report, wanted)?;
    if wanted.dry_run {
        return fix::show_plan(wanted, &mended);
    }
    // What is said is true of what is there now.
    let mut after = look(place, depth)?;
    override_auth(&mut after.snapshot, wanted)?;
    // The gateway is not asked twice: what it answers is not what was mended.
    after.snapshot.live = gathered.snapshot.live;
    finish(wanted, &after.snapshot, baseline.as_ref(), &after.sources, Some(&mended), probe)
}

fn finish(
    wanted: &Audit,
    snapshot: &Snapshot,
    baseline: Option<&Baseline>,
    sources: &Sources,
    mended: Option<&fix::Mended>,
    probe: Option<Probe>,
) -> anyhow::Result<ExitCode> {
    let mut report = Report::of(snapshot, baseline);
    report.probe = probe;
    if let Some(file) = &wanted.write_baseline {
        save(file, &serde_json::to_string_pretty(&Baseline::of(&report))?)?;
    }
    show(wanted, snapshot, &report, sources, mended)?;
    let refused = mended.is_some_and(|mended| mended.refused);
    Ok(if refused || reaches(wanted.fail_on, report.worst()) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Looks at what runs, with `--deep` only.
fn probe(place: &Place, wanted: &Audit, snapshot: &mut Snapshot) -> Option<Probe> {
    let secret = |text: &Option<String>| text.as_deref().map(Secret::new);
    let target = Target::of(&place.paths, &place.env, secret(&wanted.token), secret(&wanted.password));
    wanted.deep.then(|| live::look(snapshot, &target))
}

/// Looks at the host; on a terminal it says how far it is when that takes longer than half a second.
fn look(place: &Place, depth: Depth) -> anyhow::Result<Gathered> {
    let progress = Arc::new(Progress::default());
    let done = Arc::new(AtomicBool::new(false));
    let watcher = std::io::stderr().is_terminal().then(|| {
        let (progress, done) = (Arc::clone(&progress), Arc::clone(&done));
        std::thread::spawn(move || watch(&progress, &done))
    });
    let gathered = gather::snapshot(&place.paths, &place.env, depth, &progress);
    done.store(true, Ordering::Release);
    if let Some(watcher) = watcher {
        watcher.thread().unpark();
        // A watcher that failed has only failed to show progress.
        let _ = watcher.join();
    }
    Ok(gathered?)
}

fn watch(progress: &Progress, done: &AtomicBool) {
    let mut shown = false;
    let mut wait = Duration::from_millis(500);
    loop {
        std::thread::park_timeout(wait);
        if done.load(Ordering::Acquire) {
            break;
        }
        let (files, bytes) = (progress.files.load(Ordering::Relaxed), progress.bytes.load(Ordering::Relaxed));
        output::progress(&format!("looking … {files} files, {} MB", bytes / 1_000_000));
        shown = true;
        wait = Duration::from_millis(200);
    }
    if shown {
        output::progress("");
    }
}

fn show(
    wanted: &Audit,
    snapshot: &Snapshot,
    report: &Report,
    sources: &Sources,
    mended: Option<&fix::Mended>,
) -> anyhow::Result<()> {
    let authority = || Authority::of(&Model::of(snapshot));
    let text = if wanted.json {
        let json = report::json(report);
        serde_json::to_string_pretty(&mended.map_or_else(|| json.clone(), |mended| mended.json(json.clone())))?
    } else if wanted.sarif {
        serde_json::to_string_pretty(&report::sarif(report))?
    } else if wanted.html {
        report::html(report, sources, Some(&authority::svg(&authority())))
    } else if let Some(format) = wanted.graph {
        match format {
            GraphFormat::Text => authority::text(&authority()),
            GraphFormat::Json => serde_json::to_string_pretty(&authority::json(&authority()))?,
            GraphFormat::Svg => authority::svg(&authority()),
        }
    } else {
        let paint = match &wanted.output {
            Some(_) => Paint::plain(),
            None => Paint { bad: output::bad, doubt: output::doubt, good: output::good, heading: output::heading },
        };
        let fixed = mended.map(|mended| mended.text(paint)).unwrap_or_default();
        format!("{fixed}{}", report::terminal(report, sources, paint))
    };
    match &wanted.output {
        Some(file) => save(file, &text),
        None => {
            output::line(text.trim_end());
            Ok(())
        }
    }
}

/// Takes back a fix.
fn undo(place: &Place, id: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let gathered = look(place, Depth::Install)?;
    let mut grounds = Grounds::of(&gathered.snapshot);
    for folder in fix::folders_elsewhere(&gathered.snapshot) {
        grounds = grounds.with(&folder);
    }
    let undone = stockade_audit::fix::undo(&grounds, id, false)?;
    let refused: Vec<_> = undone.refused.iter().map(|left| json!({ "path": left.what, "why": left.why })).collect();
    if json {
        output::json(&json!({ "id": undone.id, "restored": undone.restored, "refused": refused }))?;
    } else {
        for path in &undone.restored {
            output::line(format!("restored {}", text::single_line(path)));
        }
        for left in &undone.refused {
            let (path, why) = (text::single_line(&left.what), text::single_line(&left.why));
            output::line(format!("{} {path}: {why}", output::bad("left")));
        }
        if undone.refused.is_empty() {
            output::say(format!("{} is undone", undone.id));
        }
    }
    Ok(if undone.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn list(place: &Place, json: bool) -> anyhow::Result<ExitCode> {
    let runs = stockade_audit::fix::runs(&place.paths.state)?;
    if json {
        let runs: Vec<_> = runs
            .iter()
            .map(|run| json!({ "id": run.id, "at": run.at.0, "whole": run.whole, "paths": run.paths }))
            .collect();
        output::json(&json!({ "fixes": runs }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for run in &runs {
        let state = if run.whole { "" } else { " (interrupted: undo it)" };
        output::line(format!("{} {} files{state}", run.id, run.paths.len()));
    }
    if runs.is_empty() {
        output::say("no fix can be undone");
    }
    Ok(ExitCode::SUCCESS)
}

fn reaches(limit: Option<FailOn>, worst: Option<Severity>) -> bool {
    let limit = limit.map(|limit| match limit {
        FailOn::Critical => Severity::Critical,
        FailOn::Warn => Severity::Warn,
        FailOn::Info => Severity::Info,
    });
    limit.is_some_and(|limit| worst.is_some_and(|worst| worst >= limit))
}

/// `--auth`, `--token` and `--password`: what a gateway was started with that its config does not say.
fn override_auth(snapshot: &mut Snapshot, wanted: &Audit) -> anyhow::Result<()> {
    let Some(mode) = wanted.auth else { return Ok(()) };
    let (mode, name, secret) = match mode {
        AuthMode::None => ("none", "", None),
        AuthMode::TrustedProxy => ("trusted-proxy", "", None),
        AuthMode::Token => {
            let token = wanted.token.as_deref().context("--auth token needs --token")?;
            ("token", "token", Some(token))
        }
        AuthMode::Password => {
            let password = wanted.password.as_deref().context("--auth password needs --password")?;
            ("password", "password", Some(password))
        }
    };
    gather::override_auth(snapshot, mode, secret.map(|secret| (name, secret)))?;
    Ok(())
}

fn read_snapshot(file: &Path) -> anyhow::Result<Snapshot> {
    let text = read(file)?;
    let snapshot: Snapshot =
        serde_json::from_str(&text).with_context(|| format!("{} is no snapshot", file.display()))?;
    let known = stockade_audit::snapshot::VERSION;
    if snapshot.version != known {
        bail!("{} has version {}, and this program reads version {known}", file.display(), snapshot.version);
    }
    Ok(snapshot)
}

fn read_baseline(file: &Path) -> anyhow::Result<Baseline> {
    Baseline::parse(&read(file)?).map_err(|why| anyhow::anyhow!("{} {why}", file.display()))
}

/// A text of a bounded size: a saved file may come from anywhere.
fn read(file: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let unread = || format!("{} cannot be read", file.display());
    let mut text = String::new();
    std::fs::File::open(file)
        .with_context(unread)?
        .take(MAX_SAVED + 1)
        .read_to_string(&mut text)
        .with_context(unread)?;
    if text.len() as u64 > MAX_SAVED {
        bail!("{} is larger than {MAX_SAVED} bytes", file.display());
    }
    Ok(text)
}

/// The largest snapshot or baseline that is read, in bytes.
const MAX_SAVED: u64 = 256 * 1024 * 1024;

/// A new file for the owner alone; what is there is never overwritten.
fn save(file: &Path, text: &str) -> anyhow::Result<()> {
    Ok(stockade_config::write_new(file, text)?)
}
