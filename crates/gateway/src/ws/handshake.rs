//! The `connect` request: which protocol, who, with which scopes. What comes out is the only way to a
//! [`Session`], and a [`Session`] is the only way to a method.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Value, json};
use stockade_config::model::AuthMode;
use stockade_core::{Principal, Scope, ScopeSet, Timestamp, text};
use stockade_policy::clients;
use stockade_policy::identity::{DeviceProof, SignedFields, verify_device};

use super::frame::{Request, WireError};
use crate::Gateway;
use crate::auth::{self, Proof, Stranger, Unproved, Way};
use crate::running::Running;

/// The protocol version that is spoken.
pub const PROTOCOL: u64 = 4;

/// What is known of a connection before `connect`.
#[derive(Debug)]
pub struct Peer {
    /// Who connected.
    pub stranger: Stranger,
    /// The challenge's nonce.
    pub nonce: String,
}

/// An authenticated connection.
#[derive(Debug, Clone)]
pub struct Session {
    principal: Principal,
    scopes: ScopeSet,
    caps: Vec<String>,
    way: Way,
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
    let offered: Vec<&str> =
        [&connect.auth.token, &connect.auth.password].into_iter().flatten().map(String::as_str).collect();
    let way = auth::authenticate(gateway, &running, &peer.stranger, &Proof::default(), &offered).await;
    let way = way.map_err(|unproved| unauthorized(&running, unproved))?;
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

fn locked(left: std::time::Duration) -> Rejected {
    let details = json!({ "code": "AUTH_RATE_LIMITED", "recommendedNextStep": "wait_then_retry" });
    let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    let error = WireError::invalid("unauthorized: too many failed authentication attempts (retry later)");
    Rejected { error: error.details(details).retry_after(left), close: 1008 }
}

/// The words of OpenClaw's protocol for a caller that did not prove itself.
fn unauthorized(running: &Running, unproved: Unproved) -> Rejected {
    let (kind, what) = match running.loaded.config.gateway.auth.effective_mode() {
        AuthMode::Password => ("AUTH_PASSWORD", "password"),
        _ => ("AUTH_TOKEN", "token"),
    };
    let (suffix, reason, message) = match unproved {
        Unproved::Locked(left) => return locked(left),
        Unproved::NotConfigured => {
            ("NOT_CONFIGURED", "not_configured".to_owned(), "no gateway secret is configured".to_owned())
        }
        Unproved::Missing => ("MISSING", "missing".to_owned(), format!("gateway {what} missing")),
        Unproved::Mismatch => ("MISMATCH", format!("{what}_mismatch"), format!("gateway {what} mismatch")),
    };
    let details = json!({
        "code": format!("{kind}_{suffix}"), "authReason": reason, "canRetryWithDeviceToken": false,
        "recommendedNextStep": "update_auth_credentials",
    });
    coded(format!("unauthorized: {message}"), details)
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
    let near = peer.stranger.is_local_program();
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
    Peer { stranger: Stranger::new(address, client, headers), nonce: uuid::Uuid::new_v4().to_string() }
}

fn rejected(message: impl Into<String>) -> Rejected {
    Rejected { error: WireError::invalid(message), close: 1008 }
}

fn coded(message: impl Into<String>, details: Value) -> Rejected {
    Rejected { error: WireError::invalid(message).details(details), close: 1008 }
}
