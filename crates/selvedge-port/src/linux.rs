//! Linux-only ways to close a connection without leaving anything behind.
//!
//! `portable.rs` has the same functions for other systems.
#![allow(unsafe_code)]

use std::{io, net::Shutdown, os::fd::AsRawFd, time::Duration};

use socket2::{SockFilter, SockRef, Socket};
use tokio::net::TcpStream;

/// A classic BPF program with the one instruction "return 0": no byte of a segment is accepted.
const DROP_EVERYTHING: [SockFilter; 1] =
    [SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0)];

/// Sets options on a socket that will listen, which its connections inherit.
///
/// With a negative `TCP_LINGER2` a closed connection that waits for the peer's FIN is dropped at
/// once (tcp(7)). This is the second line of defence: for a process that is killed, and for a
/// [`close`] that cannot attach its filter. Exclusive use of the port needs nothing here: it is
/// what Linux does without `SO_REUSEADDR`.
pub(crate) fn prepare(socket: &Socket) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_LINGER2, -1)
}

fn set_option(
    socket: &impl AsRawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as its owner `socket` is borrowed, and the pointer and
    // the length describe `value`, of which no more is read.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    })
}

/// Returns the bytes that were written but not acknowledged by the peer's kernel. Closing earlier
/// would lose them.
pub(crate) fn outstanding(stream: &TcpStream) -> usize {
    if stream.peer_addr().is_err() {
        return 0; // no longer connected: the kernel's answer would mean nothing
    }
    queued(stream, libc::TIOCOUTQ) // the same number as SIOCOUTQ
}

/// Returns the bytes that were written but not acknowledged by the peer's kernel.
pub(crate) fn unacknowledged(stream: &TcpStream) -> usize {
    outstanding(stream)
}

/// Returns the bytes that have arrived but were not read.
pub(crate) fn unread(stream: &TcpStream) -> usize {
    queued(stream, libc::FIONREAD)
}

fn queued(stream: &TcpStream, request: libc::Ioctl) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as `stream` is borrowed; both requests that get here
    // write one `c_int`.
    let result = unsafe { libc::ioctl(stream.as_raw_fd(), request, &raw mut bytes) };
    if result == 0 { usize::try_from(bytes).unwrap_or(0) } else { 0 }
}

/// Closes a connection that has nothing outstanding: the peer reads everything, then the end of the
/// stream.
///
/// Once the filter is attached, the socket is deaf. So the peer's FIN cannot cross ours, and no
/// path leads to `TIME_WAIT`: the peer receives our FIN, then the reset of a close that does not
/// linger. If the filter is refused, the plain close sends the FIN and `TCP_LINGER2` does the rest,
/// except when both FINs cross.
pub(crate) fn close(stream: TcpStream) {
    let socket = SockRef::from(&stream);
    if socket.attach_filter(&DROP_EVERYTHING).is_ok() {
        // Both fail only if the connection is already gone, so errors are ignored.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(Shutdown::Write);
    }
}

/// Resets a connection: unsent bytes are dropped. Its port is free when this returns, even if
/// another process has inherited the descriptor.
pub(crate) fn abort(stream: TcpStream) {
    // SAFETY: all bytes zero is a valid `sockaddr`, a struct of integers.
    let mut nowhere: libc::sockaddr = unsafe { std::mem::zeroed() };
    nowhere.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
    // SAFETY: the descriptor is open as long as `stream` lives; the pointer and the length describe
    // `nowhere`, which outlives the call. AF_UNSPEC disconnects a socket (connect(2)).
    let result = unsafe {
        libc::connect(
            stream.as_raw_fd(),
            &raw const nowhere,
            size_of_val(&nowhere) as libc::socklen_t,
        )
    };
    if checked(result).is_err() {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO)); // the drop then resets
    }
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;
    use crate::{
        listener::{Listener, listen_exclusively},
        probe::until_free,
    };

    /// Returns a client, the server's side of its connection, and the port's address, which has no
    /// listener any more.
    async fn connected() -> (TcpStream, TcpStream, SocketAddr) {
        let mut listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let address = listener.addresses()[0];
        let client = TcpStream::connect(address).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        (client, accepted, address)
    }

    #[tokio::test]
    async fn a_close_ends_the_stream_in_order_and_frees_the_port() {
        let (mut client, mut accepted, address) = connected().await;
        accepted.write_all(b"last words").await.unwrap();
        while outstanding(&accepted) > 0 {
            tokio::task::yield_now().await;
        }
        close(accepted);
        listen_exclusively(address).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"last words");
    }

    #[tokio::test]
    async fn a_close_frees_the_port_even_if_socket_filters_are_refused() {
        let (mut client, accepted, address) = connected().await;
        set_option(&accepted, libc::SOL_SOCKET, libc::SO_LOCK_FILTER, 1).unwrap();
        assert!(SockRef::from(&accepted).attach_filter(&DROP_EVERYTHING).is_err());
        close(accepted);
        // The peer's acknowledgement of the FIN may take some milliseconds.
        let soon = Duration::from_secs(5);
        until_free(&[address], Instant::now(), soon).await.unwrap();
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn closes_from_both_sides_at_once_leave_nothing_behind() {
        let mut listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let address = listener.addresses()[0];
        for _ in 0..200 {
            let client = TcpStream::connect(address).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            let gate = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    gate.wait();
                    drop(client);
                });
                gate.wait();
                close(accepted);
            });
        }
        drop(listener);
        listen_exclusively(address).unwrap();
    }

    #[tokio::test]
    async fn an_abort_frees_the_port_even_while_another_descriptor_is_open() {
        let (mut client, mut accepted, address) = connected().await;
        accepted.write_all(&[0; 1 << 16]).await.unwrap();
        let inherited = SockRef::from(&accepted).try_clone().unwrap();
        abort(accepted);
        listen_exclusively(address).unwrap();
        let error = client.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        drop(inherited);
    }

    #[tokio::test]
    async fn bytes_are_counted_in_both_directions() {
        let (mut client, accepted, _) = connected().await;
        assert_eq!((unread(&accepted), outstanding(&accepted)), (0, 0));
        client.write_all(b"12345").await.unwrap();
        accepted.readable().await.unwrap();
        assert_eq!(unread(&accepted), 5);
        while accepted.try_write(&[0; 1 << 16]).is_ok() {}
        assert!(outstanding(&accepted) > 0, "the client does not read");
    }
}
