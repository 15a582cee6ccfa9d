//! `exec`: run a shell command. OpenClaw's arguments by which a model would choose where a command
//! runs or who is asked (`host`, `node`, `elevated`, `security`, `ask`) do not exist here: they are
//! the operator's, and a call that names one is refused.

use super::shape::{Arguments, Kind, MAX_PATH, Parameter};
use super::{Proposal, ShapeError, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "exec",
    description: "Run a shell command in the workspace and return its output. An operator may be asked first.",
    parameters: &[
        Parameter {
            name: "command",
            synonyms: &["cmd"],
            kind: Kind::Text(64 << 10),
            required: true,
            description: "The command, for /bin/sh.",
        },
        Parameter {
            name: "workdir",
            synonyms: &["cwd"],
            kind: Kind::Text(MAX_PATH),
            required: false,
            description: "Where to run it; relative paths start in the workspace.",
        },
        Parameter {
            name: "env",
            synonyms: &[],
            kind: Kind::Variables,
            required: false,
            description: "Environment variables to set.",
        },
        Parameter {
            name: "timeoutSeconds",
            synonyms: &["timeout", "timeout_seconds"],
            kind: Kind::Number(1, 86_400),
            required: false,
            description: "Kill it after this many seconds.",
        },
        Parameter {
            name: "background",
            synonyms: &[],
            kind: Kind::Flag,
            required: false,
            description: "Return at once and keep it running; look after it with the process tool.",
        },
    ],
    propose,
};

fn propose(arguments: Arguments<'_>) -> Result<Proposal, ShapeError> {
    let command = arguments.needed("command")?;
    if command.trim().is_empty() {
        return Err(arguments.refuse("command", "a command"));
    }
    Ok(Proposal::Exec {
        command,
        workdir: arguments.text("workdir"),
        env: arguments.variables("env"),
        timeout_seconds: arguments.number("timeoutSeconds"),
        background: arguments.flag("background"),
    })
}
