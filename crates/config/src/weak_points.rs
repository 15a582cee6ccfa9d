//! Where an existing config is weaker than the baseline. Nothing is changed: the operator's meaning
//! stays, and is said.

use std::fmt;

use crate::load::Loaded;
use crate::model::{
    AuthMode, Config, ExecAsk, ExecSecurity, GroupPolicy, MdnsMode, SandboxMode, SandboxScope, TailscaleMode,
    WorkspaceAccess,
};
use crate::strength::weakness;

/// One key that is weaker than the baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakPoint {
    /// The key.
    pub key: String,
    /// The fact.
    pub what: String,
    /// What the baseline has.
    pub remedy: String,
}

impl fmt::Display for WeakPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.key, self.what, self.remedy)
    }
}

/// Everything in which a config is weaker than the baseline, in the order of the file.
#[must_use]
pub fn weak_points(loaded: &Loaded) -> Vec<WeakPoint> {
    let mut found = Vec::new();
    gateway(&loaded.config, &mut found);
    agents(&loaded.config, &mut found);
    tools(&loaded.config, &mut found);
    found.extend(loaded.own.sandbox.accept_degraded.iter().map(|part| {
        point(
            "stockade.json sandbox.acceptDegraded",
            format!("commands run even without {part}"),
            "remove it from the list",
        )
    }));
    found
}

fn gateway(config: &Config, found: &mut Vec<WeakPoint>) {
    let (gateway, auth) = (&config.gateway, &config.gateway.auth);
    if !gateway.listens_locally() {
        let what = format!("`{}` may be reached from the network", gateway.bind);
        found.push(point("gateway.bind", what, "bind `loopback` and use a tunnel"));
    }
    let reach = match gateway.tailscale.mode {
        TailscaleMode::Off => None,
        TailscaleMode::Serve => Some("the tailnet can reach the gateway"),
        TailscaleMode::Funnel => Some("the internet can reach the gateway"),
    };
    found.extend(reach.map(|what| point("gateway.tailscale.mode", what, "set it to `off`")));
    match auth.effective_mode() {
        AuthMode::None => {
            let what = "every local program, and every web page in a local browser, is the operator";
            found.push(point("gateway.auth.mode", what, "set it to `token`"));
        }
        AuthMode::Password => {
            if let Some(weak) = auth.password.as_ref().and_then(weakness) {
                found.push(point("gateway.auth.password", weak.to_string(), "use a token of `openssl rand -hex 32`"));
            }
        }
        AuthMode::Token | AuthMode::TrustedProxy => {}
    }
    if gateway.control_ui.allowed_origins.iter().any(|origin| origin.trim() == "*") {
        found.push(point("gateway.controlUi.allowedOrigins", "every web page may connect", "name the origins"));
    }
    if gateway.trusted_proxies.iter().any(|proxy| proxy.trim().ends_with("/0")) {
        found.push(point("gateway.trustedProxies", "every address is believed", "name the proxy's address"));
    }
    if config.discovery.mdns.mode != MdnsMode::Off {
        let what = format!("`{}` announces the gateway to the local network", config.discovery.mdns.mode);
        found.push(point("discovery.mdns.mode", what, "set it to `off`"));
    }
    if config.channels.defaults.group_policy == Some(GroupPolicy::Open) {
        found.push(point("channels.defaults.groupPolicy", "any group may talk to the agent", "set it to `allowlist`"));
    }
}

fn agents(config: &Config, found: &mut Vec<WeakPoint>) {
    let mut scopes = vec![("agents.defaults".to_owned(), None)];
    scopes.extend(config.agents.entries.iter().map(|agent| (format!("agents.entries.{}", agent.id), Some(agent))));
    for (scope, agent) in scopes {
        // An agent is reported for what it says itself; the defaults for what they leave open, too.
        let (mode, access, share) = match agent {
            Some(agent) => {
                let keys = &agent.keys.sandbox;
                (keys.mode, keys.workspace_access, keys.scope)
            }
            None => {
                let keys = &config.agents.defaults.sandbox;
                let mode = keys.mode.or(Some(SandboxMode::Off));
                (mode, keys.workspace_access, keys.scope.or(Some(SandboxScope::Agent)))
            }
        };
        match mode {
            Some(SandboxMode::Off) => {
                found.push(point(format!("{scope}.sandbox.mode"), "commands run on the host", "set it to `all`"));
            }
            Some(SandboxMode::NonMain) => {
                let what = "commands of the main session run on the host";
                found.push(point(format!("{scope}.sandbox.mode"), what, "set it to `all`"));
            }
            Some(SandboxMode::All) | None => {}
        }
        if let Some(scope_of @ (SandboxScope::Agent | SandboxScope::Shared)) = share {
            let what = format!("`{scope_of}` lets one session see what another left behind");
            found.push(point(format!("{scope}.sandbox.scope"), what, "set it to `session`"));
        }
        if access == Some(WorkspaceAccess::Rw) {
            let what = "commands in the sandbox may change the workspace";
            found.push(point(format!("{scope}.sandbox.workspaceAccess"), what, "set it to `none` or `ro`"));
        }
    }
}

fn tools(config: &Config, found: &mut Vec<WeakPoint>) {
    let mut scopes = vec![("tools".to_owned(), &config.tools, true)];
    for agent in &config.agents.entries {
        scopes.push((format!("agents.entries.{}.tools", agent.id), &agent.keys.tools, false));
    }
    for (scope, tools, global) in scopes {
        let security = tools.exec.own_security().or(global.then_some(ExecSecurity::Full));
        let ask = tools.exec.own_ask().or(global.then_some(ExecAsk::Off));
        let key = |name: &str| {
            // One key may have said both.
            let name = if tools.exec.mode.is_some() { "mode" } else { name };
            format!("{scope}.exec.{name}")
        };
        let remedy = "set security `allowlist` and ask `always`";
        if security == Some(ExecSecurity::Full) {
            let what = if ask == Some(ExecAsk::Off) { "any command runs, unasked" } else { "any command may run" };
            found.push(point(key("security"), what, remedy));
        }
        let unasked = matches!(ask, Some(ExecAsk::Off | ExecAsk::OnMiss));
        if unasked && !matches!(security, Some(ExecSecurity::Full | ExecSecurity::Deny)) {
            found.push(point(key("ask"), "what is on the allowlist runs unasked, whatever its arguments", remedy));
        }
        if tools.fs.workspace_only.or(global.then_some(false)) == Some(false) {
            let what = "the file tools reach every file of the user";
            found.push(point(format!("{scope}.fs.workspaceOnly"), what, "set it to `true`"));
        }
        if tools.elevated.enabled != Some(false) && !tools.elevated.allow_from.is_empty() {
            let what = "senders in allowFrom may leave the sandbox by a chat command";
            found.push(point(format!("{scope}.elevated.enabled"), what, "set it to `false`"));
        }
    }
}

fn point(key: impl Into<String>, what: impl Into<String>, remedy: &str) -> WeakPoint {
    WeakPoint { key: key.into(), what: what.into(), remedy: remedy.to_owned() }
}
