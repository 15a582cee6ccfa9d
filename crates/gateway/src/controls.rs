//! What holds and what does not, in the operator's words: printed at start, and asked by nobody else.

use stockade_config::model::{ExecAsk, ExecSecurity, SandboxMode, WorkspaceAccess};
use stockade_config::{WeakPoint, weak_points};
use stockade_policy::AgentPolicy;
use stockade_sandbox::{Control, State};

use crate::Running;

/// One line of the start report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which control.
    pub control: String,
    /// Whether it holds.
    pub state: Holds,
}

/// Whether a control holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Active(String),
    /// It does not, and why.
    Degraded(String),
    /// The config turned it off.
    Off(String),
}

/// The controls of a config on this machine. What differs between agents is said for each of them.
#[must_use]
pub fn report(running: &Running, probed: &[Control]) -> Vec<Line> {
    let line = |control: String, state| Line { control, state };
    let gateway = &running.loaded.config.gateway;
    let mode = gateway.auth.effective_mode();
    let auth = match gateway.auth.shared_secret() {
        Some(_) => {
            Holds::Active(format!("{mode}; wrong attempts wait longer and longer, from elsewhere they are locked out"))
        }
        None => Holds::Off(format!("gateway.auth.mode is {mode}")),
    };
    let mut lines = vec![
        line("authentication".into(), auth),
        line("web_fetch".into(), web_fetch(running)),
        line("journal".into(), Holds::Active("hash-chained; see `stockade journal verify`".into())),
        line("log redaction".into(), Holds::Active("always on".into())),
    ];
    lines.extend(shared_folders(running).map(|text| line("workspaces".into(), Holds::Degraded(text))));
    let several = running.policy.agents.len() > 1;
    for agent in &running.policy.agents {
        let of = |control: &str| if several { format!("{control} ({})", agent.id) } else { control.to_owned() };
        lines.push(line(of("tools"), Holds::Active(format!("{} layer(s), deny wins", agent.tool_layers.len()))));
        lines.push(line(of("exec gate"), exec_gate(agent)));
        lines.push(line(of("sandbox"), sandbox(agent.sandbox.mode, probed)));
    }
    lines
}

fn web_fetch(running: &Running) -> Holds {
    let text = "private and metadata addresses refused, each redirect judged".to_owned();
    match running.loaded.own.egress.allow.as_slice() {
        [] => Holds::Active(text),
        allowed => Holds::Active(format!("{text}; allowed besides: {}", allowed.join(", "))),
    }
}

/// Agents whose folder lies inside a folder that another agent can change.
fn shared_folders(running: &Running) -> impl Iterator<Item = String> {
    let agents = &running.policy.agents;
    agents.iter().flat_map(move |outer| {
        let writes = outer.sandbox.mode != SandboxMode::All || outer.sandbox.workspace_access == WorkspaceAccess::Rw;
        agents
            .iter()
            .filter(move |inner| writes && inner.id != outer.id && inner.workspace.starts_with(&outer.workspace))
            .map(move |inner| {
                format!(
                    "agent {} can change the workspace of agent {}, which lies inside its own; set \
                     agents.entries.{}.workspace to a folder of its own",
                    outer.id, inner.id, inner.id
                )
            })
    })
}

fn exec_gate(agent: &AgentPolicy) -> Holds {
    let exec = format!("security {}, ask {}", agent.exec.security, agent.exec.ask);
    match (agent.exec.security, agent.exec.ask) {
        (ExecSecurity::Full, ExecAsk::Off | ExecAsk::OnMiss) => {
            Holds::Off(format!("{exec}: every command runs unasked"))
        }
        _ => Holds::Active(exec),
    }
}

fn sandbox(mode: SandboxMode, probed: &[Control]) -> Holds {
    if mode == SandboxMode::Off {
        return Holds::Off("sandbox.mode is off: commands run on this machine as you".into());
    }
    let missing: Vec<String> = probed
        .iter()
        .filter_map(|control| match &control.state {
            State::Active => None,
            State::Degraded { why } => Some(format!("{} ({why})", control.id)),
        })
        .collect();
    if !missing.is_empty() {
        return Holds::Degraded(format!(
            "missing: {}; commands are refused unless stockade.json sandbox.acceptDegraded names it",
            missing.join(", ")
        ));
    }
    if mode == SandboxMode::NonMain {
        return Holds::Degraded("mode non-main: the main session's commands run on this machine as you".into());
    }
    let partial: Vec<&str> = probed.iter().filter_map(|control| control.partial.as_deref()).collect();
    let but = if partial.is_empty() { String::new() } else { format!("; in part: {}", partial.join(", ")) };
    Holds::Active(format!("native, mode {mode}: namespaces, Landlock, seccomp, no network{but}"))
}

/// What an existing config leaves weak.
#[must_use]
pub fn weak(running: &Running) -> Vec<WeakPoint> {
    weak_points(&running.loaded)
}
