//! Peers that read slowly are alive, and peers that do not read are not.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use selvedge_websocket::{
    Role,
    frames::{Heartbeat, Opcode, Traffic, split},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::{Instant, sleep},
};

const INTERVAL: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_a_large_message_slowly_is_alive_until_it_stops() {
    let (here, mut there) = duplex(64);
    let traffic = Traffic::new(None);
    let heartbeat = Heartbeat::new(Some(INTERVAL), Arc::clone(&traffic));
    let (_reader, mut writer) = split(here, BytesMut::new(), Role::Server, 1 << 20, traffic);
    let begin = Instant::now();
    let reading = async {
        for _ in 0..50 {
            there.read_exact(&mut [0; 64]).await.unwrap();
            sleep(Duration::from_secs(2)).await;
        }
        std::future::pending().await
    };
    let large = [Bytes::from(vec![0; 1 << 20])];
    tokio::select! {
        () = heartbeat.lost(|| ()) => {}
        written = writer.feed(Opcode::Binary, &large) => written.unwrap(),
        () = reading => {}
    }
    let lived = begin.elapsed().as_secs();
    assert!((100..=130).contains(&lived), "{lived}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_a_large_message_slowly_is_alive_until_it_stops() {
    let (here, mut there) = duplex(64);
    let traffic = Traffic::new(None);
    let heartbeat = Heartbeat::new(Some(INTERVAL), Arc::clone(&traffic));
    let (mut reader, _writer) = split(here, BytesMut::new(), Role::Client, 1 << 20, traffic);
    let begin = Instant::now();
    let sending = async {
        there.write_all(&[0x82, 126, 0xff, 0xff]).await.unwrap();
        for _ in 0..50 {
            there.write_all(&[0; 64]).await.unwrap();
            sleep(Duration::from_secs(2)).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = heartbeat.lost(|| ()) => {}
        event = reader.next() => panic!("{event:?}"),
        () = sending => {}
    }
    let lived = begin.elapsed().as_secs();
    assert!((100..=130).contains(&lived), "{lived}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_kernel_takes_the_last_bytes_is_alive() {
    let begin = Instant::now();
    let unacknowledged = move || 1000_usize.saturating_sub(begin.elapsed().as_secs() as usize * 10);
    let traffic = Traffic::new(Some(Arc::new(unacknowledged)));
    Heartbeat::new(Some(INTERVAL), traffic).lost(|| ()).await;
    let lived = begin.elapsed().as_secs();
    assert!((100..=130).contains(&lived), "{lived}");
}

#[tokio::test(start_paused = true)]
async fn an_interval_that_never_ends_is_no_fault() {
    let heartbeat = Heartbeat::new(Some(Duration::MAX), Traffic::new(None));
    assert!(tokio::time::timeout(1000 * INTERVAL, heartbeat.lost(|| ())).await.is_err());
}
