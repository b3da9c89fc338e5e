//! The exclusive bind.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use crate::error::{Error, Result};
use crate::{holder, platform, resolve::resolve};

/// Maximum number of connections that the kernel queues until they are accepted. Linux lowers it to
/// `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// Attempts to bind an automatic port: first with ports from portpicker, then as many with ports
/// from the system.
const ATTEMPTS: usize = 10;

/// Time for the connections of a program that was killed to end by themselves: a peer may take 40 ms
/// to acknowledge the last bytes.
const ORPHANS_END: Duration = Duration::from_millis(500);

/// Time between two attempts to bind while such connections end.
const ORPHANS_STEP: Duration = Duration::from_millis(10);

/// The addresses of one server, bound exclusively and listening, all on one port.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    /// Index of the socket that is polled first for the next connection, so that a busy socket does
    /// not starve the others.
    next: usize,
}

impl Listener {
    /// Binds every address of `host` on one port and listens.
    ///
    /// `host` is `localhost`, an IP address, or a host name. IPv6 addresses are left out on a
    /// machine without IPv6. `::` is every address of the machine, IPv4 included.
    ///
    /// With port 0 any free port is taken: portpicker proposes one, and this bind decides and keeps
    /// it. If another process takes a proposed port first, the next one is tried.
    ///
    /// A port that no visible process holds is waited for up to half a second: what the connections
    /// of a program that was killed had still to send is then acknowledged.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] naming the holder if an address is in use, [`Error::Bind`] if the host
    /// is unknown or not of this machine, or the port is not permitted.
    pub async fn bind(host: &str, port: u16) -> Result<Listener> {
        let addresses = resolve(host, port).await?;
        let bound = match port {
            0 => bind_any(&addresses).await,
            _ => bind_after_orphans(&addresses).await?,
        };
        let listener = match bound {
            Ok(sockets) => Listener::register(sockets),
            Err(failed) => Err(failed.cause),
        };
        listener.map_err(|cause| Error::Bind { host: host.to_owned(), port, cause })
    }

    fn register(sockets: Vec<Socket>) -> io::Result<Listener> {
        let mut listener = Listener {
            sockets: Vec::with_capacity(sockets.len()),
            addresses: Vec::with_capacity(sockets.len()),
            next: 0,
        };
        for socket in sockets {
            socket.set_nonblocking(true)?;
            let socket = TcpListener::from_std(socket.into())?;
            listener.addresses.push(socket.local_addr()?);
            listener.sockets.push(socket);
        }
        Ok(listener)
    }

    /// Returns the bound addresses; at least one.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the port of all addresses; never 0.
    pub fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    /// Waits for the next connection to any of the addresses. Cancellation loses no connection.
    pub(crate) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        for _ in 0..self.sockets.len() {
            let socket = &self.sockets[self.next];
            self.next = (self.next + 1) % self.sockets.len();
            if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }

    /// Stops listening, and returns the connections that the kernel had already accepted.
    ///
    /// This asks the sockets themselves, because tokio's view of them may lag behind. It takes at
    /// most one backlog for each address, so that peers which connect at the same time cannot keep
    /// it going.
    pub(crate) fn close(self) -> Vec<(TcpStream, SocketAddr)> {
        let mut accepted = Vec::new();
        for socket in self.sockets {
            let Ok(socket) = socket.into_std() else {
                continue;
            };
            let waiting = std::iter::from_fn(|| socket.accept().ok()).take(BACKLOG as usize);
            accepted.extend(waiting.filter_map(|(stream, peer)| {
                stream.set_nonblocking(true).ok()?;
                Some((TcpStream::from_std(stream).ok()?, peer))
            }));
        }
        accepted
    }
}

/// Binds all addresses, once the connections have ended that a killed program left behind.
///
/// # Errors
/// [`Error::Busy`] if an address stays in use.
async fn bind_after_orphans(addresses: &[SocketAddr]) -> Result<Result<Vec<Socket>, Failed>> {
    let begin = Instant::now();
    loop {
        let address = match bind_all(addresses) {
            Err(failed) if failed.cause.kind() == io::ErrorKind::AddrInUse => failed.address,
            bound => return Ok(bound),
        };
        let holder = holder::of(address).await;
        if !holder.may_end_soon() || begin.elapsed() > ORPHANS_END {
            return Err(Error::Busy { address, holder });
        }
        sleep(ORPHANS_STEP).await;
    }
}

/// An address that could not be bound.
pub(crate) struct Failed {
    pub(crate) address: SocketAddr,
    pub(crate) cause: io::Error,
}

/// Opens a listening socket that is exclusive, without `SO_REUSEADDR`, and not inherited by child
/// processes.
///
/// IPv6 sockets accept IPv6 only.
pub(crate) fn listen_exclusively(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    platform::prepare(&socket)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Returns whether `error` means that this machine does not support the family of `address`.
pub(crate) fn is_family_missing(address: SocketAddr, error: &io::Error) -> bool {
    let unsupported = error.raw_os_error().is_some_and(|code| code == UNSUPPORTED_FAMILY);
    unsupported || (address.is_ipv6() && error.kind() == io::ErrorKind::AddrNotAvailable)
}

#[cfg(unix)]
const UNSUPPORTED_FAMILY: i32 = libc::EAFNOSUPPORT;
#[cfg(windows)]
const UNSUPPORTED_FAMILY: i32 = 10047; // WSAEAFNOSUPPORT

/// Binds each address, all on one port: port 0 becomes the one that the system chooses for the
/// first address.
fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<Socket>, Failed> {
    let mut sockets = Vec::with_capacity(addresses.len());
    let mut port = None;
    let mut missing = None;
    for &(mut address) in addresses {
        address.set_port(port.unwrap_or(address.port()));
        match listen_exclusively(address).and_then(|socket| Ok((local_port(&socket)?, socket))) {
            Ok((bound, socket)) => {
                port = Some(bound);
                sockets.push(socket);
            }
            Err(cause) if is_family_missing(address, &cause) => {
                missing = Some(Failed { address, cause });
            }
            Err(cause) => return Err(Failed { address, cause }),
        }
    }
    match missing {
        Some(failed) if sockets.is_empty() => Err(failed),
        _ => Ok(sockets),
    }
}

fn local_port(socket: &Socket) -> io::Result<u16> {
    let address = socket.local_addr()?.as_socket();
    Ok(address.map_or(0, |address| address.port()))
}

/// Binds each address on a port that is free on all of them.
async fn bind_any(addresses: &[SocketAddr]) -> Result<Vec<Socket>, Failed> {
    for _ in 0..ATTEMPTS {
        let proposed = tokio::task::spawn_blocking(portpicker::pick_unused_port).await;
        let Ok(Some(port)) = proposed else { break };
        let proposed: Vec<_> = addresses
            .iter()
            .map(|address| {
                let mut address = *address;
                address.set_port(port);
                address
            })
            .collect();
        match bind_all(&proposed) {
            Err(failed) if is_race_lost(&failed.cause) => {}
            decided => return decided,
        }
    }
    let mut bound = bind_all(addresses);
    for _ in 1..ATTEMPTS {
        match &bound {
            Err(failed) if is_race_lost(&failed.cause) => bound = bind_all(addresses),
            _ => break,
        }
    }
    bound
}

/// Returns whether another port may succeed. Windows refuses its reserved ports as not permitted.
fn is_race_lost(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{ServeOptions, error::Holder, probe::is_port_free, serve};

    #[tokio::test]
    async fn every_address_of_localhost_is_bound_on_one_port() {
        let listener = Listener::bind("localhost", 0).await.unwrap();
        let loopbacks: Vec<SocketAddr> = resolve("localhost", listener.port())
            .await
            .unwrap()
            .into_iter()
            .filter(|loopback| {
                Socket::new(Domain::for_address(*loopback), Type::STREAM, None)
                    .and_then(|socket| socket.bind(&SocketAddr::new(loopback.ip(), 0).into()))
                    .is_ok()
            })
            .collect();
        assert_eq!(listener.addresses(), loopbacks);
    }

    #[tokio::test]
    async fn the_ipv6_wildcard_is_reached_over_ipv4_too() {
        let mut listener = Listener::bind("::", 0).await.unwrap();
        let client = TcpStream::connect(("127.0.0.1", listener.port())).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn a_taken_port_is_refused_with_the_pid_of_its_holder() {
        let first = Listener::bind("127.0.0.1", 0).await.unwrap();
        for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
            let error = Listener::bind(host, first.port()).await.unwrap_err();
            let Error::Busy { address, holder: Holder::Process { pid, program } } = error else {
                panic!("{error}");
            };
            assert_eq!(address.port(), first.port());
            assert_eq!(pid, std::process::id());
            assert!(program.starts_with("this program itself"), "{program}");
        }
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        // TEST-NET-1 of RFC 5737, which no machine has.
        let error = Listener::bind("192.0.2.1", 0).await.unwrap_err();
        assert!(matches!(&error, Error::Bind { host, .. } if host == "192.0.2.1"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn automatic_ports_are_different_and_kept() {
        let binding: Vec<_> =
            (0..40).map(|_| tokio::spawn(Listener::bind("localhost", 0))).collect();
        let mut listeners = Vec::new();
        for bound in binding {
            listeners.push(bound.await.unwrap().unwrap());
        }
        let ports: HashSet<u16> = listeners.iter().map(Listener::port).collect();
        assert_eq!(ports.len(), 40);
        assert!(!ports.contains(&0));
        for port in ports {
            assert!(!is_port_free("localhost", port).await.unwrap());
        }
    }

    #[tokio::test]
    async fn what_the_kernel_has_accepted_is_returned_by_the_close() {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let client = TcpStream::connect(listener.addresses()[0]).await.unwrap();
        let accepted = listener.close();
        assert_eq!(accepted.len(), 1);
        assert_eq!(accepted[0].1, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn a_listener_that_stays_open_is_named_at_the_deadline() {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let bound = listener.addresses()[0];
        let _kept = socket2::SockRef::from(&listener.sockets[0]).try_clone().unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let options = ServeOptions::new().deadline(Duration::from_millis(30));
        let error = serve(listener, stop, options, |_| async {}).await.unwrap_err();
        let Error::NotReleased { address, holder: Holder::Process { pid, .. }, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((address, pid), (bound, std::process::id()));
    }
}
