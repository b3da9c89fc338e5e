//! Proves that a port is free by binding it as a server would.
//!
//! A probe is strict. With `SO_REUSEADDR` it could succeed where a server fails, and on another
//! address than the server's it proves nothing.

use std::{io, net::SocketAddr, time::Duration};

use tokio::time::Instant;

use super::{
    holder,
    listener::{Failed, is_family_missing, listen_exclusively},
    resolve::resolve,
};
use crate::error::{Error, Result};

/// Pauses between two probes of an address that is not free yet: the first and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Returns whether a server could listen on this port of `host` now.
///
/// `host` is what a server would be given: `localhost`, an IP address or a host name. Each of its
/// addresses is bound and released again, without `SO_REUSEADDR`. So a port with a connection in
/// `TIME_WAIT` is not free, although a server that sets this option could use it. Port 0 stands for
/// any port and is free as long as one of them is.
///
/// The answer holds for this moment only: to have a port, bind it and keep it.
///
/// # Errors
///
/// [`Error::Bind`] if this cannot be determined: the host is unknown or not of this machine, or the
/// port is not permitted.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge_port::Result<()> {
/// let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
/// let port = other.local_addr().expect("bound").port();
/// assert!(!selvedge_port::is_port_free("127.0.0.1", port).await?);
///
/// drop(other);
/// assert!(selvedge_port::is_port_free("127.0.0.1", port).await?);
/// # Ok(())
/// # }
/// ```
pub async fn is_port_free(host: &str, port: u16) -> Result<bool> {
    let addresses = resolve(host, port).await?;
    let busy = first_busy(&addresses).map_err(|failed| cannot_bind(host, port, failed.cause))?;
    Ok(busy.is_none())
}

/// Waits until a server could listen on this port of `host`, and returns how long that took.
///
/// [`is_port_free`] defines what counts as free. A port that is already free takes under a
/// millisecond.
///
/// # Errors
///
/// [`Error::NotReleased`] after `max_wait`, with the address and its holder; [`Error::Bind`] as
/// from [`is_port_free`].
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge_port::Result<()> {
/// use std::time::Duration;
///
/// let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
/// let port = other.local_addr().expect("bound").port();
/// let waited = selvedge_port::wait_port_free("127.0.0.1", port, Duration::from_millis(20)).await;
/// assert!(matches!(waited, Err(selvedge_port::Error::NotReleased { .. })));
///
/// drop(other);
/// selvedge_port::wait_port_free("127.0.0.1", port, Duration::from_secs(1)).await?;
/// # Ok(())
/// # }
/// ```
pub async fn wait_port_free(host: &str, port: u16, max_wait: Duration) -> Result<Duration> {
    let since = Instant::now();
    let addresses = resolve(host, port).await?;
    match until_free(&addresses, since, max_wait).await {
        Err(Error::Probe { cause, .. }) => Err(cannot_bind(host, port, cause)),
        proved => proved.map(|()| since.elapsed()),
    }
}

/// Waits until a server could listen on all of `addresses`, at most until `limit` after `since`.
/// Always probes at least once.
///
/// # Errors
///
/// [`Error::NotReleased`] naming the holder, or [`Error::Probe`] if the system refuses for a
/// reason other than an address in use: at once if waiting cannot help, otherwise, as for a lack of
/// descriptors, at the limit.
pub(crate) async fn until_free(
    addresses: &[SocketAddr],
    since: Instant,
    limit: Duration,
) -> Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        let busy = first_busy(addresses);
        let waited = since.elapsed();
        match busy {
            Ok(None) => return Ok(()),
            Ok(Some(address)) if waited >= limit => {
                return Err(Error::NotReleased {
                    address,
                    waited,
                    holder: holder::of(address).await,
                });
            }
            Err(Failed { address, cause }) if waited >= limit || is_permanent(&cause) => {
                return Err(Error::Probe { address, cause });
            }
            _ => {}
        }
        tokio::time::sleep(pause.min(limit - waited)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns the first of `addresses` that is in use, by binding and releasing each. Addresses of a
/// family that this machine does not support cannot be in use; it is an error if there are no
/// others.
fn first_busy(addresses: &[SocketAddr]) -> Result<Option<SocketAddr>, Failed> {
    let mut missing = Ok(None);
    let mut bound = false;
    for &address in addresses {
        match listen_exclusively(address) {
            Ok(_closed_at_once) => bound = true,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(Some(address)),
            Err(cause) if is_family_missing(address, &cause) => {
                missing = Err(Failed { address, cause });
            }
            Err(cause) => return Err(Failed { address, cause }),
        }
    }
    if bound { Ok(None) } else { missing }
}

fn is_permanent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::InvalidInput
    )
}

fn cannot_bind(host: &str, port: u16, cause: io::Error) -> Error {
    Error::Bind { host: host.to_owned(), port, cause }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::error::Holder;

    const SHORT: Duration = Duration::from_millis(30);

    #[tokio::test]
    async fn a_listener_is_seen_from_its_address_and_from_the_wildcard() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
            assert!(!is_port_free(host, port).await.unwrap(), "{host}");
        }
        drop(other);
        for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
            assert!(is_port_free(host, port).await.unwrap(), "{host}");
        }
    }

    #[tokio::test]
    async fn waiting_ends_when_the_port_becomes_free() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let waiting = wait_port_free("127.0.0.1", port, Duration::from_secs(20));
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(SHORT, &mut waiting).await.is_err());
        drop(other);
        assert!(waiting.await.unwrap() >= SHORT);
    }

    #[tokio::test]
    async fn a_wait_that_times_out_names_the_holder() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let bound = other.local_addr().unwrap();
        let error = wait_port_free("127.0.0.1", bound.port(), SHORT).await.unwrap_err();
        let Error::NotReleased { address, waited, holder: Holder::Process { pid, .. } } = error
        else {
            panic!("{error}");
        };
        assert_eq!((address, pid), (bound, std::process::id()));
        assert!(waited >= SHORT);
    }

    /// The problem that this module solves: a server that closes first cannot be restarted for a
    /// minute.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_server_that_closes_first_leaves_a_port_in_time_wait() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let (accepted, _) = server.accept().unwrap();
        drop(accepted);
        drop(client);
        drop(server);
        let error = wait_port_free("127.0.0.1", address.port(), SHORT).await.unwrap_err();
        let Error::NotReleased { holder, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(holder, Holder::Sockets(vec![("TIME_WAIT".into(), 1)]));
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_an_error_at_once() {
        let since = Instant::now();
        let error = wait_port_free("192.0.2.1", 0, Duration::from_secs(20)).await.unwrap_err();
        assert!(matches!(error, Error::Bind { .. }), "{error}");
        assert!(since.elapsed() < Duration::from_secs(10));
    }
}
