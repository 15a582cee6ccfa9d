//! `stockade config`: a changed config that would allow more waits until the operator confirms it.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};
use stockade_core::{Digest, SystemClock, text};
use stockade_gateway::confirmed::{self, RememberError};
use stockade_policy::ratchet::{Change, Direction};
use stockade_store::journal::JournalError;

use crate::args::Config;
use crate::output;
use crate::wiring::Place;

/// Runs a command that needs the gateway.
pub async fn run(place: &Place, command: Config) -> anyhow::Result<ExitCode> {
    if let Config::Accept { generation, json } = command {
        return accept(place, generation.as_deref(), json);
    }
    let mut client = place.connect(&["operator.admin"]).await?;
    let held = client.call("stockade.config.held", json!({})).await?;
    let Some(waiting) = held["held"].as_object() else {
        match command {
            Config::Held { json: true } => output::json(&held)?,
            Config::Confirm { .. } => anyhow::bail!("no changed config waits; look again with `stockade config held`"),
            _ => output::say("no changed config waits"),
        }
        return Ok(ExitCode::SUCCESS);
    };
    let whole = waiting["generation"].as_str().unwrap_or_default();
    match command {
        Config::Held { json: true } => output::json(&held)?,
        Config::Confirm { generation } => {
            anyhow::ensure!(is_named(whole, &generation), NOT_SHOWN);
            let params = json!({ "generation": waiting["generation"] });
            let answer = client.call("stockade.config.confirm", params).await?;
            anyhow::ensure!(answer["ok"] == true, "it could not be put in force; see the gateway's log");
            output::say("the changed config is in force");
        }
        _ => {
            output::line("the changed config would allow more:");
            for change in waiting["changes"].as_array().into_iter().flatten() {
                let field = |name: &str| text::single_line(change[name].as_str().unwrap_or_default());
                line(&field("key"), &field("direction"), &field("because"));
            }
            output::say(format!("`stockade config confirm {}` puts it in force", short(whole)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the config on the disk the confirmed one, without a gateway; without a generation, only shows it.
fn accept(place: &Place, named: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let review = confirmed::review(&place.paths, &place.env)?;
    let whole = review.generation().hex();
    let Some(named) = named else {
        if json {
            output::json(&shown(review.generation(), &review.changes))?;
            return Ok(ExitCode::SUCCESS);
        }
        match &review.changes {
            Ok(changes) if changes.is_empty() => output::line("the config on the disk is the confirmed one"),
            Ok(changes) => {
                output::line("the config on the disk changes:");
                print(changes);
            }
            Err(why) => output::line(format!("what it changes cannot be shown: {}", text::single_line(why))),
        }
        output::say(format!("`stockade config accept {}` makes it the one that the next start uses", short(&whole)));
        return Ok(ExitCode::SUCCESS);
    };
    anyhow::ensure!(is_named(&whole, named), NOT_SHOWN);
    let by = place.env.get("USER").unwrap_or("operator").to_owned();
    match review.accept(&by, place.redactor.clone(), Arc::new(SystemClock)) {
        Err(RememberError::Journal(JournalError::Locked { .. })) => {
            anyhow::bail!("a gateway runs on this state: use `stockade config held` and `stockade config confirm`")
        }
        done => done?,
    }
    output::say("the config on the disk is the confirmed one now");
    Ok(ExitCode::SUCCESS)
}

/// The changes, one a line.
pub fn print(changes: &[Change]) {
    for change in changes {
        line(&change.key, change.direction.id(), &text::single_line(&change.because));
    }
}

fn line(key: &str, direction: &str, because: &str) {
    let word = format!("{direction:<10}");
    let word = match direction {
        _ if direction == Direction::Widening.id() => output::bad(&word),
        _ if direction == Direction::Tightening.id() => output::good(&word),
        _ => word,
    };
    output::line(format!("  {word} {key}: {because}"));
}

fn shown(generation: Digest, changes: &Result<Vec<Change>, String>) -> Value {
    match changes {
        Ok(changes) => json!({ "generation": generation, "changes": changes }),
        Err(why) => json!({ "generation": generation, "changes": null, "why": why }),
    }
}

/// Whether an operator who was shown a config means this one.
fn is_named(whole: &str, named: &str) -> bool {
    named.len() >= SHORT && whole.starts_with(named)
}

/// The start of a generation, as it is shown.
pub fn short(whole: &str) -> String {
    text::single_line(whole.get(..SHORT).unwrap_or_default())
}

const NOT_SHOWN: &str = "what waits is not what you were shown; look again with `stockade config held`";
/// Characters of a generation that name it.
const SHORT: usize = 12;
