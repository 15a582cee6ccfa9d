//! What there is: agents, models, tools.

use serde_json::{Value, json};
use stockade_agent::tools;
use stockade_core::{AgentId, SessionKey};
use stockade_policy::{Judge, Sender, Tool};

use super::{Caller, Outcome, Params};

/// `agents.list`.
pub fn agents(caller: &Caller, _: &Params) -> Outcome {
    let running = caller.gateway().running();
    let agents: Vec<Value> = running
        .policy
        .agents
        .iter()
        .map(|agent| {
            json!({ "id": agent.id, "kind": "agent", "workspace": agent.workspace, "model": { "primary": agent.model } })
        })
        .collect();
    Ok(json!({
        "defaultId": running.default_agent().id, "ownership": "sole", "selectionRequired": false, "mainKey": "main",
        "scope": "per-sender", "agents": agents,
    }))
}

/// `models.list`: the models of the providers that agents use.
pub fn models(caller: &Caller, _: &Params) -> Outcome {
    let running = caller.gateway().running();
    let mut models = Vec::new();
    for agent in &running.policy.agents {
        let Some((provider, configured, name)) =
            agent.model.as_deref().and_then(|choice| running.loaded.config.models.resolve(choice))
        else {
            continue;
        };
        let known = configured.models.iter().find(|model| model.id == name);
        let row = json!({
            "id": name, "provider": provider, "name": known.and_then(|model| model.name.as_deref()).unwrap_or(name),
            "contextWindow": known.and_then(|model| model.context_window), "available": running.model(agent).is_ok(),
        });
        if !models.contains(&row) {
            models.push(row);
        }
    }
    Ok(json!({ "models": models }))
}

/// `agent.identity.get`.
pub fn identity(caller: &Caller, params: &Params) -> Outcome {
    let running = caller.gateway().running();
    let id = match params.optional_text("agentId")? {
        Some(id) => AgentId::parse(id).map_err(|error| params.bad("agentId", &error.to_string()))?,
        None => running.default_agent().id.clone(),
    };
    running.policy.agent(&id).ok_or_else(|| params.bad("agentId", "unknown agent id"))?;
    Ok(json!({ "agentId": id, "name": id, "nameSource": "default", "avatar": "A" }))
}

/// `tools.effective`: the tools that the judge would not refuse outright, and the reason for each that
/// it would.
pub fn tools(caller: &Caller, params: &Params) -> Outcome {
    let gateway = caller.gateway();
    let (running, lock) = (gateway.running(), gateway.lock());
    let agent = match params.optional_text("agentId")? {
        Some(id) => {
            let id = AgentId::parse(id).map_err(|error| params.bad("agentId", &error.to_string()))?;
            running.policy.agent(&id).ok_or_else(|| params.bad("agentId", "unknown agent id"))?
        }
        None => running.default_agent(),
    };
    let judge = Judge::new(&running.policy, &lock);
    let session = match params.optional_text("sessionKey")? {
        Some(_) => params.session(gateway, "sessionKey")?,
        None => SessionKey::main(&agent.id),
    };
    let sender = Sender::of(caller.session().principal());
    let (mut offered, mut denied) = (Vec::new(), Vec::new());
    for tool in tools::ALL {
        match judge.tool(agent, &session, &sender, &Tool::core(tool.name)) {
            Ok(()) => offered.push(json!({
                "id": tool.name, "label": tool.name, "description": tool.definition().description, "source": "core",
            })),
            Err(denial) => denied.push(json!({ "id": tool.name, "because": denial.to_string() })),
        }
    }
    let group = json!({ "id": "core", "label": "Built-in tools", "source": "core", "tools": offered });
    Ok(json!({ "agentId": agent.id, "profile": "full", "groups": [group], "denied": denied }))
}
