//! How the gateway can be reached, and what guards it, by OpenClaw's rules.

use crate::snapshot::{ConfigFacts, EnvFacts, SecretFact, SecretSource, Snapshot};

/// How the gateway can be reached, and what guards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// `gateway.bind`; absent, `loopback`.
    pub bind: String,
    /// `gateway.tailscale.mode`; absent, `off`.
    pub tailscale: String,
    /// Whether anything beyond this machine can reach it: bound wider than loopback, or through Tailscale.
    pub remote_exposed: bool,
    /// How it authenticates: the config's mode, else `password` when there is one, else `token`.
    pub auth_mode: String,
    /// Whether the mode stands in the config.
    pub auth_mode_explicit: bool,
    /// The token in force: the config's, else the environment's, else the one for a remote gateway.
    pub token: Option<SecretFact>,
    /// The password in force, likewise.
    pub password: Option<SecretFact>,
    /// Whether the mode in force has what it needs.
    pub has_auth: bool,
    /// Whether a Tailscale identity is enough.
    pub allow_tailscale: bool,
}

impl Gateway {
    /// Derives it.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let (config, env) = (&snapshot.config, &snapshot.env);
        let word = |key: &str, default: &str| config.text(key).unwrap_or(default).to_owned();
        let (bind, tailscale) = (word("gateway.bind", "loopback"), word("gateway.tailscale.mode", "off"));
        let explicit = config.text("gateway.auth.mode").map(str::to_owned);
        let token = credential(config, env, "token", "OPENCLAW_GATEWAY_TOKEN", true);
        let password = credential(
            config,
            env,
            "password",
            "OPENCLAW_GATEWAY_PASSWORD",
            explicit.as_deref() != Some("trusted-proxy"),
        );
        let auth_mode =
            explicit.clone().unwrap_or_else(|| if password.is_some() { "password" } else { "token" }.to_owned());
        let has_auth = match auth_mode.as_str() {
            "token" if explicit.is_some() => token.is_some(),
            "password" => password.is_some(),
            "none" => false,
            "trusted-proxy" => true,
            _ => token.is_some() || password.is_some(),
        };
        let allow_tailscale = match config.get("gateway.auth.allowTailscale").and_then(serde_json::Value::as_bool) {
            Some(set) => set,
            None => tailscale == "serve" && !matches!(auth_mode.as_str(), "password" | "trusted-proxy"),
        };
        let remote_exposed = bind != "loopback" || matches!(tailscale.as_str(), "serve" | "funnel");
        let auth_mode_explicit = explicit.is_some();
        Self {
            bind,
            tailscale,
            remote_exposed,
            auth_mode,
            auth_mode_explicit,
            token,
            password,
            has_auth,
            allow_tailscale,
        }
    }

    /// Whether it listens on more than loopback.
    #[must_use]
    pub fn beyond_loopback(&self) -> bool {
        self.bind != "loopback"
    }
}

/// The credential in force. A reference counts as one though its value is not known; a `${NAME}` of which nothing is
/// known does not.
fn credential(config: &ConfigFacts, env: &EnvFacts, name: &str, variable: &str, remote: bool) -> Option<SecretFact> {
    let counts = |fact: &&SecretFact| match fact.source {
        SecretSource::Reference(..) => true,
        SecretSource::MissingVariable(_) => false,
        SecretSource::Literal | SecretSource::Mixed | SecretSource::Variable(_) => true,
    };
    let local = config.secret(&format!("gateway.auth.{name}")).filter(counts);
    let env = env.secrets.get(variable);
    let away = config.secret(&format!("gateway.remote.{name}")).filter(counts).filter(|_| remote);
    local.or(env).or(away).cloned()
}
