//! Which addresses are on the public internet. Never looks into an address that carries another one:
//! mapped, translated and tunnelled forms are refused whole, whatever they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is globally reachable (IANA special-purpose registries, RFC 6890 and updates)
/// and is what it looks like.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !V4_SPECIAL.iter().any(|(base, bits)| in_v4(v4, *base, *bits)),
        IpAddr::V6(v6) => {
            in_v6(v6, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1)
                && !V6_SPECIAL.iter().any(|(base, bits)| in_v6(v6, *base, *bits))
                && !is_isatap(v6)
        }
    }
}

/// Whether an address is where clouds keep the machine's credentials, in plain or carried form.
pub fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || METADATA_V6.contains(&v6)
                || carried(v6).is_some_and(|v4| is_metadata(IpAddr::V4(v4)))
        }
    }
}

/// The IPv4 address that a mapped, compatible, NAT64, 6to4 or ISATAP address leads to.
fn carried(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, ..) => Some(v4(g, h)),
        (0x2002, high, low, ..) => Some(v4(high, low)),
        _ if is_isatap(v6) => Some(v4(g, h)),
        _ => None,
    }
}

/// An ISATAP interface identifier, which tunnels to the IPv4 address in it under any prefix (RFC 5214 §6.1).
fn is_isatap(v6: Ipv6Addr) -> bool {
    let [.., e, f, _, _] = v6.segments();
    matches!(e, 0 | 0x0200) && f == 0x5efe
}

fn in_v4(address: Ipv4Addr, base: Ipv4Addr, bits: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
    (address.to_bits() ^ base.to_bits()) & mask == 0
}

fn in_v6(address: Ipv6Addr, base: Ipv6Addr, bits: u32) -> bool {
    let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
    (address.to_bits() ^ base.to_bits()) & mask == 0
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// The only block of IPv6 that is handed out for global unicast, RFC 4291. Loopback, unspecified,
/// mapped, compatible, NAT64 (64:ff9b::/96 of RFC 6052, 64:ff9b:1::/48 of RFC 8215), discard, SRv6,
/// unique local, link-local, site-local and multicast are all outside it.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (v6(0x2000, 0, 0), 3);

const V4_SPECIAL: &[(Ipv4Addr, u32)] = &[
    (v4(0, 0, 0, 0), 8),        // this network, RFC 791
    (v4(10, 0, 0, 0), 8),       // private, RFC 1918
    (v4(100, 64, 0, 0), 10),    // carrier-grade NAT, RFC 6598; also the Tailscale range
    (v4(127, 0, 0, 0), 8),      // loopback, RFC 1122
    (v4(168, 63, 129, 16), 32), // Azure's host channel
    (v4(169, 254, 0, 0), 16),   // link-local and cloud metadata, RFC 3927
    (v4(172, 16, 0, 0), 12),    // private, RFC 1918
    (v4(192, 0, 0, 0), 24),     // IETF assignments, RFC 6890
    (v4(192, 0, 2, 0), 24),     // documentation, RFC 5737
    (v4(192, 31, 196, 0), 24),  // AS112, RFC 7535
    (v4(192, 52, 193, 0), 24),  // AMT, RFC 7450
    (v4(192, 88, 99, 0), 24),   // 6to4 relays, RFC 7526
    (v4(192, 168, 0, 0), 16),   // private, RFC 1918
    (v4(192, 175, 48, 0), 24),  // AS112, RFC 7534
    (v4(198, 18, 0, 0), 15),    // benchmarking, RFC 2544
    (v4(198, 51, 100, 0), 24),  // documentation, RFC 5737
    (v4(203, 0, 113, 0), 24),   // documentation, RFC 5737
    (v4(224, 0, 0, 0), 4),      // multicast, RFC 5771
    (v4(240, 0, 0, 0), 4),      // reserved and broadcast, RFC 1112
];

const V6_SPECIAL: &[(Ipv6Addr, u32)] = &[
    (v6(0x2001, 0, 0), 23),         // IETF assignments, Teredo, ORCHID, benchmarking, RFC 2928
    (v6(0x2001, 0xdb8, 0), 32),     // documentation, RFC 3849
    (v6(0x2002, 0, 0), 16),         // 6to4 carries any IPv4 address, RFC 3056
    (v6(0x2620, 0x4f, 0x8000), 48), // AS112, RFC 7534
    (v6(0x3ffe, 0, 0), 16),         // the old 6bone, RFC 3701
    (v6(0x3fff, 0, 0), 20),         // documentation, RFC 9637
];

/// Metadata services outside 169.254.0.0/16: Azure, Alibaba, Oracle.
const METADATA_V4: &[Ipv4Addr] = &[v4(168, 63, 129, 16), v4(100, 100, 100, 200), v4(192, 0, 0, 192)];

/// Metadata services on unique local addresses: AWS, Google, Scaleway.
const METADATA_V6: &[Ipv6Addr] = &[
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];
