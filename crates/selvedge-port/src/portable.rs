//! Closing a connection on systems without a receive filter: macOS, the BSDs, Windows.
//!
//! The functions are those of `linux.rs`. They follow the documentation of these systems and were
//! not measured there.

use std::{io, mem::MaybeUninit, net::Shutdown, time::Duration};

use socket2::{SockRef, Socket};
use tokio::net::TcpStream;

/// Makes the port exclusive to a socket that will be bound.
///
/// Except on Windows, a socket without `SO_REUSEADDR` is exclusive already.
#[cfg(not(windows))]
pub(crate) fn prepare(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// Makes the port exclusive to a socket that will be bound.
///
/// Without `SO_EXCLUSIVEADDRUSE` another program could bind the same address with `SO_REUSEADDR`
/// and receive the connections ("Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE", Winsock
/// documentation).
#[cfg(windows)]
#[allow(unsafe_code)]
pub(crate) fn prepare(socket: &Socket) -> io::Result<()> {
    use std::{ffi::c_int, os::windows::io::AsRawSocket};

    const SOL_SOCKET: c_int = 0xffff;
    const SO_EXCLUSIVEADDRUSE: c_int = !4; // ~SO_REUSEADDR, winsock2.h

    #[link(name = "ws2_32")]
    unsafe extern "system" {
        fn setsockopt(
            socket: usize,
            level: c_int,
            option: c_int,
            value: *const u8,
            length: c_int,
        ) -> c_int;
    }

    let yes: c_int = 1;
    // SAFETY: the declaration above is that of winsock2.h, where SOCKET is an unsigned integer of
    // pointer size; the handle is open as long as `socket` is borrowed, and the pointer and the
    // length describe `yes`.
    let result = unsafe {
        setsockopt(
            socket.as_raw_socket() as usize,
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            (&raw const yes).cast(),
            size_of_val(&yes) as c_int,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns the bytes in the send buffer, which the peer's kernel has not acknowledged. Closing
/// earlier would lose them.
#[cfg(target_vendor = "apple")]
#[allow(unsafe_code)]
pub(crate) fn outstanding(stream: &TcpStream) -> usize {
    use std::os::fd::AsRawFd;

    let mut bytes: libc::c_int = 0;
    let mut length = size_of_val(&bytes) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `stream` is borrowed; the option writes one
    // `c_int`, which is what the pointer and the length describe.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NWRITE,
            (&raw mut bytes).cast(),
            &raw mut length,
        )
    };
    if result == 0 && stream.peer_addr().is_ok() { usize::try_from(bytes).unwrap_or(0) } else { 0 }
}

/// Returns 1 until the peer has ended its side, then 0.
///
/// The kernel does not report unacknowledged bytes. So this ends this side of the stream, and
/// discards what arrives until the peer ends its side as well, which it does after it has read
/// everything.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn outstanding(stream: &TcpStream) -> usize {
    let socket = SockRef::from(stream);
    let _ = socket.shutdown(Shutdown::Write); // fails if the connection is gone
    let mut discarded = [MaybeUninit::uninit(); 4096];
    loop {
        match socket.recv(&mut discarded) {
            Ok(0) => return 0,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 1,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
}

/// Returns the bytes that were written but not acknowledged by the peer's kernel; 0 if the kernel
/// does not report them.
#[cfg_attr(target_os = "linux", allow(dead_code))] // built on Linux for tests only
pub(crate) fn unacknowledged(stream: &TcpStream) -> usize {
    if cfg!(target_vendor = "apple") { outstanding(stream) } else { 0 }
}

/// Returns the bytes that have arrived but were not read, counted up to 4096.
pub(crate) fn unread(stream: &TcpStream) -> usize {
    let mut seen = [MaybeUninit::uninit(); 4096];
    SockRef::from(stream).peek(&mut seen).unwrap_or(0)
}

/// Closes a connection that has nothing outstanding: the peer reads the end of the stream, then the
/// socket is reset.
pub(crate) fn close(stream: TcpStream) {
    let socket = SockRef::from(&stream);
    // Both fail only if the connection is already gone, so errors are ignored.
    let _ = socket.set_linger(Some(Duration::ZERO));
    let _ = socket.shutdown(Shutdown::Write);
}

/// Resets a connection: unsent bytes are dropped.
pub(crate) fn abort(stream: TcpStream) {
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        (client, accepted)
    }

    #[tokio::test]
    async fn a_prepared_socket_can_be_bound() {
        let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        prepare(&socket).unwrap();
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
    }

    #[cfg(not(target_vendor = "apple"))]
    #[tokio::test]
    async fn a_connection_is_outstanding_until_its_peer_has_read_everything_and_ended() {
        let (mut client, mut accepted) = connected().await;
        accepted.write_all(b"last words").await.unwrap();
        client.write_all(b"not read").await.unwrap();
        assert_eq!(outstanding(&accepted), 1);

        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"last words");
        assert_eq!(outstanding(&accepted), 1);

        drop(client);
        accepted.readable().await.unwrap();
        while outstanding(&accepted) > 0 {
            tokio::task::yield_now().await;
        }
        close(accepted);
    }

    #[tokio::test]
    async fn a_close_ends_the_stream_after_what_was_read() {
        let (mut client, mut accepted) = connected().await;
        accepted.write_all(b"x").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'x');
        close(accepted);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_abort_resets() {
        let (mut client, accepted) = connected().await;
        abort(accepted);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn unread_bytes_are_counted() {
        let (mut client, accepted) = connected().await;
        assert_eq!(unread(&accepted), 0);
        client.write_all(b"12345").await.unwrap();
        accepted.readable().await.unwrap();
        assert_eq!(unread(&accepted), 5);
    }
}
