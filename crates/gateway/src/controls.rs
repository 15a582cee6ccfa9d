//! What holds and what does not, in the operator's words: printed at start, and asked by nobody else.

use stockade_config::model::SandboxMode;
use stockade_config::{WeakPoint, weak_points};
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

/// The controls of a config on this machine.
#[must_use]
pub fn report(running: &Running, probed: &[Control]) -> Vec<Line> {
    let agent = running.default_agent();
    let line = |control: &str, state| Line { control: control.to_owned(), state };
    let gateway = &running.loaded.config.gateway;
    let mode = gateway.auth.effective_mode();
    let auth = match gateway.auth.shared_secret() {
        Some(_) => Holds::Active(format!("{mode}; wrong attempts are slowed and locked out")),
        None => Holds::Off(format!("gateway.auth.mode is {mode}")),
    };
    let exec = format!("security {}, ask {}", agent.exec.security, agent.exec.ask);
    let mut lines = vec![
        line("authentication", auth),
        line("tool layers", Holds::Active(format!("{} layer(s), deny wins", agent.tool_layers.len()))),
        line(
            "exec gate",
            match (agent.exec.security, agent.exec.ask) {
                (stockade_config::model::ExecSecurity::Full, stockade_config::model::ExecAsk::Off) => {
                    Holds::Off(format!("{exec}: every command runs unasked"))
                }
                _ => Holds::Active(exec),
            },
        ),
        line("web requests", Holds::Active("private and metadata addresses refused, redirects judged".into())),
        line("journal", Holds::Active("hash-chained; see `stockade journal verify`".into())),
        line("log redaction", Holds::Active("always on".into())),
    ];
    lines.push(line("sandbox", sandbox(agent.sandbox.mode, probed)));
    lines
}

fn sandbox(mode: SandboxMode, probed: &[Control]) -> Holds {
    if mode == SandboxMode::Off {
        return Holds::Off("agents.defaults.sandbox.mode is off: commands run on this machine as you".into());
    }
    let missing: Vec<String> = probed
        .iter()
        .filter_map(|control| match &control.state {
            State::Active => None,
            State::Degraded { why } => Some(format!("{} ({why})", control.id)),
        })
        .collect();
    if missing.is_empty() {
        return Holds::Active(format!("native, mode {mode}: namespaces, Landlock, seccomp, no network"));
    }
    let missing = missing.join(", ");
    Holds::Degraded(format!("missing: {missing}; exec is refused unless stockade.json sandbox.acceptDegraded names it"))
}

/// What an existing config leaves weak.
#[must_use]
pub fn weak(running: &Running) -> Vec<WeakPoint> {
    weak_points(&running.loaded)
}
