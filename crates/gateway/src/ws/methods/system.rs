//! `health`, `status`, `system-presence`.

use serde_json::{Value, json};
use stockade_core::SessionKey;
use stockade_policy::AgentPolicy;

use super::{Caller, Outcome, Params};
use crate::Gateway;
use crate::ws::COMPATIBLE_VERSION;

/// Any authenticated connection may ask.
pub fn health(caller: &Caller, _: &Params) -> Outcome {
    Ok(health_payload(caller.gateway()))
}

/// The gateway's health, computed for each call.
pub fn health_payload(gateway: &Gateway) -> Value {
    let running = gateway.running();
    let lock = gateway.lock();
    let default = &running.default_agent().id;
    let (sessions, store) = (gateway.sessions.list(), running.loaded.paths.data.join("agents"));
    let row = |agent: &AgentPolicy| {
        let count = sessions.iter().filter(|session| session.agent == agent.id).count();
        json!({
            "agentId": agent.id, "isDefault": agent.id == *default, "heartbeat": { "enabled": false },
            "sessions": { "path": store, "count": count, "recent": [] },
        })
    };
    let agents: Vec<Value> = running.policy.agents.iter().map(row).collect();
    json!({
        "ok": lock == stockade_policy::Lock::Released,
        "ts": gateway.clock.now(),
        "durationMs": 0,
        "plugins": { "loaded": [], "errors": [], "unavailable": [] },
        "configReload": { "hotReloadStatus": "active" },
        "channels": {}, "channelOrder": [], "channelLabels": {},
        "heartbeatSeconds": 0,
        "defaultAgentId": default,
        "agents": agents,
        "sessions": { "path": store, "count": sessions.len(), "recent": [] },
        "modelRuntime": { "degraded": false, "pendingAgents": [] },
    })
}

/// What runs.
pub fn status(caller: &Caller, _: &Params) -> Outcome {
    let gateway = caller.gateway();
    let running = gateway.running();
    let default = running.default_agent();
    let recent: Vec<Value> = gateway.sessions.list().iter().take(10).map(super::sessions::row).collect();
    Ok(json!({
        "runtimeVersion": COMPATIBLE_VERSION,
        "heartbeat": { "defaultAgentId": default.id, "agents": [] },
        "channelSummary": [], "queuedSystemEvents": [],
        "sessions": {
            "paths": [running.loaded.paths.data.join("agents")], "count": gateway.sessions.count(),
            "defaults": { "model": default.model }, "recent": recent, "byAgent": [],
        },
        "tasks": { "total": 0, "active": 0, "terminal": 0, "failures": 0, "byStatus": {}, "byRuntime": {} },
        "taskAudit": { "total": 0, "warnings": 0, "errors": 0, "byCode": {} },
        "pendingApprovals": gateway.approvals.pending().len(),
        "mainSessionKey": SessionKey::main(&default.id),
    }))
}

/// Who is there: the gateway itself.
pub fn presence(caller: &Caller, _: &Params) -> Outcome {
    Ok(json!([presence_row(caller.gateway())]))
}

/// The gateway's row. It says nothing about the machine.
pub fn presence_row(gateway: &Gateway) -> Value {
    json!({
        "host": "gateway", "version": COMPATIBLE_VERSION, "platform": "linux", "mode": "gateway", "reason": "self",
        "text": format!("Gateway · app {COMPATIBLE_VERSION} · mode gateway · reason self"), "ts": gateway.clock.now(),
    })
}
