//! `stockade chat`: one message, its answer as it comes.

use std::process::ExitCode;

use serde_json::{Value, json};
use stockade_core::TurnId;
use stockade_core::text::{single_line, visible};

use crate::output;
use crate::wiring::Place;

/// Sends the message and prints the answer.
pub async fn run(place: &Place, message: &str, session: &str, json: bool) -> anyhow::Result<ExitCode> {
    let mut client = place.connect(&["operator.write", "operator.approvals"]).await?;
    let turn = TurnId::fresh();
    let params = json!({ "sessionKey": session, "message": message, "idempotencyKey": turn });
    client.call("chat.send", params).await?;
    loop {
        let event = client.event().await?;
        let payload = &event.payload;
        let own = payload["runId"] == turn.as_str() || payload["request"]["runId"] == turn.as_str();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match (event.name.as_str(), payload["state"].as_str().unwrap_or_default()) {
            _ if !own => {}
            ("chat", "delta") if !json => output::piece(&visible(&text(&payload["deltaText"]))),
            ("chat", "final") => {
                if json {
                    output::json(payload)?;
                } else {
                    output::line("");
                }
                return Ok(ExitCode::SUCCESS);
            }
            ("chat", "error") => anyhow::bail!("{}", visible(&text(&payload["errorMessage"]))),
            ("chat", "aborted") => anyhow::bail!("the turn was cancelled"),
            ("exec.approval.requested", _) => {
                output::say(output::doubt("a command waits for you: see `stockade approvals list`"));
            }
            ("agent", _) if payload["stream"] == "tool" && payload["data"]["phase"] == "start" => {
                output::say(format!("[{}]", single_line(&text(&payload["data"]["name"]))));
            }
            _ => {}
        }
    }
}
