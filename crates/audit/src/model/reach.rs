//! How far an address reaches: this machine, a network of one's own, or everyone.

use std::net::IpAddr;

use ipnet::IpNet;
use stockade_policy::clients::TrustedProxies;
use url::{Host, Url};

/// How far away something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// This machine.
    Loopback,
    /// A private range, a link, a tailnet, or a name that is only good in one.
    Private,
    /// Anywhere.
    Public,
}

/// An address with its credentials and its path left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http`, `wss` and the like, in small letters.
    pub scheme: String,
    /// How far away the host is.
    pub reach: Reach,
    /// `scheme://host:port`, fit to be shown: a token in the user part, path or query is not in it.
    pub shown: String,
}

/// Reads a URL; `None` when it is none or names no host.
#[must_use]
pub fn endpoint(text: &str) -> Option<Endpoint> {
    let url = Url::parse(text.trim()).ok()?;
    let host = url.host()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let shown = format!("{}://{host}{port}", url.scheme());
    let reach = match host {
        Host::Ipv4(address) => of_address(IpAddr::V4(address)),
        Host::Ipv6(address) => of_address(IpAddr::V6(address)),
        Host::Domain(name) => of_name(name),
    };
    Some(Endpoint { scheme: url.scheme().to_owned(), reach, shown })
}

/// How far away what listens on, or is called, `host` is. What cannot be read is taken for the widest.
#[must_use]
pub fn of_host(host: &str) -> Reach {
    let host = host.trim();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => of_address(address),
        Err(_) => of_name(&host.to_ascii_lowercase()),
    }
}

/// How an entry of a list of addresses is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A host or a network that one person can know.
    Narrow,
    /// So many addresses that strangers are among them.
    Wide,
    /// Neither an address nor a block.
    Invalid,
}

/// Reads one entry the way the gateway does. Wide is a public block of more than /24 (IPv6: /48) and a private block
/// of more than /12 (IPv6: /48); loopback never is.
#[must_use]
pub fn entry(text: &str) -> Entry {
    if TrustedProxies::new(&[text]).is_err() {
        return Entry::Invalid;
    }
    let Some(net) = block(text.trim()) else { return Entry::Narrow };
    let bits = net.prefix_len();
    let wide = match (net.addr(), of_address(net.network())) {
        // Down to /8 all of it is loopback; wider than that it holds others.
        (IpAddr::V4(_), Reach::Loopback) => bits < 8,
        (IpAddr::V4(_), Reach::Private) => bits < 12,
        (IpAddr::V4(_), Reach::Public) => bits < 24,
        (IpAddr::V6(_), _) => bits < 48,
    };
    if wide { Entry::Wide } else { Entry::Narrow }
}

/// A block; one of IPv4-mapped addresses as the IPv4 block that it is.
fn block(text: &str) -> Option<IpNet> {
    let net: IpNet = text.parse().ok()?;
    let IpAddr::V6(address) = net.addr() else { return Some(net) };
    match (address.to_ipv4_mapped(), net.prefix_len().checked_sub(96)) {
        (Some(address), Some(bits)) => IpNet::new(IpAddr::V4(address), bits).ok(),
        _ => Some(net),
    }
}

fn of_address(address: IpAddr) -> Reach {
    match address.to_canonical() {
        address if address.is_loopback() => Reach::Loopback,
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            if v4.is_private() || v4.is_link_local() || shared { Reach::Private } else { Reach::Public }
        }
        IpAddr::V6(v6) if v6.is_unique_local() || v6.is_unicast_link_local() => Reach::Private,
        IpAddr::V6(_) => Reach::Public,
    }
}

fn of_name(name: &str) -> Reach {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name == "localhost" || name.ends_with(".localhost") || name == "loopback" {
        return Reach::Loopback;
    }
    // A name without a dot is good only where somebody's resolver completes it.
    let private = !name.is_empty() && (!name.contains('.') || PRIVATE.iter().any(|end| name.ends_with(end)));
    if private { Reach::Private } else { Reach::Public }
}

/// Ends of names that no public resolver answers, and of tailnets.
const PRIVATE: &[&str] = &[".local", ".internal", ".lan", ".home.arpa", ".ts.net", ".test"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_strangers_is_wide() {
        let wide = [
            "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::ffff:0.0.0.0/96", "10.0.0.0/8", "100.64.0.0/10",
            " 8.0.0.0/8 ", "203.0.113.0/23", "2001:db8::/32", "fc00::/7", "127.0.0.0/7", "::1/0",
        ];
        for text in wide {
            assert_eq!(entry(text), Entry::Wide, "{text}");
        }
        for text in [
            "127.0.0.1", "127.0.0.1/8", "::1", "10.1.2.3", "10.20.0.0/16", "172.16.0.0/12", "203.0.113.0/24",
            "fd00:1:2::/64",
        ] {
            assert_eq!(entry(text), Entry::Narrow, "{text}");
        }
        for text in ["", "*", "proxy.example", "10.0.0.0/33", "10.0.0.0-10.0.0.9", "0x7f.1"] {
            assert_eq!(entry(text), Entry::Invalid, "{text}");
        }
    }

    #[test]
    fn an_address_is_shown_without_what_it_carries() {
        let read = endpoint("ws://user:hunter2@203.0.113.9:1/tok?key=hunter2").expect("a URL");
        assert_eq!((read.shown.as_str(), read.reach), ("ws://203.0.113.9:1", Reach::Public));
        for (url, reach) in [
            ("http://127.0.0.1:9", Reach::Loopback),
            ("http://LOCALHOST", Reach::Loopback),
            ("http://[::1]/", Reach::Loopback),
            ("http://[::ffff:127.0.0.1]/", Reach::Loopback),
            ("http://2130706433/", Reach::Loopback),
            ("http://10.0.0.42:9222", Reach::Private),
            ("http://box.tail1.ts.net", Reach::Private),
            ("http://localhost.evil.example", Reach::Public),
            ("http://127.0.0.1.evil.example", Reach::Public),
        ] {
            assert_eq!(endpoint(url).map(|read| read.reach), Some(reach), "{url}");
        }
        assert_eq!(endpoint("not a url"), None);
        assert_eq!((of_host("0.0.0.0"), of_host(""), of_host("::1")), (Reach::Public, Reach::Public, Reach::Loopback));
    }
}
