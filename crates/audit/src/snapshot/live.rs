//! What `--deep` saw while the install was running: the gateway's answers, who listens, what is announced on the
//! network, and the containers that run. Plain data: whether it is weak is said by [`crate::checks`].

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What was seen of a running install.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Live {
    /// How the gateway answered.
    pub gateway: GatewayFacts,
    /// Sockets on the gateway's port, and the others of the process behind it.
    pub listeners: Vec<Listener>,
    /// What this machine announces over mDNS as a gateway.
    pub announcements: Vec<Announcement>,
    /// Containers that OpenClaw made.
    pub containers: Vec<Container>,
    /// The socket of a container engine that gave no answer in time.
    pub silent_engine: Option<String>,
}

/// How the gateway answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GatewayFacts {
    /// Its address; empty when it was not spoken to.
    pub url: String,
    /// Its port.
    pub port: u16,
    /// Whether it is another machine's: `gateway.mode` is `remote`.
    pub remote: bool,
    /// Whether it let in whoever has the secret, or whoever came where there is none.
    pub ok: bool,
    /// What went wrong.
    pub error: Option<String>,
    /// The WebSocket close code and its words.
    pub close: Option<(u16, String)>,
    /// Whether something answered, but in another language than a gateway's.
    pub stranger: bool,
    /// The secret's key, when it is a reference that was not resolved.
    pub reference: Option<String>,
    /// What was tried, in this order. Empty when no gateway answered.
    pub attempts: Vec<Attempt>,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// What.
    pub way: Way,
    /// What came of it.
    pub outcome: Outcome,
}

/// Ways to get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// The WebSocket with the configured secret.
    Secret,
    /// The WebSocket with nothing.
    Anonymous,
    /// The WebSocket with a random secret.
    WrongSecret,
    /// The WebSocket with forged forwarding headers and without a secret.
    ForgedAnonymous,
    /// The same with the secret.
    ForgedSecret,
    /// The WebSocket as a web page from elsewhere opens it, with the secret where there is one.
    ForeignOrigin,
    /// The same from a page whose name was made to point here: Host and Origin are both foreign.
    ForeignHost,
    /// A request to this path without a secret.
    Http(String),
    /// The same with forged forwarding headers.
    ForgedHttp(String),
    /// The same as a web page from elsewhere sends it.
    ForeignOriginHttp(String),
    /// The same with a foreign Host.
    ForeignHostHttp(String),
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Let in, with these scopes; none over HTTP.
    Admitted(Vec<String>),
    /// Turned away: the protocol's code or the HTTP status.
    Refused(String),
    /// Neither: no answer, or one that cannot be read.
    Unclear(String),
}

/// A listening TCP socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Where it listens.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Who opened it.
    pub uid: u32,
    /// The process that holds it, when that can be seen.
    pub pid: Option<u32>,
    /// The name of that process, as the kernel has it.
    pub program: Option<String>,
}

/// A gateway that this machine announces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Announcement {
    /// The name of the instance.
    pub instance: String,
    /// The port of its SRV record.
    pub port: Option<u16>,
    /// The keys of its TXT record, without their values.
    pub keys: Vec<String>,
}

/// A container that OpenClaw made, as its engine describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it holds a browser.
    pub browser: bool,
    /// `openclaw.sessionKey`: whose it is.
    pub scope: Option<String>,
    /// `openclaw.configHash`.
    pub config_hash: Option<String>,
    /// `openclaw.browserConfigEpoch`.
    pub browser_epoch: Option<String>,
    /// Folders of the host in it.
    pub mounts: Vec<Mounted>,
    /// Ports of it that the host publishes.
    pub published: Vec<Published>,
    /// Whether it has every privilege.
    pub privileged: bool,
    /// Capabilities beyond the engine's own set.
    pub cap_add: Vec<String>,
    /// Capabilities that were taken away.
    pub cap_drop: Vec<String>,
    /// `none`, `bridge`, `host`, `container:…` or a network's name.
    pub network: String,
    /// The process namespace: `host` or empty.
    pub pid: String,
    /// The IPC namespace: `host`, `private` and so on.
    pub ipc: String,
    /// The user inside; empty for the image's own.
    pub user: String,
    /// `seccomp=…`, `apparmor=…`, `no-new-privileges`.
    pub security: Vec<String>,
    /// Whether its root cannot be written.
    pub read_only: bool,
    /// How many processes it may have; `None` for any number.
    pub pids_limit: Option<i64>,
    /// Devices of the host in it.
    pub devices: Vec<String>,
}

/// A folder of the host in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Mounted {
    /// The host's path, as the engine has it.
    pub source: String,
    /// The same with its links followed, when that is another.
    pub real: Option<String>,
    /// Where it is seen.
    pub target: String,
    /// Whether it can be written.
    pub writable: bool,
}

/// A port of a container on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Published {
    /// `9222/tcp`.
    pub port: String,
    /// The host's address; empty for all of them.
    pub address: String,
}

impl GatewayFacts {
    /// What came of a way.
    #[must_use]
    pub fn outcome(&self, way: &Way) -> Option<&Outcome> {
        self.attempts.iter().find(|attempt| attempt.way == *way).map(|attempt| &attempt.outcome)
    }

    /// Whether a way led in.
    #[must_use]
    pub fn admitted(&self, way: &Way) -> bool {
        matches!(self.outcome(way), Some(Outcome::Admitted(_)))
    }
}
