//! Where and when an agent's commands run: as OpenClaw's checks read the config, and as it really is. The two differ
//! in what nothing says: the checks take that for `deny`, the gateway for `full`, unasked.

use serde::Deserialize as _;
use serde_json::Value;
use stockade_config::model::{ExecAsk, ExecHost, ExecMode, ExecSecurity};

use super::agents::{Chosen, Scope, Setting, normalized};
use super::sandbox::Sandbox;
use crate::snapshot::Approvals;

/// Where and when an agent's commands run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// What may run. The stricter of the config and the approvals document.
    pub security: Chosen<ExecSecurity>,
    /// When a person is asked. The stricter of the two.
    pub ask: Chosen<ExecAsk>,
    /// Where it runs.
    pub host: Chosen<ExecHost>,
    /// What OpenClaw's checks take `security` for: without the approvals document, and `deny` when unset.
    pub configured: ExecSecurity,
}

impl Exec {
    pub(super) fn of(at: Scope<'_, '_>, id: &str, approvals: Option<&Approvals>) -> Self {
        let (security, ask) = in_config(at, UNSET);
        let (document_security, document_ask) = in_approvals(approvals, id);
        let security = match document_security {
            Some(document) if rank(document) < rank(security.value) => Chosen { value: document, ..security },
            _ => security,
        };
        let ask = match document_ask {
            Some(document) if ask_rank(document) > ask_rank(ask.value) => Chosen { value: document, ..ask },
            _ => ask,
        };
        let host =
            Chosen::read(at.tool_setting("exec.host"), "tools.exec.host", ExecHost::Auto, ExecHost::Gateway, |value| {
                ExecHost::deserialize(value).ok()
            });
        let configured = in_config(at, (ExecSecurity::Deny, ExecAsk::Off)).0.value;
        Self { security, ask, host, configured }
    }

    /// Whether a command of some session runs outside a sandbox: on the gateway's host or on a node.
    #[must_use]
    pub fn leaves_sandbox(&self, sandbox: &Sandbox) -> bool {
        self.runs()
            && match self.host.value {
                ExecHost::Gateway | ExecHost::Node => true,
                ExecHost::Auto => !sandbox.holds_main(),
                ExecHost::Sandbox => false,
            }
    }

    /// Whether a command of some session runs inside a sandbox.
    #[must_use]
    pub fn runs_in_sandbox(&self, sandbox: &Sandbox) -> bool {
        self.runs() && sandbox.holds_others() && matches!(self.host.value, ExecHost::Auto | ExecHost::Sandbox)
    }

    /// Whether anything runs at all.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.security.value != ExecSecurity::Deny
    }

    /// Whether a person sees every command first.
    #[must_use]
    pub fn asks_always(&self) -> bool {
        self.ask.value == ExecAsk::Always
    }

    /// Whether neither `mode` nor `security` stands anywhere, so that everything runs unasked.
    #[must_use]
    pub fn is_default(&self) -> bool {
        !self.security.written && self.security.value == ExecSecurity::Full
    }
}

/// What an agent may run by the config: its own words over the common ones, a `mode` over the pair that it replaces.
fn in_config(at: Scope<'_, '_>, unset: (ExecSecurity, ExecAsk)) -> (Chosen<ExecSecurity>, Chosen<ExecAsk>) {
    let absent = |name: &str| format!("tools.exec.{name}");
    let common = pair(
        |name| at.common_tool(&format!("exec.{name}")),
        Chosen::read(None, &absent("security"), unset.0, unset.0, |_| None),
        Chosen::read(None, &absent("ask"), unset.1, unset.1, |_| None),
    );
    pair(|name| at.own_tool(&format!("exec.{name}")), common.0, common.1)
}

fn pair<'s>(
    setting: impl Fn(&str) -> Option<Setting<'s>>,
    security: Chosen<ExecSecurity>,
    ask: Chosen<ExecAsk>,
) -> (Chosen<ExecSecurity>, Chosen<ExecAsk>) {
    if let Some(Setting { value, key }) = setting("mode") {
        let (security, ask) = ExecMode::deserialize(value).map_or(UNSET, meaning);
        let security = Chosen { value: security, key: key.clone(), written: true };
        return (security, Chosen { value: ask, key, written: true });
    }
    let own_security = setting("security").map(|Setting { value, key }| Chosen {
        value: ExecSecurity::deserialize(value).unwrap_or(ExecSecurity::Full),
        key,
        written: true,
    });
    let own_ask = setting("ask").map(|Setting { value, key }| Chosen {
        value: ExecAsk::deserialize(value).unwrap_or(ExecAsk::Off),
        key,
        written: true,
    });
    (own_security.unwrap_or(security), own_ask.unwrap_or(ask))
}

/// What the document says for an agent: its own entry, else the one for all, else the defaults.
fn in_approvals(approvals: Option<&Approvals>, id: &str) -> (Option<ExecSecurity>, Option<ExecAsk>) {
    let Some(document) = approvals.map(|approvals| &approvals.document) else { return (None, None) };
    let agents = document.get("agents").and_then(Value::as_object);
    let own = agents.and_then(|agents| agents.iter().find(|(name, _)| *name != "*" && normalized(name) == id));
    let all = agents.and_then(|agents| agents.get("*"));
    let layers = [own.map(|(_, entry)| entry), all, document.get("defaults")];
    let word = |name: &str| layers.iter().flatten().find_map(|layer| layer.get(name));
    let security = word("security").and_then(|value| ExecSecurity::deserialize(value).ok());
    let ask = word("ask").and_then(|value| ExecAsk::deserialize(value).ok());
    (security, ask)
}

const fn meaning(mode: ExecMode) -> (ExecSecurity, ExecAsk) {
    match mode {
        ExecMode::Deny => (ExecSecurity::Deny, ExecAsk::Off),
        ExecMode::Allowlist => (ExecSecurity::Allowlist, ExecAsk::Off),
        ExecMode::Ask | ExecMode::Auto => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
        ExecMode::Full => UNSET,
    }
}

/// What the gateway does when nothing is written, and the weakest there is.
const UNSET: (ExecSecurity, ExecAsk) = (ExecSecurity::Full, ExecAsk::Off);

/// How much may run.
const fn rank(security: ExecSecurity) -> u8 {
    match security {
        ExecSecurity::Deny => 0,
        ExecSecurity::Allowlist => 1,
        ExecSecurity::Full => 2,
    }
}

/// How often a person is asked.
const fn ask_rank(ask: ExecAsk) -> u8 {
    match ask {
        ExecAsk::Off => 0,
        ExecAsk::OnMiss => 1,
        ExecAsk::Always => 2,
    }
}
