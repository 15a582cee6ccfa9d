//! `stockade config`: a changed config that would allow more waits until the operator confirms it.

use std::process::ExitCode;

use serde_json::json;
use stockade_core::text;

use crate::args::Config;
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub async fn run(place: &Place, command: Config) -> anyhow::Result<ExitCode> {
    let mut client = place.connect(&["operator.admin"]).await?;
    let held = client.call("stockade.config.held", json!({})).await?;
    let Some(waiting) = held["held"].as_object() else {
        output::say("no changed config waits");
        return Ok(ExitCode::SUCCESS);
    };
    let whole = waiting["generation"].as_str().unwrap_or_default();
    let short = whole.get(..SHORT).unwrap_or_default();
    match command {
        Config::Held { json } if json => output::json(&held)?,
        Config::Held { .. } => {
            output::line("the changed config would allow more, by:");
            for key in waiting["widens"].as_array().into_iter().flatten() {
                output::line(format!("  {}", text::single_line(key.as_str().unwrap_or_default())));
            }
            output::say(format!("`stockade config confirm {}` puts it in force", text::single_line(short)));
        }
        Config::Confirm { generation } => {
            anyhow::ensure!(
                generation.len() >= SHORT && whole.starts_with(&generation),
                "what waits is not what you were shown; look again with `stockade config held`"
            );
            let params = json!({ "generation": waiting["generation"] });
            let answer = client.call("stockade.config.confirm", params).await?;
            anyhow::ensure!(answer["ok"] == true, "it could not be put in force; see the gateway's log");
            output::say("the changed config is in force");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Characters of a generation that name it.
const SHORT: usize = 12;
