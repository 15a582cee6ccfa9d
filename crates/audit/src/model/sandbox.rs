//! Whether an agent's sessions run in a sandbox, and what that sandbox is given of the host.

use serde::Deserialize as _;
use serde_json::Value;
use stockade_config::KeyPath;
use stockade_config::model::{SandboxMode, SandboxScope, WorkspaceAccess};

use super::agents::{Chosen, Scope, Setting};

/// The sandbox of an agent: its own settings over the common ones, key by key.
#[derive(Debug)]
pub struct Sandbox<'s> {
    /// Which sessions are in one.
    pub mode: Chosen<SandboxMode>,
    /// Who shares one.
    pub scope: Chosen<SandboxScope>,
    /// What it sees of the workspace.
    pub access: Chosen<WorkspaceAccess>,
    /// `docker`, `podman`, `ssh` and so on, as it is written.
    pub backend: Chosen<String>,
    /// The settings of its containers, each with its place.
    pub docker: Vec<(&'s str, Setting<'s>)>,
    /// The settings of its browser's containers.
    pub browser: Vec<(&'s str, Setting<'s>)>,
    /// The settings of a remote one.
    pub ssh: Vec<(&'s str, Setting<'s>)>,
    /// Every folder of the host that it is given, the common ones first.
    pub binds: Vec<BindText<'s>>,
}

/// One bind as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindText<'s> {
    /// `source:target[:options]`.
    pub text: &'s str,
    /// Which list it stands in.
    pub list: BindList,
}

/// The lists of binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindList {
    /// `agents.defaults.sandbox.docker.binds`.
    CommonDocker,
    /// `agents.defaults.sandbox.browser.binds`.
    CommonBrowser,
    /// `docker.binds` of the agent.
    OwnDocker,
    /// `browser.binds` of the agent.
    OwnBrowser,
}

impl<'s> Sandbox<'s> {
    pub(super) fn of(at: Scope<'s, '_>) -> Self {
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
        let backend = Chosen::read(
            at.setting("sandbox.backend"),
            "agents.defaults.sandbox.backend",
            "docker".to_owned(),
            String::new(),
            |value| Some(value.as_str()?.trim().to_ascii_lowercase()),
        );
        let scope = scope(at);
        let alone = scope.value != SandboxScope::Shared;
        let merged = |name: &str| merged(at, name, alone);
        let binds = LISTS
            .iter()
            .filter(|(_, own, _)| alone || !own)
            .flat_map(|(list, own, key)| {
                let setting = if *own { at.own(key) } else { at.common(key) };
                let texts = setting.and_then(|setting| setting.value.as_array()).into_iter().flatten();
                texts.filter_map(Value::as_str).map(|text| BindText { text, list: *list })
            })
            .collect();
        Self {
            mode,
            scope,
            access,
            backend,
            docker: merged("docker"),
            browser: merged("browser"),
            ssh: merged("ssh"),
            binds,
        }
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

    /// A setting of its containers.
    #[must_use]
    pub fn docker(&self, name: &str) -> Option<&Setting<'s>> {
        self.docker.iter().find(|(key, _)| *key == name).map(|(_, setting)| setting)
    }

    /// A setting of its browser's containers.
    #[must_use]
    pub fn browser(&self, name: &str) -> Option<&Setting<'s>> {
        self.browser.iter().find(|(key, _)| *key == name).map(|(_, setting)| setting)
    }

    /// A setting of a remote one.
    #[must_use]
    pub fn ssh(&self, name: &str) -> Option<&Setting<'s>> {
        self.ssh.iter().find(|(key, _)| *key == name).map(|(_, setting)| setting)
    }
}

impl BindList {
    /// The list's key below the entry of the agent or below `agents.defaults`.
    #[must_use]
    pub const fn below(self) -> &'static str {
        match self {
            Self::CommonDocker | Self::OwnDocker => "sandbox.docker.binds",
            Self::CommonBrowser | Self::OwnBrowser => "sandbox.browser.binds",
        }
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

/// An agent's settings over the common ones; a shared sandbox is the common one alone.
fn merged<'s>(at: Scope<'s, '_>, name: &str, alone: bool) -> Vec<(&'s str, Setting<'s>)> {
    let key = format!("sandbox.{name}");
    let own = at.own(&key).filter(|_| alone);
    let mut merged: Vec<(&'s str, Setting<'s>)> = own.map(fields).unwrap_or_default();
    for (field, setting) in at.common(&key).map(fields).unwrap_or_default() {
        if !merged.iter().any(|(known, _)| *known == field) {
            merged.push((field, setting));
        }
    }
    merged
}

fn fields(setting: Setting<'_>) -> Vec<(&str, Setting<'_>)> {
    let Setting { value, key } = setting;
    let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| (name.as_str(), Setting { value, key: key.child(name) })).collect()
}

/// Where binds stand; whether it is the agent's own; the key below the entry.
const LISTS: &[(BindList, bool, &str)] = &[
    (BindList::CommonDocker, false, BindList::CommonDocker.below()),
    (BindList::CommonBrowser, false, BindList::CommonBrowser.below()),
    (BindList::OwnDocker, true, BindList::OwnDocker.below()),
    (BindList::OwnBrowser, true, BindList::OwnBrowser.below()),
];

const SCOPE: &str = "agents.defaults.sandbox.scope";

/// Where a bind of this sandbox stands.
#[must_use]
pub fn list_key(list: BindList, entry: Option<&KeyPath>) -> KeyPath {
    let at = match (list, entry) {
        (BindList::OwnDocker | BindList::OwnBrowser, Some(entry)) => entry.clone(),
        _ => KeyPath::dotted(super::agents::DEFAULTS),
    };
    list.below().split('.').fold(at, |key, part| key.child(part))
}
