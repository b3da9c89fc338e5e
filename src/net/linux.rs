//! What Linux alone offers for closing a connection without leaving anything behind.
//!
//! `portable.rs` has the same functions for other systems.
#![allow(unsafe_code)]

use std::{io, net::Shutdown, os::fd::AsRawFd, time::Duration};

use socket2::{SockFilter, SockRef, Socket};
use tokio::net::TcpStream;

/// A classic BPF program of the one instruction "return 0": no byte of a segment is accepted.
const DROP_EVERYTHING: [SockFilter; 1] = [SockFilter::new(
    (libc::BPF_RET | libc::BPF_K) as u16,
    0,
    0,
    0,
)];

/// Sets on a socket that will listen what its connections inherit.
///
/// With a negative `TCP_LINGER2` a closed connection that waits for the peer's FIN is dropped at once (tcp(7)). It
/// is the second line of defence: for a process that is killed, and where [`close`] may not attach its filter.
/// Exclusive use of the port needs nothing here: it is what Linux does without `SO_REUSEADDR`.
pub(super) fn prepare(socket: &Socket) -> io::Result<()> {
    let at_once: libc::c_int = -1;
    // SAFETY: the descriptor is open as long as `socket` is borrowed, and the option reads exactly the bytes of the
    // `c_int` that the pointer and the length describe.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_LINGER2,
            (&raw const at_once).cast(),
            size_of_val(&at_once) as libc::socklen_t,
        )
    };
    checked(result)
}

/// Bytes that were written and that the peer's kernel has not acknowledged. Closing earlier would lose them.
pub(super) fn outstanding(stream: &TcpStream) -> usize {
    if stream.peer_addr().is_err() {
        return 0; // not connected any more: what the kernel would answer means nothing
    }
    queued(stream, libc::TIOCOUTQ) // the same number as SIOCOUTQ
}

/// Bytes that have arrived and were not read.
pub(super) fn unread(stream: &TcpStream) -> usize {
    queued(stream, libc::FIONREAD)
}

fn queued(stream: &TcpStream, request: libc::Ioctl) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as `stream` is borrowed; both requests that get here write one `c_int`.
    let result = unsafe { libc::ioctl(stream.as_raw_fd(), request, &raw mut bytes) };
    if result == 0 {
        usize::try_from(bytes).unwrap_or(0)
    } else {
        0
    }
}

/// Ends a connection that has nothing outstanding: the peer reads everything, then the end of the stream.
///
/// From the filter on the socket is deaf. So the peer's FIN cannot cross ours, and no path leads to `TIME_WAIT`:
/// the peer receives our FIN, and after it the reset of a close that does not linger. Where the filter is refused,
/// the plain close sends the FIN and `TCP_LINGER2` does the rest, except when both FINs cross.
pub(super) fn close(stream: TcpStream) {
    let socket = SockRef::from(&stream);
    if socket.attach_filter(&DROP_EVERYTHING).is_ok() {
        // Neither can be acted upon if it fails, and it fails only where the connection is gone already.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(Shutdown::Write);
    }
}

/// Resets a connection: unsent bytes are dropped, and its port is free when this returns, even if another process
/// has inherited the descriptor.
pub(super) fn abort(stream: TcpStream) {
    // SAFETY: all bytes zero is a valid `sockaddr`, a struct of integers.
    let mut nowhere: libc::sockaddr = unsafe { std::mem::zeroed() };
    nowhere.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
    // SAFETY: the descriptor is open as long as `stream` lives; the pointer and the length describe `nowhere`,
    // which outlives the call. AF_UNSPEC disconnects a socket (connect(2)).
    let result = unsafe {
        libc::connect(
            stream.as_raw_fd(),
            &raw const nowhere,
            size_of_val(&nowhere) as libc::socklen_t,
        )
    };
    if checked(result).is_err() {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO)); // then the close below resets
    }
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
