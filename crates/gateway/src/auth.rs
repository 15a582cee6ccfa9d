//! The shared secret, for WebSocket connections and HTTP requests alike: who is counted, how long a wrong
//! attempt makes the next one wait, and by which secret a caller proved itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use stockade_config::model::AuthMode;
use stockade_core::{Digest, Secret};
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

/// What a connection has proved: later requests over it with the same secret, under the same config, need not
/// wait for others' guesses.
#[derive(Debug, Default)]
pub struct Proof(Mutex<Option<(Digest, Secret)>>);

impl Proof {
    fn holds(&self, generation: Digest, offered: &[&str]) -> bool {
        let proved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proved.as_ref().is_some_and(|(under, secret)| {
            *under == generation && offered.iter().any(|offered| secret.matches(offered))
        })
    }

    fn remember(&self, generation: Digest, secret: &Secret) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((generation, secret.clone()));
    }
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
    proof: &Proof,
    offered: &[&str],
) -> Result<Way, Unproved> {
    let auth = &running.loaded.config.gateway.auth;
    if auth.effective_mode() == AuthMode::None && stranger.client.is_local {
        return Ok(Way::Config);
    }
    // Nobody guesses 256 random bits: what holds up guesses must not hold up the operator's own tools.
    if stranger.is_local_program() && offered.iter().any(|offered| gateway.local_key.matches(offered)) {
        return Ok(Way::LocalKey);
    }
    let secret = auth.shared_secret().ok_or(Unproved::NotConfigured)?;
    if offered.is_empty() {
        return Err(Unproved::Missing);
    }
    let generation = running.policy.generation;
    if proof.holds(generation, offered) {
        return Ok(Way::Config);
    }
    // Held until a failure is counted: the next attempt waits for what this one adds.
    let _turn = wait_for_gate(gateway, running, stranger).await?;
    if offered.iter().any(|offered| secret.matches(offered)) {
        proof.remember(generation, secret);
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
    // After a failure attempts pass one by one, each after its wait. Few wait: a crowd of wrong ones must not
    // keep the right one out for long.
    let turnstile = gateway.limiter.turnstile(source);
    if Arc::strong_count(&turnstile) > MAX_WAITING {
        return Err(Unproved::Locked(BUSY));
    }
    let turn = turnstile.lock_owned().await;
    match gate() {
        Gate::Open => Ok(Some(turn)),
        Gate::Wait(delay) => {
            tokio::time::sleep(delay).await;
            Ok(Some(turn))
        }
        Gate::Locked(left) => Err(Unproved::Locked(left)),
    }
}

/// Attempts of one source that may wait for each other, and the limiter's own handle.
const MAX_WAITING: usize = 8 + 2;
/// When one more may try again.
const BUSY: Duration = Duration::from_secs(5);
