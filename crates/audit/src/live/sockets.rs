//! Who listens: the kernel's tables of TCP sockets, and the processes that hold them. Reads `/proc` and asks nobody.

use std::collections::BTreeMap;
use std::fs::{File, read_dir, read_link};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::snapshot::live::Listener;

/// The sockets on this port, and the others of the processes behind them.
pub(super) fn listeners(proc: &Path, port: u16) -> Vec<Listener> {
    let mut sockets: Vec<(u64, Listener)> = Vec::new();
    for table in ["net/tcp", "net/tcp6"] {
        sockets.extend(text(&proc.join(table)).lines().skip(1).filter_map(socket));
    }
    if !sockets.iter().any(|(_, socket)| socket.port == port) {
        return Vec::new();
    }
    let holders = holders(proc, &sockets);
    for (inode, socket) in &mut sockets {
        socket.pid = holders.get(inode).copied();
        let name = socket.pid.map(|pid| text(&proc.join(pid.to_string()).join("comm")));
        socket.program = name.map(|name| name.trim_end().chars().filter(|c| !c.is_control()).collect());
    }
    let behind: Vec<u32> =
        sockets.iter().filter(|(_, socket)| socket.port == port).filter_map(|(_, socket)| socket.pid).collect();
    let wanted = |socket: &Listener| socket.port == port || socket.pid.is_some_and(|pid| behind.contains(&pid));
    let mut found: Vec<Listener> = sockets.into_iter().map(|(_, socket)| socket).filter(wanted).collect();
    found.sort_by_key(|socket| (socket.port != port, socket.port, socket.address));
    found
}

/// A line of the table, when it is a socket that listens: its inode and what is known of it.
fn socket(line: &str) -> Option<(u64, Listener)> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let state = fields.nth(1)?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    (state == LISTEN).then_some((inode, Listener { address: ip(address)?, port, uid, pid: None, program: None }))
}

/// An address as the kernel prints it: each 32 bits as a number of this machine.
fn ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// Which process holds each of these sockets, as far as it can be seen.
fn holders(proc: &Path, sockets: &[(u64, Listener)]) -> BTreeMap<u64, u32> {
    let mut found = BTreeMap::new();
    let mut looked = 0;
    for process in read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        for file in read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            looked += 1;
            if looked > MAX_FILES || found.len() == sockets.len() {
                return found;
            }
            let Ok(target) = read_link(file.path()) else { continue };
            let inode = target.to_str().and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']'));
            let Some(inode) = inode.and_then(|inode| inode.parse().ok()) else { continue };
            if sockets.iter().any(|(known, _)| *known == inode) {
                found.entry(inode).or_insert(pid);
            }
        }
    }
    found
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    // What cannot be read is not there: another user's process, or one that has just ended.
    let read = File::open(path).and_then(|file| file.take(MAX_TABLE).read_to_string(&mut text));
    if read.is_ok() { text } else { String::new() }
}

const LISTEN: &str = "0A";
const MAX_TABLE: u64 = 16 << 20;
/// A machine with a million open files is looked at as far as this.
const MAX_FILES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_table_of_the_kernel_is_read() {
        let line =
            "   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 x";
        let (inode, found) = socket(line).expect("a socket");
        assert_eq!((inode, found.address, found.port, found.uid), (4711, IpAddr::from([127, 0, 0, 1]), 18_789, 1000));
        assert!(socket(&line.replace(" 0A ", " 01 ")).is_none(), "a connection does not listen");
        let six = line.replace("0100007F", "00000000000000000000000001000000");
        assert_eq!(socket(&six).expect("a socket").1.address, IpAddr::V6(Ipv6Addr::LOCALHOST));
        for wrong in
            ["", "0: x", "0: 0100007F:99999 0:0 0A", "0: 01:4965 0:0 0A 0 0 0 1000 0 1", "0: é00007F:4965 a 0A"]
        {
            assert!(socket(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_process_behind_a_port_is_found_with_its_other_sockets() {
        let own = [TcpListener::bind("127.0.0.1:0"), TcpListener::bind("[::]:0")].map(|socket| socket.expect("bound"));
        let ports = own.each_ref().map(|socket| socket.local_addr().expect("an address").port());
        let found = listeners(Path::new("/proc"), ports[0]);
        assert_eq!((found[0].port, found[0].address), (ports[0], IpAddr::from([127, 0, 0, 1])));
        assert_eq!(found[0].pid, Some(std::process::id()));
        assert!(found[0].program.as_ref().is_some_and(|name| !name.is_empty()));
        let other = found.iter().find(|socket| socket.port == ports[1]).expect("the other socket");
        assert!(other.address.is_unspecified());
        drop(own);
        assert!(listeners(Path::new("/proc"), ports[0]).is_empty());
    }
}
