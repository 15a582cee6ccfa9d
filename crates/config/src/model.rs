//! The keys of `openclaw.json` that this gateway acts on, typed. Names, values and defaults are
//! OpenClaw 2026.9.6's, the permissive defaults included: an existing config keeps its meaning here,
//! and what is weak in it is said by [`crate::weak_points()`], not silently changed.
//!
//! A value that a security key does not know is an error, never a fallback: the attack answered is
//! the typo that turns a control off (`bind: "localhost"`, `ask: "allways"`).

pub mod agents;
pub mod gateway;
pub mod providers;
pub mod senders;
pub mod tools;

use serde::{Deserialize, Deserializer};
use stockade_core::Secret;

pub use agents::{
    Agent, AgentDefaults, AgentKeys, Agents, ModelChoice, Sandbox, SandboxKeys, SandboxMode, SandboxScope,
    WorkspaceAccess,
};
pub use gateway::{
    Auth, AuthMode, Bind, ControlUi, Exposure, Gateway, GatewayMode, RateLimit, Tailscale, TailscaleMode, Tls,
};
pub use providers::{Api, Model, Models, Provider};
pub use senders::SenderKey;
pub use tools::{
    Elevated, ExecAsk, ExecHost, ExecKeys, ExecMode, ExecSecurity, Fs, Profile, SandboxTools, ToolLayer, Tools, Web,
    WebFetch,
};

/// Gives an enum of config words its `Deserialize` and its `id`. An unknown word is an error that
/// lists the known ones and does not repeat what was written, which may be a misplaced secret.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $id:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
        pub enum $name { $($(#[$what])* #[serde(rename = $id)] $variant,)+ }

        impl $name {
            /// The word in the config.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.id())
            }
        }
    )+};
}
pub(crate) use words;

/// `openclaw.json`, as far as this gateway acts on it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where the gateway listens and who may connect.
    pub gateway: Gateway,
    /// What the gateway tells the local network about itself.
    pub discovery: Discovery,
    /// The agents and what they have in common.
    pub agents: Agents,
    /// The global tool policy.
    pub tools: Tools,
    /// The model providers.
    pub models: Models,
    /// The log.
    pub logging: Logging,
    /// The chat channels.
    pub channels: Channels,
    /// How conversations are grouped.
    pub session: Session,
}

/// `discovery`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Discovery {
    /// `discovery.mdns`.
    pub mdns: Mdns,
}

/// `discovery.mdns`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Mdns {
    /// What is announced. OpenClaw's default is `minimal`.
    pub mode: MdnsMode,
}

/// `logging`. Redaction is always on, here as in OpenClaw since it retired `redactSensitive`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// The least severe level that is logged. Absent: `info`, as in OpenClaw.
    pub level: Option<LogLevel>,
}

/// `channels`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Channels {
    /// What holds for every channel that does not say otherwise.
    pub defaults: ChannelDefaults,
}

/// `channels.defaults`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelDefaults {
    /// Which groups may talk to the agent. Absent: each channel's own default, which is `allowlist`.
    pub group_policy: Option<GroupPolicy>,
}

/// `session`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Session {
    /// Read and ignored, as in OpenClaw: the main session is always called `main`.
    pub main_key: String,
    /// Whether each sender has a conversation of their own. Default `per-sender`.
    pub scope: SessionScope,
}

impl Default for Session {
    fn default() -> Self {
        Self { main_key: "main".to_owned(), scope: SessionScope::default() }
    }
}

words! {
    /// `discovery.mdns.mode`.
    #[derive(Default)]
    MdnsMode {
        /// Announce nothing.
        Off = "off",
        /// Announce the service without paths and SSH port.
        #[default]
        Minimal = "minimal",
        /// Announce everything, CLI path and SSH port included.
        Full = "full",
    }

    /// `logging.level`.
    LogLevel {
        /// Nothing.
        Silent = "silent",
        /// What ends the process.
        Fatal = "fatal",
        /// What failed.
        Error = "error",
        /// What should be looked at.
        Warn = "warn",
        /// What happened.
        Info = "info",
        /// How it happened.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }

    /// `channels.defaults.groupPolicy`.
    GroupPolicy {
        /// Every group may talk to the agent.
        Open = "open",
        /// No group may.
        Disabled = "disabled",
        /// Listed groups may.
        Allowlist = "allowlist",
    }

    /// `session.scope`.
    #[derive(Default)]
    SessionScope {
        /// One conversation for each sender.
        #[default]
        PerSender = "per-sender",
        /// One conversation for all.
        Global = "global",
    }
}

/// A secret out of the config. The error never repeats the value: a token written as a number is
/// still a token.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<SecretText>::deserialize(deserializer)?.map(|text| text.0))
}

/// Secrets by name, for headers.
pub(crate) fn secrets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<std::collections::BTreeMap<String, Secret>, D::Error> {
    let map = std::collections::BTreeMap::<String, SecretText>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(name, text)| (name, text.0)).collect())
}

struct SecretText(Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(Secret::new(text))),
            _ => Err(serde::de::Error::custom("expected a string or a {source, provider, id} reference")),
        }
    }
}
