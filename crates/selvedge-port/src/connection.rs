//! Open connections, and how they end.
//!
//! The side that sends FIN first keeps the connection in `TIME_WAIT` for a minute, and libraries
//! send it whenever they shut a stream down. So [`Connection`] does not pass a shutdown on.
//! Dropping it ends the connection: it waits until the peer's kernel has everything, then closes in
//! a way that leaves nothing behind. This applies at all times, not only during a stop: one
//! ordinary close in the last minute would keep the port busy.
//!
//! The registry owns the socket, and the connection borrows it for each call. So an abort closes
//! the socket at once, wherever the connection is kept; the owner gets an error from its next call.

use std::{
    any::Any,
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    runtime::Handle,
    sync::Notify,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    options::{Released, ServeOptions},
    platform,
    throttle::Throttle,
};

/// Time limit without progress for the last bytes of a closed connection, while no stop waits for
/// the port.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Polling intervals for the last bytes of a closed connection: the first, the longest, and the
/// longest during a stop.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const IDLE_LOOK: Duration = Duration::from_millis(64);
const STOPPING_LOOK: Duration = Duration::from_millis(4);

/// A connection from a peer, as a stream of bytes.
///
/// Shutting it down does nothing. Dropping it delivers what was written, and then closes it.
///
/// After a reset, by its [`AbortHandle`] or at the end of a stop, reads and writes fail with
/// [`io::ErrorKind::ConnectionAborted`].
pub struct Connection {
    entry: Entry,
    peer: SocketAddr,
}

impl Connection {
    /// Returns the address of the peer.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the address of this side; `None` once the connection is closed.
    pub fn local(&self) -> Option<SocketAddr> {
        let io = self.entry.socket.lock();
        io.stream.as_ref().and_then(|stream| stream.local_addr().ok())
    }

    /// Returns a view of the kernel's buffers, which stays valid when the connection is handed on.
    pub fn buffers(&self) -> Buffers {
        Buffers(Arc::downgrade(&self.entry.socket))
    }

    /// Returns a handle that resets the connection, wherever it was handed on to, even while its
    /// last bytes are being delivered.
    pub fn abort_handle(&self) -> AbortHandle {
        let Entry { id, socket, registry } = &self.entry;
        AbortHandle { id: *id, socket: Arc::downgrade(socket), registry: Arc::downgrade(registry) }
    }

    /// Keeps a value until the socket is closed, which may be long after this connection is
    /// dropped.
    pub fn keep(&self, value: impl Any + Send) {
        let mut io = self.entry.socket.lock();
        if io.stream.is_some() {
            io.kept.push(Box::new(value));
        }
    }

    fn poll_stream<T>(
        &self,
        cx: &mut Context<'_>,
        waiting: fn(&mut Io) -> &mut Option<Waker>,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut io = self.entry.socket.lock();
        let Some(stream) = &mut io.stream else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let polled = poll(Pin::new(stream), cx);
        if polled.is_pending() {
            match waiting(&mut io) {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
        polled
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_stream(cx, |io| &mut io.reader, |stream, cx| stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_stream(cx, |io| &mut io.writer, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_stream(
            cx,
            |io| &mut io.writer,
            |stream, cx| stream.poll_write_vectored(cx, slices),
        )
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // nothing is buffered on this side of the kernel
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // the close sends the FIN
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.entry.socket.outstanding() == 0 {
            self.entry.close();
        } else {
            // A runtime that is shutting down drops the task at once, and the entry with it, which
            // resets the connection.
            let closing = Closing(self.entry.clone());
            let registry = &self.entry.registry;
            registry.runtime.spawn(closing.deliver());
        }
    }
}

/// A view of the kernel's buffers of a [`Connection`].
#[derive(Debug, Clone)]
pub struct Buffers(Weak<Socket>);

impl Buffers {
    /// Returns how many bytes have arrived but were not read; 0 once the connection is closed.
    pub fn unread(&self) -> usize {
        self.look(platform::unread)
    }

    /// Returns how many bytes were written but not acknowledged by the peer's kernel; 0 once the
    /// connection is closed, or if the system does not report it.
    pub fn unacknowledged(&self) -> usize {
        self.look(platform::unacknowledged)
    }

    fn look(&self, look: fn(&TcpStream) -> usize) -> usize {
        let Some(socket) = self.0.upgrade() else {
            return 0;
        };
        let io = socket.lock();
        io.stream.as_ref().map_or(0, look)
    }
}

/// Resets a [`Connection`].
#[derive(Debug, Clone)]
pub struct AbortHandle {
    id: u64,
    socket: Weak<Socket>,
    registry: Weak<Registry>,
}

impl AbortHandle {
    /// Resets the connection. Its socket is closed when this returns.
    pub fn abort(&self) {
        if let (Some(socket), Some(registry)) = (self.socket.upgrade(), self.registry.upgrade()) {
            registry.remove(self.id, socket.abort());
        }
    }
}

/// The socket of a connection, until it is closed.
#[derive(Debug)]
struct Socket(Mutex<Io>);

#[derive(Debug)]
struct Io {
    stream: Option<TcpStream>,
    /// The wakers of tasks that wait to read and to write. Closing the socket does not wake them.
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Values that live as long as the socket is open.
    kept: Vec<Box<dyn Any + Send>>,
}

impl Socket {
    fn lock(&self) -> MutexGuard<'_, Io> {
        self.0.lock()
    }

    fn outstanding(&self) -> usize {
        let io = self.lock();
        io.stream.as_ref().map_or(0, platform::outstanding)
    }

    /// Closes the socket if it is open: in order if the peer has everything, otherwise with a
    /// reset.
    fn close(&self) -> Option<Ending> {
        let (stream, kept) = {
            let mut io = self.lock();
            (io.stream.take()?, std::mem::take(&mut io.kept))
        };
        let ending = if platform::outstanding(&stream) == 0 {
            platform::close(stream);
            Ending::Ordered
        } else {
            platform::abort(stream);
            Ending::Reset
        };
        drop(kept); // outside the lock, since it may run any code
        Some(ending)
    }

    /// Resets the connection if it is open, and wakes its owner to notice that.
    fn abort(&self) -> Option<Ending> {
        let (stream, reader, writer, kept) = {
            let mut io = self.lock();
            let stream = io.stream.take()?;
            (stream, io.reader.take(), io.writer.take(), std::mem::take(&mut io.kept))
        };
        platform::abort(stream);
        drop(kept);
        reader.into_iter().chain(writer).for_each(Waker::wake);
        Some(Ending::Reset)
    }
}

enum Ending {
    Ordered,
    Reset,
}

#[derive(Debug, Default)]
struct Ended {
    ordered: AtomicUsize,
    reset: AtomicUsize,
}

/// A socket and its place in the registry.
#[derive(Clone)]
struct Entry {
    id: u64,
    socket: Arc<Socket>,
    registry: Arc<Registry>,
}

impl Entry {
    fn close(&self) {
        let ending = self.socket.close();
        self.registry.remove(self.id, ending);
    }
}

/// A connection that its owner has dropped, and whose last bytes are being delivered.
struct Closing(Entry);

impl Closing {
    /// Waits until the peer's kernel has acknowledged everything or makes no more progress. The
    /// drop then closes the socket.
    async fn deliver(self) {
        let Closing(Entry { socket, registry, .. }) = &self;
        let stopping = &registry.stopping;
        let mut left = socket.outstanding();
        let mut progress = Instant::now();
        let mut pause = FIRST_LOOK;
        while left > 0 {
            let (timeout, longest) = match stopping.is_cancelled() {
                true => (registry.options.user_timeout, STOPPING_LOOK),
                false => (STALL_TIMEOUT, IDLE_LOOK),
            };
            if progress.elapsed() >= timeout {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause.min(longest)) => pause = (pause * 2).min(longest),
                () = stopping.cancelled(), if !stopping.is_cancelled() => progress = Instant::now(),
            }
            let now = socket.outstanding();
            if now != left {
                left = now;
                progress = Instant::now();
            }
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// All connections of a server whose sockets are open.
#[derive(Debug)]
pub(crate) struct Registry {
    open: Mutex<HashMap<u64, Arc<Socket>>>,
    next: AtomicU64,
    /// How connections have ended since the stop began.
    ended: Ended,
    emptied: Notify,
    stopping: CancellationToken,
    options: ServeOptions,
    refused: Throttle,
    runtime: Handle,
}

impl Registry {
    /// Creates a registry for the current runtime.
    ///
    /// Once `stopping` is cancelled, last bytes that make no progress for the user timeout are
    /// given up.
    pub(crate) fn new(stopping: CancellationToken, options: ServeOptions) -> Arc<Registry> {
        Arc::new(Registry {
            open: Mutex::default(),
            next: AtomicU64::new(0),
            ended: Ended::default(),
            emptied: Notify::new(),
            stopping,
            options,
            refused: Throttle::new("connections over the limit"),
            runtime: Handle::current(),
        })
    }

    /// Registers an accepted connection; closes it and returns `None` if there are too many.
    pub(crate) fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Option<Connection> {
        let limit = self.options.max_connections;
        if self.lock().len() >= limit {
            if let Some(suppressed) = self.refused.admit() {
                tracing::warn!(%peer, limit, suppressed, "closed a connection over the limit");
            }
            platform::close(stream);
            return None;
        }
        tracing::trace!(%peer, "accepted a connection");
        Some(self.register(stream, peer))
    }

    fn register(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) -> Connection {
        let _ = stream.set_nodelay(true); // fails only if the connection is gone
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let socket = Arc::new(Socket(Mutex::new(Io {
            stream: Some(stream),
            reader: None,
            writer: None,
            kept: Vec::new(),
        })));
        self.lock().insert(id, Arc::clone(&socket));
        let registry = Arc::clone(self);
        Connection { entry: Entry { id, socket, registry }, peer }
    }

    /// Returns the result of a stop that began at `begin` and has proved all addresses free.
    pub(crate) fn released(&self, addresses: Vec<SocketAddr>, begin: Instant) -> Released {
        Released {
            addresses,
            connections_closed: self.ended.ordered.load(Ordering::Relaxed),
            connections_aborted: self.ended.reset.load(Ordering::Relaxed),
            elapsed: begin.elapsed(),
        }
    }

    /// Resets every connection. None is open when this returns.
    pub(crate) fn abort_all(&self) {
        let open: Vec<_> = {
            let open = self.lock();
            open.iter().map(|(id, socket)| (*id, Arc::clone(socket))).collect()
        };
        for (id, socket) in open {
            let ending = socket.abort();
            self.remove(id, ending);
        }
    }

    /// Completes when no connection is open.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified(); // before the check, so that none is missed
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Removes a connection after its socket was closed.
    fn remove(&self, id: u64, ending: Option<Ending>) {
        if self.stopping.is_cancelled() {
            let count = match ending {
                Some(Ending::Ordered) => Some(&self.ended.ordered),
                Some(Ending::Reset) => Some(&self.ended.reset),
                None => None, // already closed and counted
            };
            count.map(|count| count.fetch_add(1, Ordering::Relaxed));
        }
        let mut open = self.lock();
        open.remove(&id);
        if open.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Socket>>> {
        self.open.lock()
    }
}
