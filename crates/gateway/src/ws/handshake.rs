//! The `connect` request: which protocol, who, with which scopes. What comes out is the only way to a
//! [`Session`], and a [`Session`] is the only way to a method.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde_json::{Value, json};
use stockade_config::model::AuthMode;
use stockade_core::{Principal, Scope, ScopeSet, Timestamp, text};
use stockade_policy::clients;
use stockade_policy::identity::{DeviceProof, SignedFields, verify_device};
use tokio::sync::OwnedMutexGuard;

use super::frame::{Request, WireError};
use crate::Gateway;
use crate::limiter::Gate;
use crate::running::Running;

/// The protocol version that is spoken.
pub const PROTOCOL: u64 = 4;

/// What is known of a connection before `connect`.
#[derive(Debug)]
pub struct Peer {
    /// The other end of the socket.
    pub address: SocketAddr,
    /// Who is behind it, seen through trusted proxies.
    pub client: clients::Client,
    /// Whether a browser's Origin came with it; one that may not connect does not get here.
    pub browser: bool,
    /// The challenge's nonce.
    pub nonce: String,
}

impl Peer {
    /// Whom failures and sockets are counted for: the client's address, or the proxy's when the proxy
    /// does not say whose request it is.
    #[must_use]
    pub fn counted(&self) -> (IpAddr, bool) {
        (self.client.ip.unwrap_or_else(|| self.address.ip().to_canonical()), self.is_local_program())
    }

    /// Whether it is a program on this machine: nothing forwarded it, and no web page made it.
    #[must_use]
    pub const fn is_local_program(&self) -> bool {
        self.client.is_local && !self.browser
    }
}

/// An authenticated connection.
#[derive(Debug, Clone)]
pub struct Session {
    principal: Principal,
    scopes: ScopeSet,
    caps: Vec<String>,
    way: Way,
}

/// By which secret a connection proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the config says; a change of it ends the connection.
    Config,
    /// The key of this start, on this machine.
    LocalKey,
}

/// Why a connection is closed.
#[derive(Debug)]
pub struct Rejected {
    /// What the client is told.
    pub error: WireError,
    /// The close code.
    pub close: u16,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the frame is closed: every field of the protocol is named, also those that nothing reads"
)]
struct Connect {
    min_protocol: u64,
    max_protocol: u64,
    client: Client,
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    auth: Auth,
    #[serde(default)]
    device: Option<Device>,
    #[serde(default)]
    commands: Option<Value>,
    #[serde(default)]
    permissions: Option<Value>,
    #[serde(default)]
    path_env: Option<String>,
    #[serde(default)]
    computer_use: Option<Value>,
    #[serde(default)]
    worker_runs: Option<Value>,
    #[serde(default)]
    model_catalog: Option<Value>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    user_agent: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the frame is closed: every field of the protocol is named, also those that nothing reads"
)]
struct Client {
    id: String,
    mode: String,
    version: String,
    platform: String,
    #[serde(default)]
    device_family: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    model_identifier: Option<String>,
    #[serde(default)]
    instance_id: Option<String>,
    #[serde(default)]
    build_id: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Auth {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    device_token: Option<String>,
    #[serde(default)]
    bootstrap_token: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "named by the closed frame")]
    approval_runtime_token: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "named by the closed frame")]
    agent_runtime_identity_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Device {
    id: String,
    public_key: String,
    signature: String,
    signed_at: Timestamp,
    #[serde(default)]
    nonce: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(…)")
    }
}

impl Session {
    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What it may.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// By which secret it proved itself.
    #[must_use]
    pub const fn way(&self) -> Way {
        self.way
    }

    /// Whether it has a capability.
    #[must_use]
    pub fn has_cap(&self, cap: &str) -> bool {
        self.caps.iter().any(|own| own == cap)
    }
}

/// Judges the first request of a connection.
///
/// # Errors
/// [`Rejected`]; a failed secret has then been counted.
pub async fn connect(gateway: &Gateway, peer: &Peer, request: Request) -> Result<Session, Rejected> {
    if request.method != "connect" {
        return Err(rejected("invalid handshake: first request must be connect"));
    }
    let connect: Connect =
        serde_json::from_value(request.params).map_err(|error| rejected(format!("invalid connect params: {error}")))?;
    check_protocol(&connect)?;
    let running = gateway.running();
    // Held until a failure is counted: the next attempt waits for what this one adds.
    let turn = wait_for_gate(gateway, &running, peer).await?;
    let way = authenticate(gateway, &running, peer, &connect)?;
    drop(turn);
    let client = text::clip(&text::visible(&connect.client.id), 64);
    let principal = match &connect.device {
        Some(device) => {
            prove(device, &connect, &peer.nonce, gateway.clock.now())?;
            Principal::Device { id: device.id.clone(), client }
        }
        None => Principal::SharedSecret { client },
    };
    let scopes = scopes(&connect, peer)?;
    Ok(Session { principal, scopes, caps: connect.caps, way })
}

fn check_protocol(connect: &Connect) -> Result<(), Rejected> {
    let range = connect.min_protocol..=connect.max_protocol;
    let probe = matches!(connect.client.mode.as_str(), "probe" | "node") && range.contains(&3);
    if range.contains(&PROTOCOL) || probe {
        return Ok(());
    }
    let details = json!({
        "code": "PROTOCOL_MISMATCH", "clientMinProtocol": connect.min_protocol,
        "clientMaxProtocol": connect.max_protocol, "expectedProtocol": PROTOCOL, "minimumProbeProtocol": 3,
    });
    Err(Rejected { error: WireError::invalid("protocol mismatch").details(details), close: 1002 })
}

async fn wait_for_gate(
    gateway: &Gateway,
    running: &Running,
    peer: &Peer,
) -> Result<Option<OwnedMutexGuard<()>>, Rejected> {
    let limits = &running.loaded.config.gateway.auth.rate_limit;
    let client = peer.counted();
    let gate = || gateway.limiter.gate(limits, client, gateway.clock.now());
    match gate() {
        Gate::Open => return Ok(None),
        Gate::Locked(left) => return Err(locked(left)),
        Gate::Wait(_) => {}
    }
    // After a failure attempts pass one by one, each after its wait.
    let turn = gateway.limiter.turnstile(client).lock_owned().await;
    match gate() {
        Gate::Open => Ok(Some(turn)),
        Gate::Wait(delay) => {
            tokio::time::sleep(delay).await;
            Ok(Some(turn))
        }
        Gate::Locked(left) => Err(locked(left)),
    }
}

fn locked(left: std::time::Duration) -> Rejected {
    let details = json!({ "code": "AUTH_RATE_LIMITED", "recommendedNextStep": "wait_then_retry" });
    let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    let error = WireError::invalid("unauthorized: too many failed authentication attempts (retry later)");
    Rejected { error: error.details(details).retry_after(left), close: 1008 }
}

/// The shared secret. Either field may carry it, as in OpenClaw.
fn authenticate(gateway: &Gateway, running: &Running, peer: &Peer, connect: &Connect) -> Result<Way, Rejected> {
    let auth = &running.loaded.config.gateway.auth;
    let mode = auth.effective_mode();
    let code = |suffix: &str| match mode {
        AuthMode::Password => format!("AUTH_PASSWORD_{suffix}"),
        _ => format!("AUTH_TOKEN_{suffix}"),
    };
    let what = if mode == AuthMode::Password { "password" } else { "token" };
    let refuse = |code: String, reason: &str, message: String| {
        let details = json!({
            "code": code, "authReason": reason, "canRetryWithDeviceToken": false,
            "recommendedNextStep": "update_auth_credentials",
        });
        Err(coded(message, details))
    };
    if mode == AuthMode::None && peer.client.is_local {
        return Ok(Way::Config);
    }
    let offered: Vec<&str> =
        [&connect.auth.token, &connect.auth.password].into_iter().flatten().map(String::as_str).collect();
    if peer.is_local_program() && offered.iter().any(|offered| gateway.local_key.matches(offered)) {
        return Ok(Way::LocalKey);
    }
    let Some(secret) = auth.shared_secret() else {
        return refuse(
            code("NOT_CONFIGURED"),
            "not_configured",
            "unauthorized: no gateway secret is configured".into(),
        );
    };
    if offered.is_empty() {
        return refuse(code("MISSING"), "missing", format!("unauthorized: gateway {what} missing"));
    }
    if offered.iter().any(|offered| secret.matches(offered)) {
        return Ok(Way::Config);
    }
    gateway.limiter.failed(peer.counted(), gateway.clock.now());
    tracing::warn!(peer = %peer.address, client = %peer.counted().0, "a connection offered a wrong gateway {what}");
    refuse(code("MISMATCH"), &format!("{what}_mismatch"), format!("unauthorized: gateway {what} mismatch"))
}

fn prove(device: &Device, connect: &Connect, nonce: &str, now: Timestamp) -> Result<(), Rejected> {
    let Auth { token, device_token, bootstrap_token, .. } = &connect.auth;
    let token = [token, device_token, bootstrap_token].into_iter().flatten().next().map_or("", String::as_str);
    let proof = DeviceProof {
        id: &device.id,
        public_key: &device.public_key,
        signature: &device.signature,
        signed_at: device.signed_at,
        nonce: device.nonce.as_deref(),
    };
    let fields = SignedFields {
        client_id: &connect.client.id,
        client_mode: &connect.client.mode,
        role: connect.role.as_deref().unwrap_or("operator"),
        scopes: &connect.scopes,
        token,
        platform: &connect.client.platform,
        device_family: connect.client.device_family.as_deref().unwrap_or_default(),
    };
    verify_device(&proof, &fields, nonce, now).map_err(|refusal| {
        let (message, code, reason) = refusal.wire();
        coded(message, json!({ "code": code, "reason": reason }))
    })
}

/// The scopes that a connection gets. Without a device key only OpenClaw's one-shot clients keep what
/// they ask for, and only from this machine and outside a browser.
fn scopes(connect: &Connect, peer: &Peer) -> Result<ScopeSet, Rejected> {
    match connect.role.as_deref().unwrap_or("operator") {
        "operator" => {}
        "node" => {
            return Err(unpaired());
        }
        other => return Err(rejected(format!("unauthorized role: {}", text::clip(&text::visible(other), 32)))),
    }
    let requested = ScopeSet::requested(&connect.scopes);
    let near = peer.is_local_program();
    if connect.device.is_some() {
        // Anyone can make a key: one that no operator has approved is worth something on this machine only.
        return if near { Ok(requested) } else { Err(unpaired()) };
    }
    let (id, mode) = (connect.client.id.as_str(), connect.client.mode.as_str());
    if matches!(id, "openclaw-tui" | "openclaw-control-ui" | "webchat" | "webchat-ui") {
        let details = json!({ "code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED" });
        return Err(coded("device identity required", details));
    }
    let one_shot = matches!((id, mode), ("cli", "cli") | ("gateway-client", "backend"));
    Ok(if one_shot && near { requested } else { ScopeSet::none() })
}

fn unpaired() -> Rejected {
    let details = json!({ "code": "PAIRING_REQUIRED", "reason": "not-paired", "retryable": false });
    let error = WireError::new("NOT_PAIRED", "pairing required: devices can be paired on this machine only, for now");
    Rejected { error: error.details(details), close: 1008 }
}

/// The payload of `hello-ok`.
pub fn hello(gateway: &Gateway, session: &Session, connection: &str) -> Value {
    let running = gateway.running();
    let agent = &running.default_agent().id;
    let admin = session.scopes.covers(Scope::Admin);
    let mode = running.loaded.config.gateway.auth.effective_mode().id();
    let mut snapshot = json!({
        "presence": [super::methods::system::presence_row(gateway)],
        "health": super::methods::system::health_payload(gateway),
        "stateVersion": { "presence": 1, "health": 1 },
        "uptimeMs": gateway.clock.now().since(gateway.started).as_millis() as u64,
        "sessionDefaults": {
            "defaultAgentId": agent, "mainKey": "main", "mainSessionKey": stockade_core::SessionKey::main(agent),
            "scope": "per-sender", "modelConfigured": running.default_agent().model.is_some(),
            "ownership": "sole", "selectionRequired": false,
        },
    });
    if let (true, Some(snapshot)) = (admin, snapshot.as_object_mut()) {
        snapshot.insert("configPath".into(), json!(running.loaded.paths.config));
        snapshot.insert("stateDir".into(), json!(running.loaded.paths.state));
        snapshot.insert("authMode".into(), json!(mode));
    }
    json!({
        "type": "hello-ok",
        "protocol": PROTOCOL,
        "server": { "version": super::COMPATIBLE_VERSION, "bootId": gateway.boot, "connId": connection },
        "features": {
            "methods": super::methods::names(), "events": super::EVENTS, "capabilities": [],
        },
        "snapshot": snapshot,
        "auth": { "method": if mode == "none" { "none" } else { mode }, "role": "operator", "scopes": session.scopes.ids() },
        "policy": {
            "maxPayload": super::MAX_PAYLOAD, "maxBufferedBytes": super::MAX_PAYLOAD * 2,
            "tickIntervalMs": super::TICK.as_millis() as u64,
        },
    })
}

/// A peer from the upgrade request.
pub fn peer(address: SocketAddr, client: clients::Client, headers: &axum::http::HeaderMap) -> Peer {
    let browser = headers.contains_key(axum::http::header::ORIGIN);
    Peer { address, client, browser, nonce: uuid::Uuid::new_v4().to_string() }
}

fn rejected(message: impl Into<String>) -> Rejected {
    Rejected { error: WireError::invalid(message), close: 1008 }
}

fn coded(message: impl Into<String>, details: Value) -> Rejected {
    Rejected { error: WireError::invalid(message).details(details), close: 1008 }
}
