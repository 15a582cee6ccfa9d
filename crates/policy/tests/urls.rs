//! Where a request may go: the corpus of URLs through the batch form, and properties of the judge.
#![allow(clippy::print_stdout, reason = "the matrix is what the test is run for")]

mod corpus;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use stockade_core::Decision;
use stockade_policy::egress::{self, EgressPolicy, is_public, judge_chain, judge_url};
use url::Url;

#[test]
fn no_url_of_the_corpus_passes_that_must_not_and_few_are_refused_that_may() {
    let matrix = corpus::run("urls.jsonl", "expect", |row, answer| {
        let decision = answer["decision"].as_str().expect("a decision");
        (row["expect"].as_str().expect("expected").to_owned(), decision.to_owned())
    });
    println!("{matrix}");
    assert!(matrix.rows >= 200, "{} rows", matrix.rows);
    assert!(matrix.of("block", "deny") >= 200);
    assert_eq!(matrix.failures("block", "deny"), Vec::<String>::new(), "attacks pass");
    assert_eq!(matrix.failures("allow", "allow"), Vec::<String>::new(), "honest URLs are refused");
}

fn judged(policy: &EgressPolicy, text: &str) -> bool {
    egress::parse(text).is_ok_and(|url| judge_url(policy, &url).is_ok())
}

/// An IPv4 address in one of the spellings that URL parsers take.
fn spelled(address: Ipv4Addr, form: u8) -> String {
    let [a, b, c, d] = address.octets();
    let low = u32::from_be_bytes([0, b, c, d]);
    match form % 8 {
        0 => address.to_string(),
        1 => address.to_bits().to_string(),
        2 => format!("{:#x}", address.to_bits()),
        3 => format!("0{:o}.0{b:o}.0{c:o}.0{d:o}", a),
        4 => format!("{a}.{low}"),
        5 => format!("{a:#X}.{b}.{}", u16::from_be_bytes([c, d])),
        6 => format!("{address}."),
        _ => address.to_string().chars().map(|c| if c == '.' { '。' } else { fullwidth(c) }).collect(),
    }
}

fn fullwidth(digit: char) -> char {
    char::from_u32(u32::from(digit) - u32::from('0') + u32::from('０')).expect("a digit")
}

#[test]
fn only_what_is_fetched_redirects() {
    for from in ["file:///d:", "ftp://example.com/", "data:,x"] {
        let from = Url::parse(from).expect("a URL");
        for location in [".", "..", "https://example.com/"] {
            assert!(egress::redirect(&from, location).is_err(), "{from} to {location}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No spelling of an address that is not public passes; the plain one of a public address does.
    #[test]
    fn spelling_changes_nothing(bits: u32, inner in prop::sample::select(INNER), host in any::<u32>(), form: u8) {
        let none = EgressPolicy::default();
        let anywhere = Ipv4Addr::from_bits(bits);
        let url = format!("http://{anywhere}/");
        prop_assert_eq!(judged(&none, &url), is_public(anywhere.into()));
        let (base, prefix) = inner;
        let mask = u32::MAX >> prefix;
        let inside = Ipv4Addr::from_bits(base.to_bits() | (host & mask));
        let url = format!("http://{}/", spelled(inside, form));
        prop_assert!(!judged(&none, &url), "{}", url);
    }

    /// An address that carries another is refused, whatever it carries.
    #[test]
    fn carriers_are_refused(bits: u32, prefix in any::<[u16; 2]>(), form in 0_u8..7) {
        let [high, low] = [(bits >> 16) as u16, (bits & 0xffff) as u16];
        let [p, q] = prefix;
        let carrier = match form {
            0 => Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            1 => Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            2 => Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            3 => Ipv6Addr::new(0x64, 0xff9b, 1, p, q, 0, high, low),
            4 => Ipv6Addr::new(0x2002, high, low, p, q, 0, 0, 1),
            5 => Ipv6Addr::new(0x2001, 0, p, q, 0, 0, high, low),
            _ => Ipv6Addr::new(0x2600 | (p & 0xff), q, p, q, p & 0x0200, 0x5efe, high, low),
        };
        prop_assert!(!is_public(carrier.into()), "{carrier}");
        let url = format!("http://[{carrier}]/");
        prop_assert!(!judged(&EgressPolicy::default(), &url));
    }

    /// Total on any text, and what is read is read the same once more.
    #[test]
    fn reading_is_total_and_settles(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [text.clone(), format!("http://{text}"), String::from_utf8(bytes).unwrap_or_default()] {
            if let Ok(url) = egress::parse(&text) {
                let again = egress::parse(url.as_str());
                prop_assert!(again.is_err() || again == Ok(url.clone()), "{url}");
                let policy = EgressPolicy::default();
                if judge_url(&policy, &url).is_ok() {
                    prop_assert_eq!(egress::parse(url.as_str()), Ok(url.clone()), "what is allowed has one form");
                }
            }
        }
    }

    /// A denial never allows more, and an allowance never allows more than its own origin.
    #[test]
    fn denials_tighten(host in "[a-c]{1,2}(\\.(example|corp|com)){1,2}", denied in "[a-c]{1,2}(\\.(example|corp|com)){0,2}", allowed in "[a-c]{1,2}(\\.(example|corp|com)){1,2}") {
        let url = Url::parse(&format!("https://{host}/")).expect("a URL");
        let open = EgressPolicy::new(&[format!("https://{allowed}")]).expect("an origin");
        let closed = open.clone().with_deny(&[denied]).expect("a host");
        prop_assert!(judge_url(&open, &url).is_ok() || judge_url(&closed, &url).is_err());
        let bare = judge_url(&EgressPolicy::default(), &url).is_ok();
        prop_assert!(bare || judge_url(&open, &url).is_err() || host == allowed);
    }

    /// One address that is not public, anywhere in a chain, refuses the chain.
    #[test]
    fn one_bad_hop_refuses_the_chain(hops in 0_usize..5, at in 0_usize..5, inner in prop::sample::select(INNER)) {
        let at = at.min(hops);
        let dns = |name: &str| {
            let inside = name == format!("h{at}.example.com");
            vec![IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14)), if inside { inner.0.into() } else { Ipv4Addr::new(1, 1, 1, 1).into() }]
        };
        let mut hop = 0;
        let url = Url::parse("https://h0.example.com/").expect("a URL");
        let decision = judge_chain(&EgressPolicy::default(), &url, dns, |_| {
            hop += 1;
            (hop <= hops).then(|| format!("https://h{hop}.example.com/"))
        });
        prop_assert!(matches!(decision, Decision::Deny(_)));
    }
}

const INNER: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];
