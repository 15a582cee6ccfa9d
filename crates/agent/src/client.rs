//! The only way out of the machine. Owns the resolution of names, the judgement of every address
//! and every redirect, and the bounds on what comes back.
//!
//! Answers server-side request forgery in the forms that beat a check of the URL alone: a name that
//! resolves to a private address, a name that resolves differently when it is used than when it was
//! checked (DNS rebinding), a redirect to somewhere else, a proxy from the environment. A request
//! connects to exactly the addresses that were judged, or not at all.

mod pinned;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use stockade_core::{Denial, text};
use stockade_policy::egress::{self, EgressPolicy, MAX_REDIRECTS, judge_address, judge_url};
use thiserror::Error;
use url::{Host, Url};

use pinned::Pinned;

/// How long each part of a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To resolve the name, and again to connect (TLS handshake included).
    pub connect: Duration,
    /// From sending the request to the first byte of the body.
    pub first_byte: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
}

/// Which part of a request took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Resolving or connecting.
    Connect,
    /// Waiting for the answer to begin.
    FirstByte,
    /// Waiting for more of the answer.
    Idle,
    /// The request as a whole.
    Total,
}

/// Why there is no answer. Foreign text is clipped and its control characters are escaped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The judge refused the address or a redirect.
    #[error("{0}")]
    Refused(Denial),
    /// The name has no address.
    #[error("the name {host:?} could not be resolved")]
    Unresolved {
        /// The name.
        host: String,
    },
    /// No connection came about.
    #[error("could not connect to {host}: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The operating system's or the TLS library's reason.
        why: String,
    },
    /// It took too long.
    #[error("{host} took too long ({phase})")]
    Timeout {
        /// Host and port.
        host: String,
        /// Which part.
        phase: Phase,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("the answer of {host} broke off: {why}")]
    Broken {
        /// Host and port.
        host: String,
        /// Why.
        why: String,
    },
    /// More redirects than the bound.
    #[error("{host} redirects more than {MAX_REDIRECTS} times")]
    TooManyRedirects {
        /// The host of the last one.
        host: String,
    },
}

/// An HTTP client that contacts only what an [`EgressPolicy`] allows.
pub struct GuardedClient {
    timeouts: Timeouts,
    /// The last pinned client. It is used again only for the same host and the same judged
    /// addresses, so that a conversation with one model keeps its connection.
    last: Mutex<Option<Pinned>>,
    lookup: Lookup,
}

/// An answer whose body has not been read yet.
#[derive(Debug)]
pub struct Reply {
    response: reqwest::Response,
    url: Url,
    timeouts: Timeouts,
    started: bool,
}

impl GuardedClient {
    /// A client without any connection yet.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        Self::with_lookup(timeouts, Box::new(|name, port| Box::pin(system_lookup(name, port))))
    }

    fn with_lookup(timeouts: Timeouts, lookup: Lookup) -> Self {
        Self { timeouts, last: Mutex::new(None), lookup }
    }

    /// One GET. Redirects are followed, each judged as a new address; nothing but `accept` and the
    /// user agent is sent, so nothing can be carried from one origin to another.
    ///
    /// # Errors
    /// A [`ClientError`]; [`ClientError::Refused`] when the policy forbids the address or a redirect.
    pub async fn get(&self, policy: &EgressPolicy, url: Url, accept: &'static str) -> Result<Reply, ClientError> {
        let mut url = url;
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let client = self.judged(policy, &url).await?;
            let reply = self.send(client.get(url.clone()).headers(headers), url).await?;
            let Some(next) = reply.redirect()? else {
                return Ok(reply);
            };
            url = next;
        }
        Err(ClientError::TooManyRedirects { host: place(&url) })
    }

    /// One POST of JSON. A redirect is an answer like any other and is not followed: the headers
    /// hold credentials. At most `max` bytes of the body can be read.
    ///
    /// # Errors
    /// A [`ClientError`]; [`ClientError::Refused`] when the policy forbids the address.
    pub async fn post(
        &self,
        policy: &EgressPolicy,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, ClientError> {
        let client = self.judged(policy, &url).await?;
        let request =
            client.post(url.clone()).headers(headers).header(header::CONTENT_TYPE, "application/json").body(body);
        self.send(request, url).await
    }

    /// Judges the address before and after resolving it, and returns a client that can reach exactly
    /// what was judged. One refused answer refuses the name: a name that mixes public and private
    /// addresses is an attack or a mistake.
    async fn judged(&self, policy: &EgressPolicy, url: &Url) -> Result<reqwest::Client, ClientError> {
        judge_url(policy, url).map_err(ClientError::Refused)?;
        let addresses = self.resolve(url).await?;
        for address in &addresses {
            judge_address(policy, url, address.ip()).map_err(ClientError::Refused)?;
        }
        self.pinned(url, addresses)
    }

    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, ClientError> {
        let port = url.port_or_known_default().unwrap_or_default();
        let name = match url.host() {
            Some(Host::Ipv4(ip)) => return Ok(vec![SocketAddr::new(IpAddr::V4(ip), port)]),
            Some(Host::Ipv6(ip)) => return Ok(vec![SocketAddr::new(IpAddr::V6(ip), port)]),
            Some(Host::Domain(name)) => name,
            None => "",
        };
        let unresolved = || ClientError::Unresolved { host: text::clip(&text::visible(name), 253) };
        let lookup = tokio::time::timeout(self.timeouts.connect, (self.lookup)(name.to_owned(), port));
        let found = lookup.await.map_err(|_| ClientError::Timeout { host: place(url), phase: Phase::Connect })?;
        let mut addresses = found.map_err(|_| unresolved())?;
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() { Err(unresolved()) } else { Ok(addresses) }
    }

    fn pinned(&self, url: &Url, addresses: Vec<SocketAddr>) -> Result<reqwest::Client, ClientError> {
        let (host, tls) = (url.host_str().unwrap_or_default().to_owned(), url.scheme() == "https");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pinned) = last.as_ref().filter(|pinned| pinned.serves(&host, tls, &addresses)) {
            return Ok(pinned.client.clone());
        }
        let pinned = Pinned::build(host, tls, addresses, self.timeouts.connect);
        let pinned = pinned.map_err(|error| ClientError::Unreachable { host: place(url), why: innermost(&error) })?;
        Ok(last.insert(pinned).client.clone())
    }

    async fn send(&self, request: reqwest::RequestBuilder, url: Url) -> Result<Reply, ClientError> {
        // The connect timeout of the client runs inside this one.
        let limit = self.timeouts.connect + self.timeouts.first_byte;
        let sent = tokio::time::timeout(limit, request.send());
        let sent = sent.await.map_err(|_| ClientError::Timeout { host: place(&url), phase: Phase::FirstByte })?;
        let response = sent.map_err(|error| failure(&url, &error))?;
        Ok(Reply { response, url, timeouts: self.timeouts, started: false })
    }
}

impl Reply {
    /// The address that answered, after redirects.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header's value when it is printable ASCII; the first one when there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body, or `None` at its end; how much is kept is the caller's to bound.
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ClientError::Timeout`] or [`ClientError::Broken`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let (limit, phase) =
            if self.started { (self.timeouts.idle, Phase::Idle) } else { (self.timeouts.first_byte, Phase::FirstByte) };
        let chunk = tokio::time::timeout(limit, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| ClientError::Timeout { host: place(&self.url), phase })?;
        let chunk = chunk.map_err(|error| failure(&self.url, &error))?;
        self.started = true;
        Ok(chunk)
    }

    /// Up to `max` bytes of the body, and whether there was more.
    ///
    /// # Errors
    /// As for [`Self::chunk`].
    pub async fn beginning(mut self, max: usize) -> Result<(Vec<u8>, bool), ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > max {
                body.truncate(max);
                return Ok((body, true));
            }
        }
        Ok((body, false))
    }

    /// Where the answer redirects to, if it does.
    fn redirect(&self) -> Result<Option<Url>, ClientError> {
        let location = self.header("location").filter(|_| matches!(self.status(), 301 | 302 | 303 | 307 | 308));
        let Some(location) = location else {
            return Ok(None);
        };
        egress::redirect(&self.url, location).map(Some).map_err(ClientError::Refused)
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "to connect",
            Self::FirstByte => "to begin its answer",
            Self::Idle => "between two parts of its answer",
            Self::Total => "as a whole",
        })
    }
}

impl std::fmt::Debug for GuardedClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedClient").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

/// How names become addresses: the system's way, or a test's.
type Lookup = Box<dyn Fn(String, u16) -> Found + Send + Sync>;
type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

async fn system_lookup(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, port)).await?.collect())
}

fn failure(url: &Url, error: &reqwest::Error) -> ClientError {
    let host = place(url);
    if error.is_connect() && error.is_timeout() {
        ClientError::Timeout { host, phase: Phase::Connect }
    } else if error.is_connect() {
        ClientError::Unreachable { host, why: innermost(error) }
    } else {
        ClientError::Broken { host, why: innermost(error) }
    }
}

/// Host and port, for messages; never the path or the query, which may hold secrets.
fn place(url: &Url) -> String {
    let host = text::clip(url.host_str().unwrap_or_default(), 253);
    url.port_or_known_default().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// The innermost cause. The outer ones repeat the URL.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    text::clip(&text::visible(&cause.to_string()), 200)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;

    use stockade_core::Rule;

    use super::*;

    /// A client whose names resolve to the next of these answers, and a count of the questions.
    fn client(answers: &[&[&str]]) -> (GuardedClient, Arc<Mutex<usize>>) {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect("an address")).collect::<Vec<IpAddr>>();
        let answers: VecDeque<Vec<IpAddr>> = answers.iter().map(parse).collect();
        let (answers, asked) = (Mutex::new(answers), Arc::new(Mutex::new(0)));
        let count = Arc::clone(&asked);
        let lookup: Lookup = Box::new(move |_, port| {
            *count.lock().expect("a count") += 1;
            let next = answers.lock().expect("answers").pop_front().unwrap_or_default();
            Box::pin(std::future::ready(Ok(next.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())))
        });
        let time = Duration::from_secs(2);
        (GuardedClient::with_lookup(Timeouts { connect: time, first_byte: time, idle: time }, lookup), asked)
    }

    /// A listener that answers every connection and counts them.
    fn canary() -> (u16, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(0));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                *count.lock().expect("a count") += 1;
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            }
        });
        (port, seen)
    }

    async fn get(client: &GuardedClient, policy: &EgressPolicy, url: &str) -> Result<Vec<u8>, ClientError> {
        let reply = client.get(policy, Url::parse(url).expect("a URL"), "*/*").await?;
        Ok(reply.beginning(1 << 20).await?.0)
    }

    fn refused(result: &Result<Vec<u8>, ClientError>) -> bool {
        matches!(result, Err(ClientError::Refused(denial)) if denial.rule == Rule::Egress)
    }

    #[tokio::test]
    async fn one_private_answer_refuses_the_name() {
        let open = EgressPolicy::default();
        for answers in [
            &["10.1.2.3"][..],
            &["93.184.215.14", "127.0.0.1"],
            &["93.184.215.14", "169.254.169.254"],
            &["::ffff:127.0.0.1"],
            &["fd00::1"],
        ] {
            let (client, _) = client(&[answers]);
            let result = get(&client, &open, "http://rebind.example.org/").await;
            assert!(refused(&result), "{answers:?}: {result:?}");
        }
    }

    #[tokio::test]
    async fn a_name_is_asked_once_and_the_connection_goes_where_the_answer_was_judged() {
        let (port, seen) = canary();
        let url = format!("http://rebind.example.org:{port}/");
        let policy = EgressPolicy::new(&[format!("http://rebind.example.org:{port}")]).expect("an origin");
        // The second answer is what a rebinding server would say when the connection is made. It
        // must not be asked for: the first is what was judged.
        let (client, asked) = client(&[&["127.0.0.1"], &["127.0.0.2"]]);
        assert_eq!(get(&client, &policy, &url).await, Ok(b"ok".to_vec()));
        assert_eq!((*asked.lock().expect("a count"), *seen.lock().expect("a count")), (1, 1));
        // A later request asks again, and an answer that changed is not served by the old connection.
        let again = get(&client, &policy, &url).await;
        assert!(matches!(again, Err(ClientError::Unreachable { .. })), "{again:?}");
        assert_eq!(*seen.lock().expect("a count"), 1);
    }

    #[tokio::test]
    async fn a_connection_that_was_allowed_once_serves_no_stricter_policy() {
        let (port, seen) = canary();
        let url = format!("http://inside.example.org:{port}/");
        let allowed = EgressPolicy::new(&[format!("http://inside.example.org:{port}")]).expect("an origin");
        let (client, _) = client(&[&["127.0.0.1"], &["127.0.0.1"]]);
        assert!(get(&client, &allowed, &url).await.is_ok());
        assert!(refused(&get(&client, &EgressPolicy::default(), &url).await));
        assert_eq!(*seen.lock().expect("a count"), 1);
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_no_answer() {
        let (client, _) = client(&[&[]]);
        let result = get(&client, &EgressPolicy::default(), "http://nothing.example.org/").await;
        assert_eq!(result, Err(ClientError::Unresolved { host: "nothing.example.org".to_owned() }));
    }
}
