//! Tries the gateway's door as an attacker would, gently: every request is one that asks for nothing, at most one guess
//! at the secret is made, and no message reaches an agent. Whose gateway it is must be known before: see
//! [`super::look`].

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stockade_core::{Secret, text};

use super::handshake::{Heard, Shown, knock};
use super::http::exchange;
use super::line::Line;
use crate::snapshot::live::{Attempt, GatewayFacts, Outcome, Way};

/// The gateway and what is known of it.
#[derive(Debug)]
pub(super) struct Door<'t> {
    /// Where it listens.
    pub address: SocketAddr,
    /// What `Host` says, honestly.
    pub authority: String,
    /// The secret, when it may be shown.
    pub token: Option<&'t Secret>,
    /// The password, likewise.
    pub password: Option<&'t Secret>,
    /// Both, shown or not.
    pub hidden: [Option<&'t Secret>; 2],
    /// The header that a trusted proxy writes the user into.
    pub user_header: Option<String>,
    /// Whether a wrong guess costs nothing: loopback is exempt from the limits.
    pub guessing_is_free: bool,
    /// How long the first answer may take, and all others together.
    pub timeout: Duration,
}

/// Knocks with the secret, or with nothing where there is none: what OpenClaw's own probe does.
pub(super) fn greet(door: &Door<'_>, facts: &mut GatewayFacts) {
    let heard = knock(door.address, &door.authority, &door.honest(), Instant::now() + door.timeout);
    let way = if door.has_secret() { Way::Secret } else { Way::Anonymous };
    let (error, close) = match &heard {
        Heard::Hello(_) => (None, None),
        Heard::Refused { message, close, .. } => (Some(message.clone()), close.clone()),
        Heard::Status(status) => (Some(format!("the upgrade was answered with HTTP {status}")), None),
        Heard::Stranger(what) => (Some(format!("this is not a gateway: {what}")), None),
        Heard::Failed(error) => (Some(named(error, &door.address.to_string())), Some((1006, String::new()))),
    };
    facts.ok = error.is_none();
    (facts.error, facts.close) = (error, close);
    facts.stranger = match &heard {
        Heard::Stranger(_) => true,
        Heard::Status(status) => !matches!(status, 401 | 403 | 421 | 426 | 429 | 503),
        Heard::Failed(error) => error.kind() == ErrorKind::InvalidData,
        Heard::Hello(_) | Heard::Refused { .. } => false,
    };
    if matches!(heard, Heard::Hello(_) | Heard::Refused { .. }) {
        facts.attempts.push(Attempt { way, outcome: outcome(heard) });
    }
}

/// Tries what must not work. Only after [`greet`] has met a gateway. Returns whether there was time for everything.
pub(super) fn try_ways(door: &Door<'_>, facts: &mut GatewayFacts) -> bool {
    let until = Instant::now() + door.timeout;
    if door.has_secret() {
        door.knock(facts, Way::Anonymous, Shown::default(), until);
    }
    let open = facts.admitted(&Way::Anonymous);
    if !open {
        if let (true, Ok(guess)) = (door.guessing_is_free, Secret::random()) {
            let shown = match door.password {
                Some(_) if door.token.is_none() => Shown { password: Some(&guess), ..Shown::default() },
                _ => Shown { token: Some(&guess), ..Shown::default() },
            };
            door.knock(facts, Way::WrongSecret, shown, until);
        }
        let headers = door.forged();
        door.knock(facts, Way::ForgedAnonymous, Shown { headers: headers.clone(), ..Shown::default() }, until);
        if door.has_secret() {
            door.knock(facts, Way::ForgedSecret, Shown { headers, ..door.honest() }, until);
        }
    }
    if open || facts.ok {
        let origin = ("origin", format!("https://{FOREIGN}"));
        door.knock(facts, Way::ForeignOrigin, Shown { headers: vec![origin], ..door.honest() }, until);
        let rebound = door.rebound();
        door.knock(facts, Way::ForeignHost, Shown { headers: rebound, ..door.honest() }, until);
    }
    for (index, (path, body)) in PATHS.iter().enumerate() {
        let path = (*path).to_owned();
        let host = ("host", door.authority.clone());
        door.request(facts, Way::Http(path.clone()), &path, body, std::slice::from_ref(&host), until);
        if facts.admitted(&Way::Http(path.clone())) {
            let origin = [host, ("origin", format!("https://{FOREIGN}"))];
            door.request(facts, Way::ForeignOriginHttp(path.clone()), &path, body, &origin, until);
            door.request(facts, Way::ForeignHostHttp(path.clone()), &path, body, &door.rebound(), until);
        } else if index == 0 {
            let forged = [vec![host], door.forged()].concat();
            door.request(facts, Way::ForgedHttp(path.clone()), &path, body, &forged, until);
        }
    }
    Instant::now() < until
}

impl<'t> Door<'t> {
    const fn has_secret(&self) -> bool {
        self.token.is_some() || self.password.is_some()
    }

    fn honest(&self) -> Shown<'t> {
        Shown { token: self.token, password: self.password, hidden: self.hidden, headers: Vec::new() }
    }

    /// What a proxy on this machine would add for a caller on this machine.
    fn forged(&self) -> Vec<(&'static str, String)> {
        let mut headers: Vec<(&'static str, String)> =
            ["x-forwarded-for", "x-real-ip"].map(|name| (name, "127.0.0.1".to_owned())).to_vec();
        headers.push(("forwarded", "for=127.0.0.1;proto=https".to_owned()));
        headers
    }

    /// What a browser sends for a page whose name was made to point here.
    fn rebound(&self) -> Vec<(&'static str, String)> {
        let authority = format!("{FOREIGN}:{}", self.address.port());
        vec![("host", authority.clone()), ("origin", format!("http://{authority}"))]
    }

    fn knock<'s>(&'s self, facts: &mut GatewayFacts, way: Way, mut shown: Shown<'s>, until: Instant) {
        if let (true, Some(name)) = (way == Way::ForgedAnonymous, &self.user_header) {
            shown.headers.push((name, "probe@invalid".to_owned()));
        }
        shown.hidden = self.hidden;
        let outcome = outcome(knock(self.address, &self.authority, &shown, until));
        facts.attempts.push(Attempt { way, outcome });
    }

    /// A request without a secret, in the form that a page may send without asking first.
    fn request(
        &self,
        facts: &mut GatewayFacts,
        way: Way,
        path: &str,
        body: &str,
        headers: &[(&str, String)],
        until: Instant,
    ) {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "POST {path} HTTP/1.1\r\n{headers}content-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            if matches!(way, Way::ForeignOriginHttp(_)) { "text/plain" } else { "application/json" },
            body.len()
        );
        let answer = Line::tcp(self.address, until).and_then(|mut line| exchange(&mut line, &request, 0));
        let outcome = match answer {
            // The body was looked at: whoever asked has passed the door.
            Ok(response) if matches!(response.status, 200..=299 | 400 | 422) => Outcome::Admitted(Vec::new()),
            Ok(response) if matches!(response.status, 300..=499) => Outcome::Refused(response.status.to_string()),
            Ok(response) => Outcome::Unclear(response.status.to_string()),
            Err(error) => Outcome::Unclear(error.to_string()),
        };
        facts.attempts.push(Attempt { way, outcome });
    }
}

fn outcome(heard: Heard) -> Outcome {
    match heard {
        Heard::Hello(scopes) => Outcome::Admitted(scopes),
        Heard::Refused { code, .. } => Outcome::Refused(code),
        Heard::Status(status) => Outcome::Refused(status.to_string()),
        Heard::Stranger(what) => Outcome::Unclear(what),
        Heard::Failed(error) => Outcome::Unclear(error.to_string()),
    }
}

/// An error of a connection, in the words that scripts know from Node.
fn named(error: &Error, address: &str) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("connect ECONNREFUSED {address}"),
        ErrorKind::HostUnreachable => format!("connect EHOSTUNREACH {address}"),
        ErrorKind::NetworkUnreachable => format!("connect ENETUNREACH {address}"),
        ErrorKind::TimedOut => "timeout".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => format!("{address} closed the connection"),
        _ => text::clip(&text::single_line(&error.to_string()), 200),
    }
}

/// A name that nobody owns (RFC 2606), as a page of an attacker would have.
const FOREIGN: &str = "evil.example";
/// What can be asked over HTTP, with bodies that name no tool, hold no message and so do nothing where they are let in.
const PATHS: &[(&str, &str)] = &[
    ("/tools/invoke", "{}"),
    ("/v1/chat/completions", "{\"messages\":[]}"),
    ("/v1/responses", "{}"),
    ("/v1/decide", "{}"),
];
