//! A connection that ends: every read and write takes what is left of one deadline, and no more than so many bytes come
//! in. Answers the far side that sends a byte a second, or never stops.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// A connection with a deadline and a budget of bytes.
#[derive(Debug)]
pub(super) struct Line<S> {
    stream: S,
    until: Instant,
    left: usize,
}

/// A stream whose waiting can be bounded.
pub(super) trait Timed: Read + Write {
    fn limit_read(&self, wait: Duration) -> Result<()>;
    fn limit_write(&self, wait: Duration) -> Result<()>;
}

impl Line<TcpStream> {
    /// Connects within a second, or what is left until the deadline.
    pub fn tcp(address: SocketAddr, until: Instant) -> Result<Self> {
        let wait = left(until)?.min(CONNECT);
        let stream = TcpStream::connect_timeout(&address, wait)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, until, left: MAX_BYTES })
    }
}

impl Line<UnixStream> {
    /// Connects to a socket in the file system. One that takes nobody in is an error and not a wait.
    pub fn unix(path: &Path, until: Instant) -> Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?).map_err(|error| timed_out(error.into()))?;
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        Ok(Self { stream, until, left: MAX_BYTES })
    }
}

impl<S> Line<S> {
    /// Ends it this soon, or sooner.
    pub fn hasten(&mut self, wait: Duration) {
        self.until = self.until.min(Instant::now() + wait);
    }
}

impl<S: Timed> Read for Line<S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.left == 0 {
            return Err(Error::new(ErrorKind::InvalidData, "the answer is too long"));
        }
        self.stream.limit_read(left(self.until)?)?;
        let most = into.len().min(self.left);
        let read = self.stream.read(into.get_mut(..most).unwrap_or_default()).map_err(timed_out)?;
        self.left = self.left.saturating_sub(read);
        Ok(read)
    }
}

impl<S: Timed> Write for Line<S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.stream.limit_write(left(self.until)?)?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}

impl Timed for TcpStream {
    fn limit_read(&self, wait: Duration) -> Result<()> {
        self.set_read_timeout(Some(wait))
    }

    fn limit_write(&self, wait: Duration) -> Result<()> {
        self.set_write_timeout(Some(wait))
    }
}

impl Timed for UnixStream {
    fn limit_read(&self, wait: Duration) -> Result<()> {
        self.set_read_timeout(Some(wait))
    }

    fn limit_write(&self, wait: Duration) -> Result<()> {
        self.set_write_timeout(Some(wait))
    }
}

/// What is left until the deadline; never nothing, which the kernel takes for "no limit".
pub(super) fn left(until: Instant) -> Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left.max(Duration::from_millis(1))) }
}

/// The kernel calls a time limit that passed "would block", which a WebSocket takes as an invitation to try again.
fn timed_out(error: Error) -> Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

const CONNECT: Duration = Duration::from_secs(1);
/// OpenClaw's greeting is some 60 KiB; an engine's list of a thousand containers about 2 MiB.
const MAX_BYTES: usize = 8 << 20;
