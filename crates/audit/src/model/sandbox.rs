//! Whether an agent's sessions run in a sandbox, who shares it, and what it sees of the workspace.

use serde::Deserialize as _;
use stockade_config::model::{SandboxMode, SandboxScope, WorkspaceAccess};

use super::agents::{Chosen, Scope};

/// The sandbox of an agent: its own settings over the common ones, key by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Which sessions are in one.
    pub mode: Chosen<SandboxMode>,
    /// Who shares one.
    pub scope: Chosen<SandboxScope>,
    /// What it sees of the workspace.
    pub access: Chosen<WorkspaceAccess>,
}

impl Sandbox {
    pub(super) fn of(at: Scope<'_, '_>) -> Self {
        let mode = Chosen::read(
            at.setting("sandbox.mode"),
            "agents.defaults.sandbox.mode",
            SandboxMode::Off,
            SandboxMode::Off,
            |value| SandboxMode::deserialize(value).ok(),
        );
        let access = Chosen::read(
            at.setting("sandbox.workspaceAccess"),
            "agents.defaults.sandbox.workspaceAccess",
            WorkspaceAccess::None,
            WorkspaceAccess::Rw,
            |value| WorkspaceAccess::deserialize(value).ok(),
        );
        Self { mode, scope: scope(at), access }
    }

    /// Whether the main session, the operator's own, is in one.
    #[must_use]
    pub fn holds_main(&self) -> bool {
        self.mode.value == SandboxMode::All
    }

    /// Whether the other sessions are: groups, hooks, other people.
    #[must_use]
    pub fn holds_others(&self) -> bool {
        self.mode.value != SandboxMode::Off
    }

    /// Whether what an agent writes of its containers for itself is in force: a shared sandbox is the common one.
    #[must_use]
    pub fn heeds_own(&self) -> bool {
        self.holds_others() && self.scope.value != SandboxScope::Shared
    }
}

/// What is written last wins, and an agent writes after the defaults; February wrote `perSession`.
fn scope(at: Scope<'_, '_>) -> Chosen<SandboxScope> {
    if let found @ Some(_) = at.setting("sandbox.scope") {
        return Chosen::read(found, SCOPE, SandboxScope::Agent, SandboxScope::Shared, |value| {
            SandboxScope::deserialize(value).ok()
        });
    }
    Chosen::read(at.setting("sandbox.perSession"), SCOPE, SandboxScope::Agent, SandboxScope::Shared, |value| {
        Some(if value.as_bool()? { SandboxScope::Session } else { SandboxScope::Shared })
    })
}

const SCOPE: &str = "agents.defaults.sandbox.scope";
