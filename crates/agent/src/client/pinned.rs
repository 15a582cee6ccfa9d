//! The one place that builds an HTTP client: for one host, at addresses that were judged. It holds
//! from the decision to the connection, which is what DNS rebinding needs to be undone.
#![expect(clippy::disallowed_methods, reason = "this is the guarded client that the ban points to")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

/// A client that can reach one host at fixed addresses.
pub(super) struct Pinned {
    host: String,
    tls: bool,
    addresses: Vec<SocketAddr>,
    pub(super) client: reqwest::Client,
}

impl Pinned {
    /// Whether it is the client for this host at exactly these addresses.
    pub(super) fn serves(&self, host: &str, tls: bool, addresses: &[SocketAddr]) -> bool {
        self.host == host && self.tls == tls && self.addresses == addresses
    }

    /// A client that knows no proxy, follows no redirect, repeats no request and asks no name server.
    pub(super) fn build(
        host: String,
        tls: bool,
        addresses: Vec<SocketAddr>,
        connect: Duration,
    ) -> reqwest::Result<Self> {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(connect)
            .user_agent(concat!("stockade/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(PinnedName { host: host.clone(), addresses: addresses.clone() }));
        // Plain HTTP needs no certificate store, and reading one takes tens of milliseconds.
        let builder = if tls { builder } else { builder.tls_certs_only([]) };
        let client = builder.build()?;
        Ok(Self { host, tls, addresses, client })
    }
}

/// Answers one name with the judged addresses, and no other name at all.
struct PinnedName {
    host: String,
    addresses: Vec<SocketAddr>,
}

impl Resolve for PinnedName {
    fn resolve(&self, name: Name) -> Resolving {
        let answer = if name.as_str() == self.host {
            Ok(Box::new(self.addresses.clone().into_iter()) as Addrs)
        } else {
            Err("the name was not judged".into())
        };
        Box::pin(std::future::ready(answer))
    }
}
