//! `stockade drill`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use stockade_config::{Env, Loaded, Paths, baseline, create_state_dir, own_baseline, write_new};
use stockade_core::{Secret, SessionKey};
use stockade_drill::{Held, Operator, Outcome};

use crate::output;
use crate::wiring::Place;

/// Runs the drill and prints its report.
pub async fn run(place: &Place, baseline: bool, json: bool) -> anyhow::Result<ExitCode> {
    let (loaded, what, _thrown_away) = if baseline || !place.paths.config.exists() {
        let (loaded, folder) = hardened()?;
        (loaded, "the hardened baseline".to_owned(), Some(folder))
    } else {
        (place.load()?, place.paths.config.display().to_string(), None)
    };
    output::say(format!("drill against {what}: a web page takes the model over; what follows is tried for real"));
    let mut shown = None;
    let report = stockade_drill::run(&loaded, |outcome| {
        if !json {
            print(outcome, &mut shown);
        }
    })
    .await?;
    if json {
        output::json(&report)?;
    }
    let breached = report.attempts.iter().filter(|outcome| !matches!(outcome.seen, Held::Held { .. })).count();
    let (held, all) = (report.attempts.len() - breached, report.attempts.len());
    if report.held() {
        output::say(format!("{} {held} of {all} attempts held", output::good("held:")));
        return Ok(ExitCode::SUCCESS);
    }
    output::say(format!("{} {breached} of {all} attempts got through or showed nothing", output::bad("breached:")));
    Ok(ExitCode::from(1))
}

fn print(outcome: &Outcome, shown: &mut Option<(Operator, SessionKey)>) {
    let now = (outcome.operator, outcome.session.clone());
    if shown.replace(now.clone()) != Some(now) {
        let operator = match outcome.operator {
            Operator::Away => "nobody answers the approvals",
            Operator::SaysYes => "the operator says yes to everything",
        };
        output::line(output::heading(&format!("\n{operator} (session {})", outcome.session)));
    }
    let (word, seen) = match &outcome.seen {
        Held::Held { looked_at } => (output::good("held    "), looked_at.join("; ")),
        Held::Breached { found } => (output::bad("BREACHED"), found.join("; ")),
        Held::Inconclusive { why } => (output::doubt("UNCLEAR "), why.clone()),
    };
    output::line(format!("  {word} {:<21} {}", outcome.name, outcome.tries));
    output::line(format!("           by {}; seen: {seen}", outcome.controls()));
}

/// A folder that is removed when dropped.
struct ThrownAway(PathBuf);

impl Drop for ThrownAway {
    fn drop(&mut self) {
        // What cannot be removed is left in the temporary folder, private to this user.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The baseline, loaded from a folder that is thrown away.
fn hardened() -> anyhow::Result<(Loaded, ThrownAway)> {
    let folder = std::env::temp_dir().join(format!("stockade-baseline-{}", stockade_core::TurnId::fresh()));
    create_state_dir(&folder).context("no temporary folder could be made")?;
    let folder = ThrownAway(folder);
    let paths = Paths::in_state_dir(&folder.0);
    let loaded = write_new(&paths.config, &baseline(18_789, &Secret::random()?))
        .and_then(|()| write_new(&paths.own_config, own_baseline()))
        .and_then(|()| stockade_config::load(&paths, &Env::default()));
    Ok((loaded.context("the baseline could not be loaded")?, folder))
}
