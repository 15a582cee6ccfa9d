//! The look at a running install, for `--deep`: the only part of the audit that opens connections. To this machine's own
//! gateway (or the one that `gateway.remote.url` names), to the local network's mDNS group with one question, and to the
//! container engine's socket.
//!
//! It must never send a message to an agent, change anything, start a program, show the secret to a process that is not
//! the operator's, or wait longer than its limits for a far side that is slow, silent or hostile.

mod engine;
mod gateway;
mod handshake;
mod http;
mod line;
mod mdns;
mod message;
mod sockets;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use stockade_config::{Env, Paths, Survey, environment_of, interpolated};
use stockade_core::Secret;
use url::{Host, Url};

use crate::report::{Probe, ProbeClose};
use crate::snapshot::live::{GatewayFacts, Listener};
use crate::snapshot::{Live, SecretSource, Snapshot, Trouble};
use gateway::Door;

/// What the look needs and a snapshot does not hold.
#[derive(Debug)]
pub struct Target {
    /// The gateway's token.
    pub token: Option<Secret>,
    /// Its password.
    pub password: Option<Secret>,
    /// `OPENCLAW_GATEWAY_PORT`, which goes before the config.
    pub port: Option<u16>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// How long each part may take: the first answer of the gateway, everything else that is tried there, an engine.
    pub timeout: Duration,
}

impl Target {
    /// From the config as it stands and the environment. A secret from the command line goes before both.
    #[must_use]
    pub fn of(paths: &Paths, env: &Env, token: Option<Secret>, password: Option<Secret>) -> Self {
        let config = Survey::read(&paths.config, env).value;
        let env = environment_of(paths, env, &config).unwrap_or_else(|(env, _)| env);
        let place = if is_remote(&config) { "/gateway/remote" } else { "/gateway/auth" };
        let given = token.is_some() || password.is_some();
        let secret = |name: &str, variable: &str| {
            let written = config.pointer(&format!("{place}/{name}")).and_then(Value::as_str);
            let written = written.and_then(|text| interpolated(text, &env).ok());
            let found = written.or_else(|| env.get(variable).map(str::to_owned)).filter(|text| !text.trim().is_empty());
            found.filter(|_| !given).map(|text| Secret::new(text.trim()))
        };
        Self {
            token: token.or_else(|| secret("token", "OPENCLAW_GATEWAY_TOKEN")),
            password: password.or_else(|| secret("password", "OPENCLAW_GATEWAY_PASSWORD")),
            port: env.get("OPENCLAW_GATEWAY_PORT").and_then(|port| port.trim().parse().ok()).filter(|port| *port > 0),
            docker_host: env.get("DOCKER_HOST").map(str::to_owned),
            timeout: TIMEOUT,
        }
    }
}

/// Looks at the running install, puts what it sees into the snapshot, and returns what the gateway said in OpenClaw's
/// shape. Takes some two seconds, and with a hostile far side at most twice [`Target::timeout`] and a second.
pub fn look(snapshot: &mut Snapshot, target: &Target) -> Probe {
    let port = target.port.or_else(|| port(&snapshot.config.value)).unwrap_or(DEFAULT_PORT);
    let uid = snapshot.install.uid;
    let (live, troubles) = std::thread::scope(|scope| {
        let engines = scope.spawn(|| engine::containers(target.docker_host.as_deref(), uid, target.timeout));
        let announcements = scope.spawn(mdns::announced);
        let listeners = sockets::listeners(Path::new("/proc"), port);
        let mut troubles = Vec::new();
        let gateway = probe(snapshot, target, port, &listeners, &mut troubles);
        let engines = engines.join().unwrap_or_default();
        troubles.extend(engines.troubles);
        let live = Live {
            gateway,
            listeners,
            announcements: announcements.join().unwrap_or_default(),
            containers: engines.containers,
            silent_engine: engines.silent,
        };
        (live, troubles)
    });
    snapshot.troubles.extend(troubles);
    let facts = &live.gateway;
    let probe = Probe {
        attempted: !facts.url.is_empty(),
        url: facts.url.clone(),
        ok: facts.ok,
        error: facts.error.clone(),
        close: facts.close.clone().map(|(code, reason)| ProbeClose { code, reason }),
    };
    snapshot.live = Some(live);
    probe
}

/// Whether a socket is the operator's: opened by who runs the audit, by who owns the config, or by root.
#[must_use]
pub(crate) fn is_own(snapshot: &Snapshot, listener: &Listener) -> bool {
    let owner = snapshot.config.files.first().map(|file| file.uid);
    listener.uid == 0 || listener.uid == snapshot.install.uid || Some(listener.uid) == owner
}

fn probe(
    snapshot: &Snapshot,
    target: &Target,
    port: u16,
    listeners: &[Listener],
    troubles: &mut Vec<Trouble>,
) -> GatewayFacts {
    let config = &snapshot.config;
    let remote = is_remote(&config.value);
    let place = if remote { "gateway.remote" } else { "gateway.auth" };
    let reference = ["token", "password"]
        .map(|name| format!("{place}.{name}"))
        .into_iter()
        .find(|key| config.secret(key).is_some_and(|fact| matches!(fact.source, SecretSource::Reference(..))));
    let no_secret = target.token.is_none() && target.password.is_none();
    let scheme = if config.is_true("gateway.tls.enabled") { "wss" } else { "ws" };
    let mut facts =
        GatewayFacts { port, remote, reference: reference.filter(|_| no_secret), ..GatewayFacts::default() };
    let (address, authority, url) = if remote {
        let url = config.text("gateway.remote.url").unwrap_or_default().trim();
        match resolved(url, target.timeout) {
            Ok((address, authority)) => (address, authority, plain(url)),
            Err(what) => {
                facts.error = Some(what.to_owned());
                troubles.push(Trouble { path: plain(url), what: what.to_owned() });
                return facts;
            }
        }
    } else {
        let address = local(port, listeners);
        (address, address.to_string(), format!("{scheme}://{address}"))
    };
    if !remote && scheme == "wss" {
        let what = "the gateway speaks TLS, which this probe does not";
        facts.error = Some(what.to_owned());
        troubles.push(Trouble { path: url, what: what.to_owned() });
        return facts;
    }
    facts.url.clone_from(&url);
    // Whoever sits on the port is handed what is shown there.
    let ours = remote || listeners.iter().filter(|listener| listener.port == port).all(|found| is_own(snapshot, found));
    let trusted = config.text("gateway.auth.mode") == Some("trusted-proxy");
    let door = Door {
        address,
        authority,
        token: target.token.as_ref().filter(|_| ours),
        password: target.password.as_ref().filter(|_| ours),
        hidden: [target.token.as_ref(), target.password.as_ref()],
        user_header: config.text("gateway.auth.trustedProxy.userHeader").filter(|_| trusted).map(str::to_owned),
        guessing_is_free: !config.is_false("gateway.auth.rateLimit.exemptLoopback"),
        timeout: target.timeout,
    };
    gateway::greet(&door, &mut facts);
    // Another machine is not tried: it may not be the operator's to try.
    if !remote && !facts.attempts.is_empty() && !gateway::try_ways(&door, &mut facts) {
        troubles
            .push(Trouble { path: url, what: "the gateway answered too slowly for all that was to be tried".into() });
    }
    facts
}

/// Where the gateway of this machine is spoken to: over loopback, when it listens there.
fn local(port: u16, listeners: &[Listener]) -> SocketAddr {
    let on_port = || listeners.iter().filter(|listener| listener.port == port).map(|listener| listener.address);
    let loopback = |address: IpAddr| match address {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        // A socket of both families takes connections of both.
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        address => address,
    };
    let found = on_port().map(loopback).find(IpAddr::is_loopback).or_else(|| on_port().next());
    SocketAddr::new(found.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port)
}

/// The address of a remote gateway. A name is looked up with a time limit; the secret is only shown to addresses that
/// are not on the public internet, as it travels in plain text.
fn resolved(url: &str, timeout: Duration) -> Result<(SocketAddr, String), &'static str> {
    let url = Url::parse(url).map_err(|_| "gateway.remote.url is no URL")?;
    if url.scheme() != "ws" {
        return Err("gateway.remote.url does not begin with ws://, and this probe speaks no TLS");
    }
    let port = url.port_or_known_default().unwrap_or(80);
    let host = url.host().ok_or("gateway.remote.url has no host")?.to_owned();
    let authority = format!("{host}:{port}");
    let addresses: Vec<IpAddr> = match host {
        Host::Ipv4(address) => vec![address.into()],
        Host::Ipv6(address) => vec![address.into()],
        Host::Domain(name) => {
            let (send, receive) = mpsc::channel();
            // The system's resolver has no time limit: whoever does not answer keeps this thread, not the audit.
            std::thread::spawn(move || {
                let found = (name.as_str(), port).to_socket_addrs();
                let _ = send.send(found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default());
            });
            receive.recv_timeout(timeout).unwrap_or_default()
        }
    };
    match addresses.first() {
        None => Err("the host of gateway.remote.url has no address"),
        Some(_) if addresses.iter().any(|address| !is_private(*address)) => {
            Err("gateway.remote.url is on the public internet and without TLS: the secret is not sent there")
        }
        Some(address) => Ok((SocketAddr::new(*address, port), authority)),
    }
}

/// Loopback, private, link-local or a tailnet's.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_tailnet(v4.into()),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// An address that Tailscale gives out.
pub(crate) fn is_tailnet(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => matches!(Ipv6Addr::segments(&v6), [0xfd7a, 0x115c, 0xa1e0, ..]),
    }
}

/// A URL without what may be secret in it: name, password, query.
fn plain(url: &str) -> String {
    Url::parse(url).ok().filter(Url::has_host).map_or_else(
        || "gateway.remote.url".to_owned(),
        |url| {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!(
                "{}://{}{port}{}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.path().trim_end_matches('/')
            )
        },
    )
}

/// A remote gateway that is not named is the local one, as OpenClaw has it.
fn is_remote(config: &Value) -> bool {
    let url = config.pointer("/gateway/remote/url").and_then(Value::as_str);
    config.pointer("/gateway/mode").and_then(Value::as_str) == Some("remote")
        && url.is_some_and(|url| !url.trim().is_empty())
}

fn port(config: &Value) -> Option<u16> {
    config.pointer("/gateway/port")?.as_u64()?.try_into().ok().filter(|port| *port > 0)
}

const DEFAULT_PORT: u16 = 18_789;
/// As long as OpenClaw's own probe waits.
const TIMEOUT: Duration = Duration::from_secs(5);
