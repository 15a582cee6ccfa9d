//! `stockade approvals`: what waits for the operator, and the answer. What is allowed is the digest
//! that was shown.

use std::process::ExitCode;

use serde_json::{Value, json};
use stockade_core::text;
use stockade_gateway::client::Client;

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
    output::say("watching; answer in another terminal");
    loop {
        let event = client.event().await?;
        match event.name.as_str() {
            "exec.approval.requested" => card(&event.payload),
            "exec.approval.resolved" => {
                let by = event.payload["resolvedBy"].as_str().unwrap_or("nobody in time");
                let id = text::clip(&field(&event.payload["id"]), DIGEST);
                output::line(format!("{id}  {} by {}", field(&event.payload["decision"]), text::single_line(by)));
            }
            _ => {}
        }
    }
}

/// Answers for what the operator was shown: the id and the digest come from the card, not from a second
/// look at the gateway.
async fn resolve(client: &mut Client, answer: &str, decision: &str) -> anyhow::Result<()> {
    let (id, digest) = answer.split_once(':').unwrap_or((answer, ""));
    if decision == "allow-once" && digest.len() < DIGEST {
        anyhow::bail!("say what you allow as the card does: `stockade approvals allow ID:DIGEST`");
    }
    let current = client.call("exec.approval.get", json!({ "id": id })).await?;
    let whole = current["digest"].as_str().unwrap_or_default();
    if !whole.starts_with(digest) {
        anyhow::bail!("request {id} is not what you were shown; look again with `stockade approvals list`");
    }
    let params = json!({ "id": current["id"], "decision": decision, "digest": whole });
    client.call("exec.approval.resolve", params).await?;
    output::say(format!("{decision}: {}", text::clip(current["commandText"].as_str().unwrap_or_default(), 200)));
    Ok(())
}

/// The card: what will run, where, what it sees, and why it is asked. Every line is the card's own: the
/// command stands behind a bar, so that none of its lines can pass for a field.
fn card(row: &Value) {
    let request = &row["request"];
    let own = &request["stockade"];
    let line = |name: &str, value: String| output::line(format!("  {name:<9} {value}"));
    let answer = answer(row);
    output::line(output::heading(&format!(
        "{answer}  agent {}, on the {}",
        field(&request["agentId"]),
        field(&request["host"])
    )));
    for part in text::visible(request["command"].as_str().unwrap_or_default()).split('\n') {
        output::line(format!("  | {part}"));
    }
    line("in", field(&request["cwd"]));
    for mount in own["sees"].as_array().into_iter().flatten() {
        line("sees", format!("{} ({}) = {}", field(&mount["target"]), field(&mount["access"]), field(&mount["host"])));
    }
    for program in own["programs"].as_array().into_iter().flatten() {
        line("runs", format!("{} = {}", field(&program["word"]), field(&program["path"])));
    }
    for file in own["files"].as_array().into_iter().flatten() {
        let sha = text::clip(&field(&file["sha256"]), 16);
        line("binds", format!("{} (sha256 {sha})", field(&file["path"])));
    }
    if own["bindsEverything"] == json!(false) {
        line("binds not", "all that it may run: the command is not understood in full".to_owned());
    }
    let flag = |name: &str| own[name] == json!(true);
    let network = if flag("network") { "network of this machine" } else { "no network" };
    let background = if flag("background") { ", goes on in the background" } else { "" };
    line("limits", format!("{network}, {} s{background}", field(&own["timeoutSeconds"])));
    line("asked", format!("because {}", field(&request["warningText"])));
    line("answer", format!("stockade approvals allow {answer}   |   stockade approvals deny {answer}"));
}

/// The request and what was shown of it, short enough to type.
fn answer(row: &Value) -> String {
    let digest = row["request"]["stockade"]["digest"].as_str().unwrap_or_default();
    let short = |text: &str| text.chars().take(DIGEST).collect::<String>();
    format!("{}:{}", short(row["id"].as_str().unwrap_or_default()), short(digest))
}

/// A value of the card on one line, free of anything that could repaint the terminal.
fn field(value: &Value) -> String {
    match value {
        Value::String(text) => text::single_line(text),
        Value::Null => "-".to_owned(),
        other => text::single_line(&other.to_string()),
    }
}

/// Characters of an id and of a digest that an answer carries.
const DIGEST: usize = 8;
