//! `stockade security`: what is weak in an install, and mending it.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use stockade_audit::gather::{Gathered, Progress};
use stockade_audit::report::{Baseline, Paint, Report, Sources};
use stockade_audit::{Severity, Snapshot, gather, report};

use crate::args::{Audit, AuthMode, FailOn, GraphFormat, Security};
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub fn run(place: &Place, command: Security) -> anyhow::Result<ExitCode> {
    match command {
        Security::Audit(wanted) => audit(place, &wanted),
        Security::Undo { .. } => bail!("not yet"),
    }
}

fn audit(place: &Place, wanted: &Audit) -> anyhow::Result<ExitCode> {
    let baseline = wanted.baseline.as_deref().map(read_baseline).transpose()?;
    let gathered = match &wanted.from {
        Some(file) => Gathered::saved(read_snapshot(file)?),
        None => look(place)?,
    };
    let Gathered { mut snapshot, sources, .. } = gathered;
    override_auth(&mut snapshot, wanted)?;
    if let Some(file) = &wanted.snapshot {
        save(file, &serde_json::to_string_pretty(&snapshot)?)?;
    }
    let report = Report::of(&snapshot, baseline.as_ref());
    if let Some(file) = &wanted.write_baseline {
        save(file, &serde_json::to_string_pretty(&Baseline::of(&report))?)?;
    }
    show(wanted, &report, &sources)?;
    Ok(if reaches(wanted.fail_on, report.worst()) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Looks at the host; on a terminal it says how far it is when that takes longer than half a second.
fn look(place: &Place) -> anyhow::Result<Gathered> {
    let progress = Arc::new(Progress::default());
    let done = Arc::new(AtomicBool::new(false));
    let watcher = std::io::stderr().is_terminal().then(|| {
        let (progress, done) = (Arc::clone(&progress), Arc::clone(&done));
        std::thread::spawn(move || watch(&progress, &done))
    });
    let gathered = gather::snapshot(&place.paths, &place.env, &progress);
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

fn show(wanted: &Audit, report: &Report, sources: &Sources) -> anyhow::Result<()> {
    let text = if wanted.json {
        serde_json::to_string_pretty(&report::json(report))?
    } else if wanted.sarif {
        serde_json::to_string_pretty(&report::sarif(report))?
    } else if wanted.html {
        report::html(report, sources, None)
    } else {
        let paint = match &wanted.output {
            Some(_) => Paint::plain(),
            None => Paint { bad: output::bad, doubt: output::doubt, good: output::good, heading: output::heading },
        };
        report::terminal(report, sources, paint)
    };
    match &wanted.output {
        Some(file) => save(file, &text),
        None => {
            output::line(text.trim_end());
            Ok(())
        }
    }
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

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// A new file for the owner alone; what is there is never overwritten.
fn save(file: &Path, text: &str) -> anyhow::Result<()> {
    Ok(stockade_config::write_new(file, text)?)
}
