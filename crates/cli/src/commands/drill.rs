//! `stockade drill`.

use std::process::ExitCode;

use anyhow::Context as _;
use stockade_config::{Env, Loaded, Paths, baseline, create_state_dir, own_baseline, write_new};
use stockade_core::Secret;
use stockade_drill::{Held, Operator, Outcome};

use crate::output;
use crate::wiring::Place;

/// Runs the drill and prints its report.
pub async fn run(place: &Place, baseline: bool, json: bool) -> anyhow::Result<ExitCode> {
    let (loaded, what) = if baseline || !place.paths.config.exists() {
        (hardened()?, "the hardened baseline".to_owned())
    } else {
        (place.load()?, place.paths.config.display().to_string())
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

fn print(outcome: &Outcome, shown: &mut Option<Operator>) {
    if shown.replace(outcome.operator) != Some(outcome.operator) {
        output::line(output::heading(match outcome.operator {
            Operator::Away => "\nnobody answers the approvals",
            Operator::SaysYes => "\nthe operator says yes to everything",
        }));
    }
    let (word, seen) = match &outcome.seen {
        Held::Held { looked_at } => (output::good("held    "), looked_at.join("; ")),
        Held::Breached { found } => (output::bad("BREACHED"), found.join("; ")),
        Held::Inconclusive { why } => (output::doubt("UNCLEAR "), why.clone()),
    };
    output::line(format!("  {word} {:<21} {}", outcome.name, outcome.tries));
    output::line(format!("           by {}; seen: {seen}", outcome.controls()));
}

/// The baseline, loaded from a folder that is thrown away.
fn hardened() -> anyhow::Result<Loaded> {
    let folder = std::env::temp_dir().join(format!("stockade-baseline-{}", stockade_core::TurnId::fresh()));
    create_state_dir(&folder).context("no temporary folder could be made")?;
    let paths = Paths::in_state_dir(&folder);
    let loaded = write_new(&paths.config, &baseline(18_789, &Secret::random()?))
        .and_then(|()| write_new(&paths.own_config, own_baseline()))
        .and_then(|()| stockade_config::load(&paths, &Env::default()));
    loaded.context("the baseline could not be loaded")
}
