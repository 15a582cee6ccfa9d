//! The shared secret, for WebSocket connections and HTTP requests alike: who is counted, how long a wrong
//! attempt makes the next one wait, and by which secret a caller proved itself.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use stockade_config::model::AuthMode;
use stockade_policy::clients;
use tokio::sync::OwnedMutexGuard;

use crate::Gateway;
use crate::limiter::Gate;
use crate::running::Running;

/// What is known of a caller before it proves anything.
#[derive(Debug)]
pub struct Stranger {
    /// The other end of the socket.
    pub address: SocketAddr,
    /// Who is behind it, seen through trusted proxies.
    pub client: clients::Client,
    /// Whether a browser's Origin came with it; one that may not connect does not get here.
    pub browser: bool,
}

/// By which secret a caller proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the config says; a change of it ends the connection.
    Config,
    /// The key of this start, on this machine.
    LocalKey,
}

/// Why a caller goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproved {
    /// Too many wrong attempts; none is taken before this long.
    Locked(Duration),
    /// The config has no secret, and this is not a place where none is needed.
    NotConfigured,
    /// None was offered.
    Missing,
    /// It is the wrong one, and was counted.
    Mismatch,
}

impl Stranger {
    /// From the head of a request.
    #[must_use]
    pub fn new(address: SocketAddr, client: clients::Client, headers: &HeaderMap) -> Self {
        Self { address, client, browser: headers.contains_key(header::ORIGIN) }
    }

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

/// Judges the secrets that a caller offers; any of them may be the one, as in OpenClaw.
///
/// # Errors
/// [`Unproved`]; a wrong secret has then been counted.
pub async fn authenticate(
    gateway: &Gateway,
    running: &Running,
    stranger: &Stranger,
    offered: &[&str],
) -> Result<Way, Unproved> {
    // Held until a failure is counted: the next attempt waits for what this one adds.
    let _turn = wait_for_gate(gateway, running, stranger).await?;
    let auth = &running.loaded.config.gateway.auth;
    if auth.effective_mode() == AuthMode::None && stranger.client.is_local {
        return Ok(Way::Config);
    }
    if stranger.is_local_program() && offered.iter().any(|offered| gateway.local_key.matches(offered)) {
        return Ok(Way::LocalKey);
    }
    let secret = auth.shared_secret().ok_or(Unproved::NotConfigured)?;
    if offered.is_empty() {
        return Err(Unproved::Missing);
    }
    if offered.iter().any(|offered| secret.matches(offered)) {
        return Ok(Way::Config);
    }
    gateway.limiter.failed(stranger.counted(), gateway.clock.now());
    let (peer, client) = (stranger.address, stranger.counted().0);
    tracing::warn!(%peer, %client, "a wrong gateway secret was offered");
    Err(Unproved::Mismatch)
}

async fn wait_for_gate(
    gateway: &Gateway,
    running: &Running,
    stranger: &Stranger,
) -> Result<Option<OwnedMutexGuard<()>>, Unproved> {
    let limits = &running.loaded.config.gateway.auth.rate_limit;
    let source = stranger.counted();
    let gate = || gateway.limiter.gate(limits, source, gateway.clock.now());
    match gate() {
        Gate::Open => return Ok(None),
        Gate::Locked(left) => return Err(Unproved::Locked(left)),
        Gate::Wait(_) => {}
    }
    // After a failure attempts pass one by one, each after its wait.
    let turn = gateway.limiter.turnstile(source).lock_owned().await;
    match gate() {
        Gate::Open => Ok(Some(turn)),
        Gate::Wait(delay) => {
            tokio::time::sleep(delay).await;
            Ok(Some(turn))
        }
        Gate::Locked(left) => Err(Unproved::Locked(left)),
    }
}
