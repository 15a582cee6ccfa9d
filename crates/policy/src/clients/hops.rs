//! The hops that forwarding headers list, as strictly as their grammars: a hop that is not plainly an
//! address is no address. Never decides which hop is believed.

use std::net::{IpAddr, Ipv6Addr};

/// One hop of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// An address, IPv4-mapped ones in their IPv4 form.
    Address(IpAddr),
    /// `unknown`, an obfuscated name, or anything else.
    Unparsable,
}

/// The hops of all `X-Forwarded-For` lines in order. Several lines are one list (RFC 9110 §5.3), and
/// empty elements do not count (§5.6.1); but a line without any is a proxy that knew nobody, and must
/// not let the line before it, which may be the client's own, speak for it.
pub fn x_forwarded_for<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Hop> {
    let mut hops = Vec::new();
    for line in lines {
        let before = hops.len();
        hops.extend(line.split(',').map(trim).filter(|hop| !hop.is_empty()).map(hop));
        if hops.len() == before {
            hops.push(Hop::Unparsable);
        }
    }
    hops
}

/// The hops of all `Forwarded` lines in order (RFC 7239 §4). An element without `for`, or with two,
/// is a hop that cannot be read.
pub fn forwarded<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Hop> {
    let mut hops = Vec::new();
    for line in lines {
        let Some(elements) = split_quoted(line, ',') else {
            // A quote that never ends could have swallowed the proxy's own element.
            return vec![Hop::Unparsable];
        };
        let before = hops.len();
        hops.extend(elements.into_iter().map(trim).filter(|element| !element.is_empty()).map(element));
        if hops.len() == before {
            hops.push(Hop::Unparsable);
        }
    }
    hops
}

fn element(element: &str) -> Hop {
    let Some(pairs) = split_quoted(element, ';') else { return Hop::Unparsable };
    let mut found = None;
    for pair in pairs.into_iter().map(trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else { return Hop::Unparsable };
        if name.trim_end().eq_ignore_ascii_case("for") && found.replace(value.trim_start()).is_some() {
            return Hop::Unparsable;
        }
    }
    let Some(value) = found else { return Hop::Unparsable };
    let value = match value.strip_prefix('"') {
        // An address needs no escapes: one that has them is meant to be read in two ways.
        Some(quoted) => quoted.strip_suffix('"').filter(|inner| !inner.contains(['"', '\\'])),
        None => Some(value),
    };
    value.map_or(Hop::Unparsable, hop)
}

/// `text` between the separators that stand outside quotes; `None` when a quote never ends.
fn split_quoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let pieces: Vec<&str> = text
        .split(|c: char| {
            if std::mem::take(&mut escaped) {
                return false;
            }
            escaped = quoted && c == '\\';
            quoted ^= c == '"';
            c == separator && !quoted
        })
        .collect();
    (!quoted && !escaped).then_some(pieces)
}

/// An address, `v4:port`, `[v6]`, `[v6]:port`, IPv6 with a zone.
fn hop(text: &str) -> Hop {
    address(text).map_or(Hop::Unparsable, |address| Hop::Address(address.to_canonical()))
}

fn address(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let port = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return zoned(inside).filter(|_| port).map(IpAddr::V6);
    }
    match text.split_once(':') {
        // One colon: IPv4 and a port. IPv6 without brackets has no port.
        Some((host, port)) if !port.contains(':') => host.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4),
        Some(_) => zoned(text).map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

/// IPv6 with or without a zone (RFC 4007 §11). The zone names one of the proxy's interfaces and says
/// nothing here.
fn zoned(text: &str) -> Option<Ipv6Addr> {
    let Some((address, zone)) = text.split_once('%') else { return text.parse().ok() };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    let zone_is_name = (1..=32).contains(&zone.len()) && zone.chars().all(plain);
    address.parse().ok().filter(|_| zone_is_name)
}

/// A number, or the obfuscated port of RFC 7239 §6.3.
fn is_port(text: &str) -> bool {
    let number = text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    let hidden = text
        .strip_prefix('_')
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
    number || hidden
}

/// Without the blanks that HTTP allows around list elements. Other white space is not blank.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
