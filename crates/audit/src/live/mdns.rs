//! What this machine announces: a one-shot query (RFC 6762, sections 5.1 and 6.7) on each interface, and the answers.
//! The question is sent to the local network's group; answers from other machines are not looked at.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use stockade_core::text;

use super::line::left;
use super::message::{Data, Record, query, records};
use crate::snapshot::live::Announcement;

/// Asks every interface, and returns the gateways that this machine announces.
pub(super) fn announced() -> Vec<Announcement> {
    let own = own_addresses(&std::fs::read_to_string(Path::new(TRIE)).unwrap_or_default());
    ask(&own, SocketAddr::from((GROUP, PORT)), PATIENCE)
}

fn ask(own: &BTreeSet<Ipv4Addr>, group: SocketAddr, patience: Duration) -> Vec<Announcement> {
    // The kernel sends a multicast from the interface that has the socket's own address.
    let bound = own.iter().take(MAX_INTERFACES).filter_map(|address| UdpSocket::bind((*address, 0)).ok());
    let question = query(&[(SERVICE, PTR)]);
    let sockets: Vec<UdpSocket> = bound.filter(|socket| socket.send_to(&question, group).is_ok()).collect();
    let until = Instant::now() + patience;
    let mut found: Vec<Record> = Vec::new();
    let mut asked = BTreeSet::new();
    let mut buffer = [0; 9000];
    for round in 0..MAX_PACKETS {
        let Some(socket) = sockets.get(round % sockets.len().max(1)) else { break };
        let Ok(wait) = left(until) else { break };
        if socket.set_read_timeout(Some(wait.min(TURN))).is_err() {
            break;
        }
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        let IpAddr::V4(sender) = from.ip() else { continue };
        let Some(answer) = buffer.get(..length).filter(|_| own.contains(&sender)).and_then(records) else { continue };
        for name in instances(&answer) {
            // A responder need not send the rest of what it knows.
            if asked.len() < MAX_INSTANCES && asked.insert(name.clone()) {
                let _ = socket.send_to(&query(&[(&name, SRV), (&name, TXT)]), group);
            }
        }
        found.extend(answer);
    }
    gather(&found)
}

fn instances(records: &[Record]) -> impl Iterator<Item = String> {
    records.iter().filter(|record| record.name.eq_ignore_ascii_case(SERVICE)).filter_map(|record| match &record.data {
        Data::Pointer(name) => Some(name.clone()),
        _ => None,
    })
}

fn gather(records: &[Record]) -> Vec<Announcement> {
    let names: BTreeSet<String> = instances(records).take(MAX_INSTANCES).collect();
    names
        .into_iter()
        .map(|name| {
            let mut announced = Announcement { instance: shown(&name), ..Announcement::default() };
            for record in records.iter().filter(|record| record.name.eq_ignore_ascii_case(&name)) {
                match &record.data {
                    Data::Service(port) => announced.port = Some(*port),
                    Data::Keys(keys) => announced.keys.extend(keys.iter().map(|key| shown(key))),
                    Data::Pointer(_) | Data::Other => {}
                }
            }
            announced.keys.sort();
            announced.keys.dedup();
            announced
        })
        .collect()
}

fn shown(said: &str) -> String {
    let own = said.strip_suffix(SERVICE).and_then(|name| name.strip_suffix('.')).unwrap_or(said);
    text::clip(&text::single_line(own), 80)
}

/// This machine's addresses, out of the kernel's table of routes: each stands above a line `/32 host LOCAL`.
fn own_addresses(trie: &str) -> BTreeSet<Ipv4Addr> {
    let mut own = BTreeSet::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in trie.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            own.extend(last);
        }
    }
    own
}

const TRIE: &str = "/proc/net/fib_trie";
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;
const SERVICE: &str = "_openclaw-gw._tcp.local";
const PTR: u16 = 12;
const TXT: u16 = 16;
const SRV: u16 = 33;
const PATIENCE: Duration = Duration::from_millis(700);
/// How long one interface is listened to before the next.
const TURN: Duration = Duration::from_millis(20);
const MAX_INTERFACES: usize = 32;
const MAX_PACKETS: usize = 2000;
const MAX_INSTANCES: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::message::tests::{answer, txt};
    use super::*;

    fn responder(packets: Vec<Vec<u8>>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bound");
        let address = socket.local_addr().expect("an address");
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            let (_, asker) = socket.recv_from(&mut buffer).expect("a question");
            for packet in packets {
                socket.send_to(&packet, asker).expect("sent");
            }
        });
        address
    }

    fn asked(packets: Vec<Vec<u8>>) -> Vec<Announcement> {
        let own = BTreeSet::from([Ipv4Addr::LOCALHOST]);
        ask(&own, responder(packets), Duration::from_millis(300))
    }

    #[test]
    fn what_a_gateway_tells_is_heard() {
        let full = ["role=gateway", "gatewayPort=28300", "cliPath=/usr/lib/openclaw.mjs", "sshPort=22"];
        let announced = asked(vec![b"noise".to_vec(), answer("vm (OpenClaw)", 28_300, &txt(&full))]);
        assert_eq!(
            announced,
            [Announcement {
                instance: "vm (OpenClaw)".into(),
                port: Some(28_300),
                keys: ["cliPath", "gatewayPort", "role", "sshPort"].map(str::to_owned).to_vec(),
            }]
        );
    }

    #[test]
    fn silence_and_floods_end() {
        let begin = Instant::now();
        assert!(asked(Vec::new()).is_empty());
        assert!(asked(vec![vec![0xff; 1400]; 500]).is_empty());
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn another_machine_is_not_this_one() {
        let own = BTreeSet::from([Ipv4Addr::new(127, 0, 0, 2)]);
        let group = responder(vec![answer("far", 18_789, &txt(&["role=gateway"]))]);
        assert!(ask(&own, group, Duration::from_millis(200)).is_empty());
    }

    #[test]
    fn own_addresses_are_read_from_the_routes() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 127.255.255.255\n        \
                    /32 link BROADCAST\n     |-- 192.0.2.2\n        /32 host LOCAL\n";
        let own: Vec<Ipv4Addr> = own_addresses(trie).into_iter().collect();
        assert_eq!(own, [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 2)]);
    }
}
