//! `tools.*`: which tools exist for an agent, and what `exec` may run.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::senders::SenderKey;
use super::words;

/// `tools`, and the same keys under an agent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tools {
    /// The base set of tools. Absent: no restriction by profile.
    pub profile: Option<Profile>,
    /// Only these tools and groups. Absent: every tool of the profile.
    pub allow: Option<Vec<String>>,
    /// These too, beyond the profile.
    pub also_allow: Option<Vec<String>>,
    /// Never these; wins over every allow.
    pub deny: Vec<String>,
    /// A further layer for a provider (`openai`) or one of its models (`openai/gpt-5`).
    pub by_provider: BTreeMap<String, ToolLayer>,
    /// A further layer for who asks, by [`SenderKey`].
    pub tools_by_sender: BTreeMap<String, ToolLayer>,
    /// What `exec` may run.
    pub exec: ExecKeys,
    /// The file tools.
    pub fs: Fs,
    /// Leaving the sandbox by a chat command.
    pub elevated: Elevated,
    /// The web tools.
    pub web: Web,
    /// A further layer for sessions that run in the sandbox.
    pub sandbox: SandboxTools,
}

/// `tools.sandbox`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SandboxTools {
    /// The layer.
    pub tools: ToolLayer,
}

/// One layer of tool policy; the fields are those of [`Tools`]. Absent means: this layer says nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolLayer {
    /// The base set of tools. Absent: no restriction by profile.
    pub profile: Option<Profile>,
    /// Only these tools and groups. Absent: every tool of the profile.
    pub allow: Option<Vec<String>>,
    /// These too, beyond the profile.
    pub also_allow: Option<Vec<String>>,
    /// Never these; wins over every allow.
    pub deny: Vec<String>,
}

/// `tools.exec`, as written: every key may be absent, so that an agent's layer can be put over the
/// global one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecKeys {
    /// Where commands run. Absent: `auto`, the sandbox when the session has one, else the host.
    pub host: Option<ExecHost>,
    /// Security and ask in one word; may not stand beside them.
    pub mode: Option<ExecMode>,
    /// Which commands may run. OpenClaw's default is `full`: any.
    pub security: Option<ExecSecurity>,
    /// When the operator is asked. OpenClaw's default is `off`: never.
    pub ask: Option<ExecAsk>,
    /// How long a command may run, in seconds. Absent: 1800.
    #[serde(alias = "timeoutSec")]
    pub timeout_seconds: Option<u64>,
    /// After how many milliseconds a command goes on in the background. Absent: 10 000.
    pub background_ms: Option<u64>,
    /// Programs that may run without an allowlist entry when they only filter their input.
    pub safe_bins: Option<Vec<String>>,
    /// How else a program of `safeBins` may be used. A name that has keys here is no safe program: its own
    /// rules may be narrower than the gateway's, and are not read.
    pub safe_bin_profiles: BTreeMap<String, serde_json::Value>,
    /// Further folders for `safeBins`; not honoured, since what stands there is not the system's.
    pub safe_bin_trusted_dirs: Vec<String>,
    /// Directories that are put before `PATH`; not honoured, since a command's `PATH` is the system's.
    pub path_prepend: Option<Vec<String>>,
    /// Whether inline code (`python -c`) is always asked about. Absent: `false`.
    pub strict_inline_eval: Option<bool>,
}

/// `tools.fs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Fs {
    /// Whether the file tools stay in the workspace. OpenClaw's default is `false`.
    pub workspace_only: Option<bool>,
}

/// `tools.elevated`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Elevated {
    /// Whether senders in `allowFrom` may leave the sandbox. OpenClaw's default is `true`.
    pub enabled: Option<bool>,
    /// Who may, by channel. Empty: nobody.
    pub allow_from: BTreeMap<String, Vec<serde_json::Value>>,
}

/// `tools.web`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Web {
    /// `tools.web.fetch`.
    pub fetch: WebFetch,
}

/// `tools.web.fetch`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WebFetch {
    /// Absent: `true`, as in OpenClaw.
    pub enabled: Option<bool>,
    /// How many characters reach the model. Absent: 20 000.
    pub max_chars: Option<u64>,
    /// Seconds for the whole request. Absent: 30.
    pub timeout_seconds: Option<u64>,
}

words! {
    /// `tools.profile`.
    Profile {
        /// Session status only.
        Minimal = "minimal",
        /// Files, commands, web, sessions.
        Coding = "coding",
        /// Sessions and messages.
        Messaging = "messaging",
        /// No restriction.
        Full = "full",
    }

    /// `tools.exec.host`.
    ExecHost {
        /// The sandbox if the session has one, else the gateway's host.
        Auto = "auto",
        /// The sandbox.
        Sandbox = "sandbox",
        /// The gateway's host.
        Gateway = "gateway",
        /// A paired node.
        Node = "node",
    }

    /// `tools.exec.mode`.
    ExecMode {
        /// Nothing runs.
        Deny = "deny",
        /// Allowlisted commands run; the rest is refused.
        Allowlist = "allowlist",
        /// Allowlisted commands run; the rest is asked.
        Ask = "ask",
        /// As `ask`, but OpenClaw lets a model answer first. Here a human answers.
        Auto = "auto",
        /// Everything runs unasked.
        Full = "full",
    }

    /// `tools.exec.security`.
    ExecSecurity {
        /// Nothing runs.
        Deny = "deny",
        /// What is on the allowlist, or approved.
        Allowlist = "allowlist",
        /// Anything.
        Full = "full",
    }

    /// `tools.exec.ask`.
    ExecAsk {
        /// Never.
        Off = "off",
        /// When the allowlist does not match.
        OnMiss = "on-miss",
        /// Each time.
        Always = "always",
    }
}

impl Tools {
    /// What in these keys contradicts itself, as the key and what was expected. OpenClaw refuses the
    /// same; to choose one silently could choose the wider one.
    pub(crate) fn contradiction(&self) -> Option<(Vec<String>, &'static str)> {
        let exec = &self.exec;
        if exec.mode.is_some() && (exec.security.is_some() || exec.ask.is_some()) {
            return Some((vec!["exec".into(), "mode".into()], "expected either mode, or security and ask"));
        }
        if let Some(key) = self.tools_by_sender.keys().find(|key| SenderKey::parse(key).is_none()) {
            let expected =
                "expected channel:<channel>:<id>, id:<id>, e164:<phone>, username:<handle>, name:<name> or *";
            return Some((vec!["toolsBySender".into(), key.clone()], expected));
        }
        let both = |layer: &ToolLayer| layer.allow.is_some() && layer.also_allow.is_some();
        let maps = [("byProvider", &self.by_provider), ("toolsBySender", &self.tools_by_sender)];
        let named = maps.iter().find_map(|(map, layers)| {
            layers.iter().find(|(_, layer)| both(layer)).map(|(key, _)| vec![(*map).to_owned(), key.clone()])
        });
        let mut key = match named {
            Some(key) => key,
            None if both(&self.layer()) => Vec::new(),
            None => return None,
        };
        key.push("alsoAllow".into());
        Some((key, "expected either allow or alsoAllow in one layer"))
    }

    /// The tool layer that these keys make, apart from `byProvider` and `toolsBySender`.
    #[must_use]
    pub fn layer(&self) -> ToolLayer {
        ToolLayer {
            profile: self.profile,
            allow: self.allow.clone(),
            also_allow: self.also_allow.clone(),
            deny: self.deny.clone(),
        }
    }
}

impl ExecMode {
    /// The pair that the mode stands for, as in OpenClaw's table.
    #[must_use]
    pub const fn pair(self) -> (ExecSecurity, ExecAsk) {
        match self {
            Self::Deny => (ExecSecurity::Deny, ExecAsk::Off),
            Self::Allowlist => (ExecSecurity::Allowlist, ExecAsk::Off),
            Self::Ask | Self::Auto => (ExecSecurity::Allowlist, ExecAsk::OnMiss),
            Self::Full => (ExecSecurity::Full, ExecAsk::Off),
        }
    }
}

impl ExecKeys {
    /// Whether a program has rules of its own in `safeBinProfiles`.
    #[must_use]
    pub fn has_own_profile(&self, program: &str) -> bool {
        let profile = |(name, _): &(&String, &serde_json::Value)| name.trim().eq_ignore_ascii_case(program.trim());
        self.safe_bin_profiles.iter().find(profile).is_some_and(|(_, keys)| *keys != serde_json::json!({}))
    }

    /// Security in this layer alone; `None` when it says nothing.
    #[must_use]
    pub fn own_security(&self) -> Option<ExecSecurity> {
        self.mode.map(|mode| mode.pair().0).or(self.security)
    }

    /// Ask in this layer alone; `None` when it says nothing.
    #[must_use]
    pub fn own_ask(&self) -> Option<ExecAsk> {
        self.mode.map(|mode| mode.pair().1).or(self.ask)
    }

    /// Security with OpenClaw's default, `full`.
    #[must_use]
    pub fn security(&self) -> ExecSecurity {
        self.own_security().unwrap_or(ExecSecurity::Full)
    }

    /// Ask with OpenClaw's default, `off`.
    #[must_use]
    pub fn ask(&self) -> ExecAsk {
        self.own_ask().unwrap_or(ExecAsk::Off)
    }
}
