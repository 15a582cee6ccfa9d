//! Spellings of inward addresses, and what the operator's rules change.

use std::net::IpAddr;

use super::*;

fn verdict(policy: &EgressPolicy, url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| judge_url(policy, &url).is_ok())
}

#[test]
fn every_spelling_of_an_inward_address_is_refused() {
    let none = EgressPolicy::default();
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[ff02::1]/",
        "http://[2001:db8::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.31.255.255/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://metadata.google.internal/",
        "http://router/",
        "http://printer.local/",
        "http://host.ts.net/",
        "http://１２７.０.０.１/",
        "http://①②⑦.0.0.1/",
        "http://user:pw@example.com/",
        "http://example.com:22/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/plain,x",
        "http://example.com:8080/",
    ] {
        assert!(!verdict(&none, url), "{url} passed");
    }
}

#[test]
fn ordinary_addresses_pass() {
    let none = EgressPolicy::default();
    for url in ["http://example.com/", "https://example.com:443/a?b#c", "https://8.8.8.8/", "https://[2606:4700::1]/"] {
        assert!(verdict(&none, url), "{url} was refused");
    }
}

#[test]
fn an_allowed_origin_is_exactly_that_origin() {
    let policy = EgressPolicy::new(&["http://127.0.0.1:9000", "https://*.example.org"]).expect("valid");
    assert!(verdict(&policy, "http://127.0.0.1:9000/page"));
    assert!(verdict(&policy, "http://127.1:9000/page"), "the same address in another spelling");
    assert!(!verdict(&policy, "http://127.0.0.1:9001/"));
    assert!(!verdict(&policy, "https://127.0.0.1:9000/"));
    assert!(!verdict(&policy, "http://127.0.0.2:9000/"));
    let inward: IpAddr = "10.1.1.1".parse().expect("address");
    let url = |text| Url::parse(text).expect("url");
    assert!(judge_address(&policy, &url("https://a.example.org/"), inward).is_ok());
    assert!(judge_address(&policy, &url("https://example.org/"), inward).is_err(), "the wildcard is for subdomains");
    assert!(judge_address(&policy, &url("https://badexample.org/"), inward).is_err());
    let metadata: IpAddr = "169.254.169.254".parse().expect("address");
    assert!(judge_address(&policy, &url("https://a.example.org/"), metadata).is_err());
}

#[test]
fn rules_that_are_no_origins_are_refused() {
    for bad in ["example.org", "ftp://x", "https://x/path", "https://u@x", "https://*.org", "", "https://"] {
        assert!(EgressPolicy::new(&[bad]).is_err(), "{bad:?}");
    }
}

#[test]
fn a_mapped_block_denies_its_ipv4_form_or_is_refused() {
    let denied = |block: &str| EgressPolicy::default().with_deny(&[block]);
    let address: IpAddr = "8.8.8.8".parse().expect("address");
    assert!(denied("::ffff:8.8.8.0/120").expect("valid").denies_address(address));
    assert!(denied("::ffff:0:0/90").is_err(), "it would look like all of IPv4 and deny none of it");
    assert!(!denied("::/0").expect("valid").denies_address(address), "a block of IPv6");
}
