//! Which names cannot be on the public internet, or exist to lead back inside.

use stockade_core::{Denial, text};

use super::deny;

/// Judges a name before it is resolved.
///
/// # Errors
/// A [`Denial`] for names without a dot, of private zones, and of services that answer with whatever
/// address the name asks for.
pub fn judge(name: &str) -> Result<(), Denial> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let shown = || text::clip(&text::visible(&name), 80);
    let labels_fit = name.split('.').all(|label| (1..=63).contains(&label.len()));
    if name.len() > 253 || !labels_fit {
        return Err(deny(format!("{:?} is not a host name", shown())));
    }
    let under = |suffix: &&str| {
        let suffix = *suffix;
        name == suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
    };
    if !name.contains('.') || INWARD.iter().chain(METADATA).any(under) {
        return Err(deny(format!("{:?} names a host inside; allow the origin in stockade.json egress.allow", shown())));
    }
    if ECHOES.iter().any(under) {
        return Err(deny(format!("{:?} answers with any address that is asked of it", shown())));
    }
    Ok(())
}

/// Zones that are resolved inside only: special-use names (RFC 6761, 6762, 8375, 7686, 9476), what
/// home routers, clusters, clouds and private networks use.
const INWARD: &[&str] = &[
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "priv", "home.arpa", "localdomain",
    "localdomain6", "localhost6", "ts.net", "test", "invalid", "onion", "alt", "arpa", "svc", "consul", "docker",
    "kube", "mshome.net", "fritz.box",
];

/// Metadata services under public-looking names: Tencent, Equinix.
const METADATA: &[&str] = &["metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net"];

/// Public services whose names resolve to the address in the name, to loopback, or to two addresses in
/// turn.
const ECHOES: &[&str] = &[
    "nip.io", "sslip.io", "xip.io", "traefik.me", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "localho.st",
    "local.gd", "fuf.me", "1u.ms", "rbndr.us", "rebind.it", "rebind.network", "plex.direct", "backname.io",
    "localdev.me",
];
