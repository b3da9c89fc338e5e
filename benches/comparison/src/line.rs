//! A slow line: carries the bytes of TCP connections with limited speed and a delay.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc::{self, Sender},
    time::{Instant, sleep_until},
};

/// Bytes per second in each direction: 10 Mbit/s.
const SPEED: f64 = 10e6 / 8.0;

/// Half of the time that an answer takes.
const DELAY: Duration = Duration::from_millis(20);

/// Maximum number of packets that wait to be sent, as in a router.
const PACKETS: usize = 256;

/// Size of a packet in bytes.
const PACKET: usize = 1448;

/// The near end of a line to a server.
pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl Line {
    /// Opens a line, which leads to a server later: that may have to know the address.
    pub(crate) async fn open() -> io::Result<Line> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Line { address: listener.local_addr()?, listener })
    }

    /// Carries the next connection to a server, until either end closes.
    pub(crate) async fn carry(&self, server: SocketAddr) -> io::Result<()> {
        let (near, _) = self.listener.accept().await?;
        let far = TcpStream::connect(server).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let ((up, to_near), (down, to_far)) = (near.into_split(), far.into_split());
        carry(up, to_far);
        carry(down, to_near);
        Ok(())
    }
}

/// Carries bytes in one direction, until either end closes.
fn carry(from: OwnedReadHalf, to: OwnedWriteHalf) {
    let (packets, arriving) = mpsc::channel(PACKETS);
    tokio::spawn(send(from, packets));
    tokio::spawn(deliver(arriving, to));
}

/// Takes bytes in packets, each when the line is free, and says when it arrives.
async fn send(mut from: OwnedReadHalf, packets: Sender<(Instant, Bytes)>) {
    let mut free = Instant::now();
    loop {
        let mut packet = BytesMut::with_capacity(PACKET);
        if !matches!(from.read_buf(&mut packet).await, Ok(1..)) {
            return;
        }
        let taken = Duration::from_secs_f64(packet.len() as f64 / SPEED);
        free = free.max(Instant::now()) + taken;
        if packets.send((free + DELAY, packet.freeze())).await.is_err() {
            return;
        }
    }
}

async fn deliver(mut arriving: mpsc::Receiver<(Instant, Bytes)>, mut to: OwnedWriteHalf) {
    while let Some((at, packet)) = arriving.recv().await {
        sleep_until(at).await;
        if to.write_all(&packet).await.is_err() {
            return;
        }
    }
}
