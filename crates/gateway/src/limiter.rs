//! How often a client may fail to authenticate, and how many sockets it may hold before it has.
//! Bounded in memory; addresses that failed long ago are forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stockade_config::model::RateLimit;
use stockade_core::Timestamp;

/// What a new attempt meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may be made now.
    Open,
    /// It may be made after a wait that grows with each failure (programs on this machine: a lock
    /// would let any local process lock the operator out).
    Wait(Duration),
    /// It may not be made before this long.
    Locked(Duration),
}

/// Who is counted: an address, and whether it is a program on this machine. A web page that guesses from
/// inside the operator's browser, or a stranger whom a local proxy forwards, must not lock out the
/// operator's own tools on the same machine.
pub type Source = (IpAddr, bool);

/// The limiter.
#[derive(Debug, Default)]
pub struct Limiter {
    clients: Mutex<HashMap<Source, Client>>,
}

#[derive(Debug, Default)]
struct Client {
    failures: Vec<Timestamp>,
    locked_until: Option<Timestamp>,
    sockets: usize,
    turnstile: Arc<tokio::sync::Mutex<()>>,
}

/// A place among the unauthenticated sockets of an address; given back when dropped.
pub struct Place {
    gateway: Arc<crate::Gateway>,
    source: Source,
}

impl Limiter {
    /// What an attempt meets. Only a program on this machine is exempt from the lock.
    pub fn gate(&self, limits: &RateLimit, source: Source, now: Timestamp) -> Gate {
        let mut clients = self.lock();
        let Some(client) = clients.get_mut(&source) else { return Gate::Open };
        if let Some(until) = client.locked_until {
            if now < until {
                return Gate::Locked(until.since(now));
            }
            client.locked_until = None;
            client.failures.clear();
        }
        client.failures.retain(|at| now.since(*at) < Duration::from_millis(limits.window_ms));
        let failures = u32::try_from(client.failures.len()).unwrap_or(u32::MAX);
        let exempt = source.1 && limits.exempt_loopback;
        match failures {
            0 => Gate::Open,
            _ if exempt => Gate::Wait((FIRST_DELAY * 2_u32.saturating_pow(failures.min(8) - 1)).min(LAST_DELAY)),
            _ if failures >= limits.max_attempts => {
                let until = now.after(Duration::from_millis(limits.lockout_ms));
                client.locked_until = Some(until);
                Gate::Locked(until.since(now))
            }
            _ => Gate::Open,
        }
    }

    /// One attempt at a time waits for each address, so that parallel guesses are no faster.
    pub fn turnstile(&self, source: Source) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.lock().entry(source).or_default().turnstile)
    }

    /// An attempt failed.
    pub fn failed(&self, source: Source, now: Timestamp) {
        let mut clients = self.lock();
        if clients.len() >= MAX_CLIENTS {
            clients.retain(|_, client| {
                client.sockets > 0 || client.failures.last().is_some_and(|at| now.since(*at) < FORGET)
            });
        }
        let client = clients.entry(source).or_default();
        client.failures.push(now);
        let excess = client.failures.len().saturating_sub(MAX_FAILURES);
        client.failures.drain(..excess);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Source, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Takes a place for one more unauthenticated socket; `None` when the address has too many.
    pub fn take(gateway: &Arc<crate::Gateway>, source: Source) -> Option<Self> {
        let mut clients = gateway.limiter.lock();
        let client = clients.entry(source).or_default();
        if client.sockets >= MAX_SOCKETS {
            return None;
        }
        client.sockets += 1;
        Some(Self { gateway: Arc::clone(gateway), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.gateway.limiter.lock();
        if let Some(client) = clients.get_mut(&self.source) {
            client.sockets = client.sockets.saturating_sub(1);
            if client.sockets == 0 && client.failures.is_empty() && client.locked_until.is_none() {
                clients.remove(&self.source);
            }
        }
    }
}

/// Unauthenticated sockets per address. Source: OpenClaw, 32.
const MAX_SOCKETS: usize = 32;
const MAX_CLIENTS: usize = 10_000;
const MAX_FAILURES: usize = 64;
const FORGET: Duration = Duration::from_secs(600);
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LAST_DELAY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn after(failures: usize, address: &str, local: bool) -> Gate {
        let (limiter, source) = (Limiter::default(), (address.parse().expect("an address"), local));
        for _ in 0..failures {
            limiter.failed(source, NOW);
        }
        limiter.gate(&RateLimit::default(), source, NOW)
    }

    #[test]
    fn strangers_are_locked_out_after_ten_failures() {
        assert_eq!(after(0, "192.0.2.1", false), Gate::Open);
        assert_eq!(after(9, "192.0.2.1", false), Gate::Open);
        assert_eq!(after(10, "192.0.2.1", false), Gate::Locked(Duration::from_secs(300)));
    }

    #[test]
    fn local_clients_wait_longer_and_longer_and_web_pages_are_locked_out() {
        assert_eq!(after(1, "127.0.0.1", true), Gate::Wait(Duration::from_millis(250)));
        assert_eq!(after(3, "::1", true), Gate::Wait(Duration::from_secs(1)));
        assert_eq!(after(50, "127.0.0.1", true), Gate::Wait(Duration::from_secs(5)));
        assert!(matches!(after(10, "127.0.0.1", false), Gate::Locked(_)));
    }

    #[test]
    fn a_lockout_ends_and_memory_is_bounded() {
        let (limiter, source) = (Limiter::default(), ("192.0.2.1".parse().expect("an address"), false));
        (0..10).for_each(|_| limiter.failed(source, NOW));
        let limits = RateLimit::default();
        assert!(matches!(limiter.gate(&limits, source, NOW), Gate::Locked(_)));
        assert_eq!(limiter.gate(&limits, source, NOW.after(Duration::from_secs(301))), Gate::Open);
        for n in 0..MAX_CLIENTS as u32 + 100 {
            limiter.failed((IpAddr::from(n.to_be_bytes()), false), NOW.after(Duration::from_secs(u64::from(n))));
        }
        assert!(limiter.lock().len() <= MAX_CLIENTS + 1);
    }
}
