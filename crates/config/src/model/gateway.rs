//! `gateway.*`: where the gateway listens, who may connect, which proxies are believed.

use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::{Deserialize, Deserializer};
use stockade_core::Secret;

use super::{secret, words};

/// `gateway`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Gateway {
    /// Whether a gateway runs here. OpenClaw starts one only for `local`.
    pub mode: Option<GatewayMode>,
    port: Option<NonZeroU16>,
    /// Which addresses to listen on. Default `loopback`.
    pub bind: Bind,
    /// The one address of `bind: "custom"`.
    #[serde(deserialize_with = "address")]
    pub custom_bind_host: Option<IpAddr>,
    /// Who may connect.
    pub auth: Auth,
    /// Proxies whose forwarding headers are believed: addresses or CIDR blocks. Default: none.
    pub trusted_proxies: Vec<String>,
    /// Whether `X-Real-IP` of a trusted proxy counts when it sends no list of hops. Default `false`.
    pub allow_real_ip_fallback: bool,
    /// The browser surface.
    pub control_ui: ControlUi,
    /// TLS on the listener.
    pub tls: Tls,
    /// Tailscale's proxy in front of the listener.
    pub tailscale: Tailscale,
}

/// `gateway.auth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Auth {
    /// How a client proves itself. Absent: `password` if only a password is set, else `token`.
    pub mode: Option<AuthMode>,
    /// The shared token. `OPENCLAW_GATEWAY_TOKEN` fills it when the config has none.
    #[serde(deserialize_with = "secret")]
    pub token: Option<Secret>,
    /// The shared password. `OPENCLAW_GATEWAY_PASSWORD` fills it when the config has none.
    #[serde(deserialize_with = "secret")]
    pub password: Option<Secret>,
    /// How often a client may fail.
    pub rate_limit: RateLimit,
    /// Whether identity headers of Tailscale Serve are accepted. Absent: only with
    /// `gateway.tailscale.mode: "serve"`.
    pub allow_tailscale: Option<bool>,
}

/// `gateway.auth.rateLimit`: failed attempts per client address.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RateLimit {
    /// Failures within the window before a lockout. Default 10.
    pub max_attempts: u32,
    /// The window, in milliseconds. Default 60 000.
    pub window_ms: u64,
    /// The lockout, in milliseconds. Default 300 000.
    pub lockout_ms: u64,
    /// Whether clients on this machine are exempt. Default `true`, as in OpenClaw.
    pub exempt_loopback: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { max_attempts: 10, window_ms: 60_000, lockout_ms: 300_000, exempt_loopback: true }
    }
}

/// `gateway.controlUi`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlUi {
    /// Browser origins that may open the WebSocket. Default: none beyond the gateway's own.
    pub allowed_origins: Vec<String>,
}

/// `gateway.tls`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Whether the listener speaks TLS. Default `false`.
    pub enabled: bool,
}

/// `gateway.tailscale`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tailscale {
    /// Default `off`.
    pub mode: TailscaleMode,
}

words! {
    /// `gateway.mode`.
    GatewayMode {
        /// Run a gateway here.
        Local = "local",
        /// Be a client of one elsewhere.
        Remote = "remote",
    }

    /// `gateway.bind`.
    #[derive(Default)]
    Bind {
        /// Loopback, or every address where OpenClaw finds itself in a container.
        Auto = "auto",
        /// Every IPv4 address.
        Lan = "lan",
        /// 127.0.0.1.
        #[default]
        Loopback = "loopback",
        /// `gateway.customBindHost`.
        Custom = "custom",
        /// The Tailscale address.
        Tailnet = "tailnet",
    }

    /// `gateway.auth.mode`.
    AuthMode {
        /// Anyone who reaches the port is the operator.
        None = "none",
        /// The shared token.
        Token = "token",
        /// The shared password.
        Password = "password",
        /// A proxy says who it is.
        TrustedProxy = "trusted-proxy",
    }

    /// `gateway.tailscale.mode`.
    #[derive(Default)]
    TailscaleMode {
        /// Not used.
        #[default]
        Off = "off",
        /// Reachable from the tailnet.
        Serve = "serve",
        /// Reachable from the internet.
        Funnel = "funnel",
    }
}

/// Who can reach the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// This machine only.
    Loopback,
    /// Others too, or it cannot be ruled out.
    Network,
}

impl Gateway {
    /// The port; 18789 when the config has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.map_or(DEFAULT_PORT, NonZeroU16::get)
    }

    /// Listens on another port, as `--port` and `OPENCLAW_GATEWAY_PORT` ask.
    pub const fn set_port(&mut self, port: NonZeroU16) {
        self.port = Some(port);
    }

    /// Whether the listener itself is open to this machine only. `auto` and `tailnet` are not, because
    /// what they resolve to depends on the machine.
    #[must_use]
    pub fn listens_locally(&self) -> bool {
        match self.bind {
            Bind::Loopback => true,
            Bind::Custom => self.custom_bind_host.is_some_and(|host| host.is_loopback()),
            Bind::Auto | Bind::Lan | Bind::Tailnet => false,
        }
    }

    /// Who can reach the gateway, Tailscale's proxy included.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        // What a proxy forwards comes from anywhere, wherever the proxy itself stands.
        let proxied = self.tailscale.mode != TailscaleMode::Off || !self.trusted_proxies.is_empty();
        if self.listens_locally() && !proxied { Exposure::Loopback } else { Exposure::Network }
    }
}

impl Auth {
    /// The mode in effect.
    #[must_use]
    pub fn effective_mode(&self) -> AuthMode {
        match self.mode {
            Some(mode) => mode,
            None if self.password.is_some() && self.token.is_none() => AuthMode::Password,
            None => AuthMode::Token,
        }
    }

    /// The secret that clients of the mode in effect must present.
    #[must_use]
    pub fn shared_secret(&self) -> Option<&Secret> {
        match self.effective_mode() {
            AuthMode::Token => self.token.as_ref(),
            AuthMode::Password => self.password.as_ref(),
            AuthMode::None | AuthMode::TrustedProxy => None,
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let parse = |text: String| text.trim().parse().map_err(|_| serde::de::Error::custom("expected an IP address"));
    text.map(parse).transpose()
}

/// OpenClaw's port.
pub const DEFAULT_PORT: u16 = 18_789;
