//! The listener: bounded in connections, in header time and size, and, before authentication, in
//! bytes. Answers slow-header floods and memory exhaustion by strangers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use stockade_config::model::Bind;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::auth::Proof;
use crate::{Gateway, Running, http};

/// Why the gateway cannot listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is taken.
    #[error("{address} is already in use: another gateway may be running; stop it, or set gateway.port")]
    InUse {
        /// Which.
        address: SocketAddr,
    },
    /// Another error.
    #[error("cannot listen on {address}: {error}; check gateway.bind, gateway.customBindHost and gateway.port")]
    Io {
        /// Where.
        address: SocketAddr,
        /// What happened.
        error: io::Error,
    },
    /// A bind mode that is not supported.
    #[error("gateway.bind is {0:?}, which is not supported; use \"loopback\", \"lan\" or \"custom\"")]
    Unsupported(&'static str),
    /// TLS was asked for.
    #[error("gateway.tls.enabled is set, but this version serves plain text only; unset it and bind to loopback")]
    Tls,
}

/// Binds the listener that the config names.
///
/// # Errors
/// [`ListenError`].
pub async fn bind(running: &Running) -> Result<TcpListener, ListenError> {
    let gateway = &running.loaded.config.gateway;
    if gateway.tls.enabled {
        return Err(ListenError::Tls);
    }
    let host = match gateway.bind {
        Bind::Loopback => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Bind::Lan => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Bind::Custom => gateway.custom_bind_host.ok_or(ListenError::Unsupported("custom"))?,
        Bind::Auto | Bind::Tailnet => return Err(ListenError::Unsupported(gateway.bind.id())),
    };
    let address = SocketAddr::new(host, gateway.port());
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address },
        _ => ListenError::Io { address, error },
    })
}

/// Accepts connections until the gateway stops.
pub fn start(gateway: &Arc<Gateway>, listener: TcpListener) {
    gateway.watch_containment();
    if let Ok(address) = listener.local_addr() {
        gateway.announce_locally(address);
    }
    let router = http::router(Arc::clone(gateway));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks = gateway.tasks.clone();
    let stopping = tasks.stopping();
    gateway.tasks.start("listener", async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of descriptors: wait for some to come back instead of spinning.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stopping.cancelled() => return,
            };
            // Small frames wait for nothing.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            let budget = Arc::new(Budget::default());
            let proof = Arc::new(Proof::default());
            let known = router.clone().layer(Extension(peer)).layer(Extension(proof));
            let service = known.layer(Extension(Arc::clone(&budget)));
            let stopping = stopping.clone();
            tasks.start("connection", async move {
                let _place = place;
                let io = TokioIo::new(Metered { stream, budget });
                // Not hyper-util's `auto`: its guess at the protocol waits for a silent client for ever.
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIME)
                    .max_buf_size(MAX_HEADER)
                    .serve_connection(io, TowerToHyperService::new(service))
                    .with_upgrades();
                tokio::pin!(connection);
                tokio::select! {
                    // What a client does wrong with its own connection is its own affair.
                    _ = &mut connection => {}
                    () = stopping.cancelled() => {
                        connection.as_mut().graceful_shutdown();
                        let _ = tokio::time::timeout(Duration::from_secs(1), connection).await;
                    }
                }
            });
        }
    });
}

/// How many more bytes may be read from a connection; unlimited until limited.
#[derive(Debug)]
pub struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Budget {
    /// From now on at most a frame of `bytes` and its head may be read.
    pub fn limit(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX).saturating_add(FRAME_HEAD);
        self.0.store(bytes, Ordering::SeqCst);
    }

    /// No limit any more: the other side is known.
    pub fn lift(&self) {
        self.0.store(i64::MAX, Ordering::SeqCst);
    }

    fn spend(&self, bytes: usize) -> bool {
        if self.0.load(Ordering::Relaxed) == i64::MAX {
            return true;
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.0.fetch_sub(bytes, Ordering::SeqCst) >= bytes
    }
}

/// A stream that counts what is read from it.
struct Metered {
    stream: TcpStream,
    budget: Arc<Budget>,
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Ok(())) = &read
            && !self.budget.spend(buffer.filled().len() - before)
        {
            return Poll::Ready(Err(io::Error::other("too much before authentication")));
        }
        read
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

const MAX_CONNECTIONS: usize = 512;
const MAX_HEADER: usize = 32 * 1024;
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Heads of the frames and control frames that come with a first frame of the largest size.
const FRAME_HEAD: i64 = 1024;
