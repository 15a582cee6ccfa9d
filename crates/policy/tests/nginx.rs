//! The walk through trusted proxies beside nginx's `real_ip_recursive`. Where both name a client they
//! name the same one; where nginx falls back to a hop that it could read, there is none for us.
#![allow(clippy::print_stdout, reason = "the counts are what the test is run for")]
#![allow(clippy::disallowed_methods, reason = "the test starts nginx and speaks raw HTTP to it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stockade_policy::clients::{TrustedProxies, client};

const TRUSTED: &[&str] = &["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"];

struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let from: String = TRUSTED.iter().map(|net| format!("set_real_ip_from {net};")).collect();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {}/{kind};", folder.path().display()))
            .collect();
        let config = format!(
            "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; events {{}} http {{ access_log off; \
             keepalive_requests 1000000; {temporary} server {{ listen 127.0.0.1:{port}; {from} real_ip_header X-Forwarded-For; \
             real_ip_recursive on; location / {{ return 200 $remote_addr; }} }} }}",
            folder.path().display()
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, config).expect("written");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(&path).arg("-e").arg(folder.path().join("error.log"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx");
        let nginx = Self { child, port, _folder: folder };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return nginx;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nginx does not listen");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What nginx takes for the client.
fn ask(stream: &mut BufReader<TcpStream>, lines: &[String]) -> IpAddr {
    let headers: String = lines.iter().map(|line| format!("X-Forwarded-For: {line}\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    stream.get_mut().write_all(request.as_bytes()).expect("sent");
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).expect("a line") > 0, "nginx closed the connection");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    std::str::from_utf8(&body).expect("text").parse::<IpAddr>().expect("an address").to_canonical()
}

fn hop() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<[u8; 4]>().prop_map(|octets| IpAddr::from(octets).to_string()),
        3 => any::<[u8; 3]>().prop_map(|[b, c, d]| format!("10.{b}.{c}.{d}")),
        1 => any::<([u8; 4], u16)>().prop_map(|(octets, port)| format!("{}:{}", IpAddr::from(octets), port.max(1))),
        2 => any::<[u16; 8]>().prop_map(|segments| IpAddr::from(segments).to_string()),
        1 => any::<[u16; 5]>().prop_map(|[d, e, f, g, h]| format!("2001:db8:1:{d:x}:{e:x}:{f:x}:{g:x}:{h:x}")),
        1 => any::<([u16; 8], u16)>().prop_map(|(segments, port)| format!("[{}]:{}", IpAddr::from(segments), port.max(1))),
        1 => any::<[u8; 4]>().prop_map(|octets| format!("::ffff:{}", IpAddr::from(octets))),
        1 => any::<[u8; 3]>().prop_map(|[b, c, d]| format!("::ffff:10.{b}.{c}.{d}")),
        1 => prop::sample::select(vec!["", " ", "unknown", "_x", "1.2.3", "localhost", "1.2.3.4.5", "unix:", "\"1.2.3.4\""]).prop_map(str::to_owned),
    ]
}

#[test]
fn nginx_names_the_same_client() {
    let there = Command::new("nginx").arg("-v").output().is_ok();
    if !there {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "nginx is not installed, and in CI nothing is skipped"
        );
        println!("skipped: nginx is not installed");
        return;
    }
    let nginx = Nginx::start();
    let stream = TcpStream::connect(("127.0.0.1", nginx.port)).expect("a connection");
    stream.set_nodelay(true).expect("set");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let stream = std::cell::RefCell::new(BufReader::new(stream));
    let trusted = TrustedProxies::new(TRUSTED).expect("entries");
    let peer: IpAddr = "127.0.0.1".parse().expect("an address");
    let (named, unknown) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    // A comma at the start of a line stops nginx, against RFC 9110 §5.6.1; after that it skips them.
    let full = hop().prop_filter("an empty element", |hop| !hop.trim().is_empty());
    let line = (full, prop::collection::vec(hop(), 0..5))
        .prop_map(|(first, rest)| [first].into_iter().chain(rest).collect::<Vec<_>>().join(", "));
    let mut runner = TestRunner::new(Config { cases: 20_000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(line, 1..4), |lines| {
        let theirs = ask(&mut stream.borrow_mut(), &lines);
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("X-Forwarded-For", line.as_str())).collect();
        let ours = client(peer, &headers, &trusted);
        prop_assert!(!ours.is_local);
        match ours.ip {
            Some(address) => {
                prop_assert_eq!(address, theirs, "{:?}", lines);
                named.set(named.get() + 1);
            }
            None => {
                // Then nginx stopped at a proxy or at a claim of loopback and the like, or a hop on
                // the way is no address.
                let nobody =
                    trusted.trusts(theirs) || theirs.is_loopback() || theirs.is_unspecified() || theirs.is_multicast();
                let broadcast = theirs.to_string() == "255.255.255.255";
                prop_assert!(nobody || broadcast, "{:?}: nginx says {}", lines, theirs);
                unknown.set(unknown.get() + 1);
            }
        }
        Ok(())
    });
    println!("{} named alike, {} known to neither", named.get(), unknown.get());
    outcome.expect("they agree");
}
