//! Limits for connections whose peers have not authenticated.
//!
//! There is a fixed number of places for all of them. When they are taken, a new connection
//! displaces the one that has waited longest, so that any number of idle sockets leaves room for
//! the next page. A peer that has the cookie or has given the secret no longer counts. All others
//! count until their socket is closed, also while their last bytes are being delivered to a peer
//! that does not read.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use parking_lot::Mutex;
use selvedge_port::{AbortHandle, Connection, throttle::Throttle};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// Maximum number of waiting peers if file descriptors are plentiful.
const MOST: usize = 2048;

/// Maximum number of open connections if file descriptors are plentiful.
const MOST_CONNECTIONS: usize = 16 * 1024;

/// Lower bound of both limits if file descriptors are scarce.
const LEAST: usize = 64;

/// Maximum number of bytes read from a WebSocket before its hello, and maximum size of its messages
/// together once they are inflated: enough for some small messages.
/// Without this limit the server would buffer a frame of the maximum size for every peer that
/// announces one.
pub(super) const BYTES_BEFORE_HELLO: usize = 64 * 1024;

/// No limit.
const UNLIMITED: usize = usize::MAX;

/// The places for unknown peers.
pub(crate) struct Lobby {
    capacity: usize,
    waiting: Mutex<Waiting>,
    /// Rate limit for log lines about displaced connections.
    made_room: Throttle,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// The waiting connections in order of arrival.
    guests: BTreeMap<u64, Arc<LobbyPlace>>,
}

/// The means to end a guest's connection.
struct LobbyPlace {
    turned_out: CancellationToken,
    /// The socket; none in tests.
    socket: Option<AbortHandle>,
}

impl LobbyPlace {
    /// Ends the connection. Its socket is closed when this returns.
    fn vacate(&self) {
        self.turned_out.cancel();
        if let Some(socket) = &self.socket {
            socket.abort();
        }
    }
}

/// Returns the maximum number of open connections, which leaves descriptors for files.
pub(crate) fn most_connections() -> usize {
    descriptors().map_or(MOST_CONNECTIONS, |limit| (limit / 4 * 3).clamp(LEAST, MOST_CONNECTIONS))
}

impl Lobby {
    /// Creates a lobby with room for a quarter of the descriptors that the system allows.
    pub(crate) fn for_this_system() -> Arc<Self> {
        Self::new(descriptors().map_or(MOST, |limit| (limit / 4).clamp(LEAST, MOST)))
    }

    pub(super) fn new(capacity: usize) -> Arc<Self> {
        let made_room = Throttle::new("unauthenticated connections that were closed to make room");
        Arc::new(Lobby { capacity, waiting: Mutex::default(), made_room })
    }

    /// Adds a connection, which counts until its socket is closed. Displaces the one that has
    /// waited longest if there is no room.
    pub(super) fn enter(self: &Arc<Self>, connection: &Connection) -> Arc<Guest> {
        let guest = self.seat(Some(connection.abort_handle()));
        connection.keep(Arc::clone(&guest));
        guest
    }

    fn seat(self: &Arc<Self>, socket: Option<AbortHandle>) -> Arc<Guest> {
        let place = Arc::new(LobbyPlace { turned_out: CancellationToken::new(), socket });
        let (id, oldest) = {
            let mut waiting = self.waiting.lock();
            let is_full = waiting.guests.len() >= self.capacity;
            let oldest = is_full.then(|| waiting.guests.pop_first()).flatten();
            let id = waiting.next;
            waiting.next += 1;
            waiting.guests.insert(id, Arc::clone(&place));
            (id, oldest)
        };
        if let Some((_, oldest)) = oldest {
            oldest.vacate();
            if let Some(suppressed) = self.made_room.admit() {
                tracing::debug!(
                    suppressed,
                    "an unauthenticated connection was closed to make room for another one"
                );
            }
        }
        Arc::new(Guest {
            id,
            lobby: Arc::clone(self),
            place,
            allowance: AtomicUsize::new(UNLIMITED),
        })
    }
}

/// An open connection and its limits.
pub(super) struct Guest {
    id: u64,
    lobby: Arc<Lobby>,
    place: Arc<LobbyPlace>,
    /// Bytes that may still be read, or [`UNLIMITED`].
    allowance: AtomicUsize,
}

impl Guest {
    /// Frees the place of a peer that is now known.
    pub(super) fn admit(&self) {
        self.lobby.waiting.lock().guests.remove(&self.id);
    }

    /// Limits what is read until the hello, which must come first on a WebSocket.
    pub(super) fn expect_hello(&self) {
        self.allowance.store(BYTES_BEFORE_HELLO, Ordering::Relaxed);
    }

    /// Lifts the limits of a peer that has given the secret.
    pub(super) fn trust(&self) {
        self.admit();
        self.allowance.store(UNLIMITED, Ordering::Relaxed);
    }

    /// Ends the connection.
    pub(super) fn turn_out(&self) {
        self.place.vacate();
    }

    /// Completes when the connection must end, such as to make room for another.
    pub(super) async fn turned_out(&self) {
        self.place.turned_out.cancelled().await;
    }

    /// Subtracts read bytes from the allowance. Returns whether it was sufficient.
    fn spend(&self, bytes: usize) -> bool {
        let allowance = self.allowance.load(Ordering::Relaxed);
        if allowance == UNLIMITED {
            return true;
        }
        // Only one task reads, so the exchange fails only if the peer was trusted at this moment.
        let left = allowance.checked_sub(bytes);
        let spent = self.allowance.compare_exchange(
            allowance,
            left.unwrap_or(0),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        left.is_some() || spent.is_err()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.admit();
    }
}

/// The stream of a guest. Reads fail once the guest has sent more than it may.
pub(super) struct Metered<S> {
    stream: S,
    guest: Arc<Guest>,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, guest: Arc<Guest>) -> Self {
        Metered { stream, guest }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if self.guest.spend(buffer.filled().len() - before) {
            return Poll::Ready(Ok(()));
        }
        buffer.set_filled(before);
        let text = "too much was sent before the hello";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, text)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns how many files and sockets this process may have open.
#[cfg(unix)]
fn descriptors() -> Option<usize> {
    let (soft, _) = rlimit::Resource::NOFILE.get().ok()?;
    usize::try_from(soft).ok()
}

#[cfg(not(unix))]
fn descriptors() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[test]
    fn the_stranger_that_has_waited_longest_is_evicted_and_known_clients_are_not() {
        let lobby = Lobby::new(2);
        let [first, second] = [(); 2].map(|()| lobby.seat(None));
        first.admit();
        let third = lobby.seat(None);
        assert!(!second.place.turned_out.is_cancelled(), "there was room");
        let fourth = lobby.seat(None);
        assert!(second.place.turned_out.is_cancelled());
        assert!(!first.place.turned_out.is_cancelled() && !third.place.turned_out.is_cancelled());
        drop(third);
        let _fifth = lobby.seat(None);
        assert!(!fourth.place.turned_out.is_cancelled(), "the third had left");
    }

    #[tokio::test]
    async fn before_the_hello_little_is_read_and_afterwards_everything() {
        let lobby = Lobby::new(2);
        let guest = lobby.seat(None);
        let (mut peer, stream) = duplex(4 * BYTES_BEFORE_HELLO);
        let mut stream = Metered::new(stream, Arc::clone(&guest));
        let mut read = async |count: usize| {
            peer.write_all(&vec![0; count]).await.unwrap();
            stream.read_exact(&mut vec![0; count]).await
        };
        assert!(read(2 * BYTES_BEFORE_HELLO).await.is_ok(), "a long header");
        guest.expect_hello();
        assert!(read(BYTES_BEFORE_HELLO).await.is_ok());
        guest.trust();
        assert!(read(2 * BYTES_BEFORE_HELLO).await.is_ok(), "after the hello");
        guest.expect_hello();
        assert!(read(BYTES_BEFORE_HELLO + 1).await.is_err());
    }
}
