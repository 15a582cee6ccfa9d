//! `stockade approvals`: what waits for the operator, and the answer. What is allowed is the digest
//! that was shown.

use std::process::ExitCode;

use serde_json::{Value, json};
use stockade_core::text;
use stockade_gateway::client::Client;

use super::chat::short;
use crate::args::Approvals;
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub async fn run(place: &Place, command: Approvals) -> anyhow::Result<ExitCode> {
    let mut client = place.connect(&["operator.approvals"]).await?;
    match command {
        Approvals::List { json } => {
            let pending = client.call("exec.approval.list", json!({})).await?;
            let rows = pending.as_array().map(Vec::as_slice).unwrap_or_default();
            if json {
                output::json(&pending)?;
            } else if rows.is_empty() {
                output::say("nothing waits");
            }
            rows.iter().filter(|_| !json).for_each(card);
        }
        Approvals::Watch => watch(&mut client).await?,
        Approvals::Allow { id } => resolve(&mut client, &id, "allow-once").await?,
        Approvals::Deny { id } => resolve(&mut client, &id, "deny").await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn watch(client: &mut Client) -> anyhow::Result<()> {
    let pending = client.call("exec.approval.list", json!({})).await?;
    pending.as_array().into_iter().flatten().for_each(card);
    output::say("watching; answer with `stockade approvals allow ID` or `deny ID` in another terminal");
    loop {
        let event = client.event().await?;
        match event.name.as_str() {
            "exec.approval.requested" => card(&event.payload),
            "exec.approval.resolved" => {
                let by = event.payload["resolvedBy"].as_str().unwrap_or("nobody in time");
                let id = short(event.payload["id"].as_str().unwrap_or_default());
                output::line(format!("{id}  {} by {by}", event.payload["decision"].as_str().unwrap_or_default()));
            }
            _ => {}
        }
    }
}

/// Answers for the digest that the gateway shows for this id now.
async fn resolve(client: &mut Client, id: &str, decision: &str) -> anyhow::Result<()> {
    let shown = client.call("exec.approval.get", json!({ "id": id })).await?;
    let params = json!({ "id": shown["id"], "decision": decision, "digest": shown["digest"] });
    client.call("exec.approval.resolve", params).await?;
    output::say(format!("{decision}: {}", text::clip(shown["commandText"].as_str().unwrap_or_default(), 200)));
    Ok(())
}

/// The card: what will run, where, what it sees, and why it is asked.
fn card(row: &Value) {
    let request = &row["request"];
    let field = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let id = row["id"].as_str().unwrap_or_default();
    output::line(output::heading(&format!("{}  {}", short(id), field(&request["command"]))));
    let own = &request["stockade"];
    output::line(format!(
        "          in {} on the {}, agent {}",
        field(&request["cwd"]),
        field(&request["host"]),
        field(&request["agentId"])
    ));
    for mount in own["sees"].as_array().into_iter().flatten() {
        let (target, host) = (field(&mount["target"]), field(&mount["host"]));
        output::line(format!("          sees {target} ({}) = {host}", field(&mount["access"])));
    }
    for program in own["programs"].as_array().into_iter().flatten() {
        output::line(format!("          runs {} = {}", field(&program["word"]), field(&program["path"])));
    }
    for file in own["files"].as_array().into_iter().flatten() {
        let sha = field(&file["sha256"]).chars().take(16).collect::<String>();
        output::line(format!("          binds {} (sha256 {sha}…)", field(&file["path"])));
    }
    output::line(format!("          asked because {}", field(&request["warningText"])));
    output::line(format!("          stockade approvals allow {0}   |   stockade approvals deny {0}", short(id)));
}
