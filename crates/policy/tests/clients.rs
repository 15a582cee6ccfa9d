//! Who is at the other end: the corpus of header cases through the batch form, and properties of the
//! walk through trusted proxies.
#![allow(clippy::print_stdout, reason = "the matrix is what the test is run for")]

mod corpus;

use std::net::IpAddr;

use proptest::prelude::*;
use stockade_policy::clients::{Client, TrustedProxies, client};

#[test]
fn every_header_case_of_the_corpus_finds_its_client() {
    let matrix = corpus::run("clients.jsonl", "expected_is_local", |row, answer| {
        let expected = (&row["expected_client_ip"], &row["expected_is_local"]);
        let decided = (&answer["client_ip"], &answer["is_local"]);
        let kind = |local: bool| if local { "local" } else { "remote" }.to_owned();
        let wanted = kind(expected.1 == true);
        let word = if decided.1 == expected.1 && decided.0 != expected.0 {
            "wrong address".to_owned()
        } else {
            kind(decided.1 == true)
        };
        (wanted, word)
    });
    println!("{matrix}");
    assert!(matrix.rows >= 100, "{} rows", matrix.rows);
    assert_eq!(matrix.failures("remote", "remote"), Vec::<String>::new(), "strangers pass as local, or as someone");
    assert_eq!(matrix.failures("local", "local"), Vec::<String>::new(), "local programs are sent away");
}

#[test]
fn entries_that_are_no_addresses_are_refused_by_name() {
    for bad in [
        "", " ", "localhost", "*", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0", "010.0.0.1", "10.0.0.1:80", "[::1]",
        "2001:db8::/129", "10.0.0.1,10.0.0.2", "fe80::1%eth0", "10.0.0.0-10.0.0.9",
    ] {
        let refused = TrustedProxies::new(&["127.0.0.1", bad]).expect_err(bad).to_string();
        assert!(refused.contains("gateway.trustedProxies[1]"), "{bad:?}: {refused}");
    }
    for good in ["10.0.0.1", " 10.0.0.0/8 ", "::1", "2001:db8::/48", "::ffff:10.0.0.1", "0.0.0.0/0"] {
        assert!(TrustedProxies::new(&[good]).is_ok(), "{good:?}");
    }
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop::sample::select(vec![
        "X-Forwarded-For", "x-forwarded-for", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "Via", "Host", "Origin",
        "Accept",
    ]);
    let value = prop_oneof![
        ".{0,40}",
        "(for=)?\"?\\[?[0-9a-f:.]{1,20}\\]?(:[0-9]{1,5})?\"?(, ?[0-9.]{7,15}){0,3}",
        prop::sample::select(vec![
            "127.0.0.1", "::1", "localhost", "10.0.0.1", "1.2.3.4", "for=127.0.0.1", "10.0.0.2, 127.0.0.1"
        ])
        .prop_map(str::to_owned),
    ];
    (name.prop_map(str::to_owned), value)
}

fn ask(peer: IpAddr, headers: &[(String, String)], trusted: &TrustedProxies) -> Client {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client(peer, &headers, trusted)
}

fn is_forwarding(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| !["host", "origin", "accept"].contains(&name.to_lowercase().as_str()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Total on any headers; nothing that a header says makes a client local, or loopback.
    #[test]
    fn headers_never_make_anyone_local(
        headers in prop::collection::vec(header(), 0..6), peer in prop::sample::select(vec!["127.0.0.1", "::1", "10.0.0.1", "1.2.3.4"]),
        proxies in prop::collection::vec(prop::sample::select(vec!["127.0.0.1", "::1", "10.0.0.0/8"]), 0..3), real_ip: bool,
    ) {
        let peer: IpAddr = peer.parse().expect("an address");
        let trusted = TrustedProxies::new(&proxies).expect("entries").with_real_ip(real_ip);
        let found = ask(peer, &headers, &trusted);
        if trusted.trusts(peer) {
            prop_assert!(!found.is_local);
            prop_assert!(found.ip.is_none_or(|ip| !ip.is_loopback() && !trusted.trusts(ip)));
        } else {
            prop_assert_eq!(found.ip, Some(peer));
            prop_assert!(!found.is_local || (peer.is_loopback() && !is_forwarding(&headers)));
        }
        prop_assert_eq!(ask(peer, &headers, &trusted), found, "deterministic");
    }

    /// What stands to the left of the hop that the proxy added changes nothing.
    #[test]
    fn a_client_cannot_choose_its_address(claims in prop::collection::vec("[^,\u{0}-\u{1f}]{0,30}", 0..5), real in any::<[u8; 4]>()) {
        let real = IpAddr::from(real);
        let trusted = TrustedProxies::new(&["192.0.2.1"]).expect("an entry");
        let line = |claims: &[String]| claims.iter().cloned().chain([real.to_string()]).collect::<Vec<_>>().join(", ");
        let peer = "192.0.2.1".parse().expect("an address");
        let through = |value: String| ask(peer, &[("X-Forwarded-For".to_owned(), value)], &trusted);
        prop_assume!(!trusted.trusts(real));
        prop_assert_eq!(through(line(&claims)), through(line(&[])));
    }
}
