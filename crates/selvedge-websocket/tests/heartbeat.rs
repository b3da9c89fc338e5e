//! Peers that read slowly are alive, and peers that do not read are not.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use selvedge_websocket::{
    Role,
    frames::{Delivery, Heartbeat, Opcode, split},
};
use tokio::{
    io::{AsyncReadExt, duplex},
    time::{Instant, sleep},
};

const INTERVAL: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_a_large_message_slowly_is_alive_until_it_stops() {
    let (here, mut there) = duplex(64);
    let delivery = Delivery::new(None);
    let heartbeat = Heartbeat::new(Some(INTERVAL), Arc::clone(&delivery));
    let (_reader, mut writer) = split(here, BytesMut::new(), Role::Server, 1 << 20, delivery);
    let begin = Instant::now();
    let reading = async {
        for _ in 0..50 {
            there.read_exact(&mut [0; 64]).await.unwrap();
            sleep(Duration::from_secs(2)).await;
        }
        std::future::pending().await
    };
    let large = vec![0; 1 << 20].into();
    tokio::select! {
        () = heartbeat.lost() => {}
        written = writer.feed(Opcode::Binary, &large) => written.unwrap(),
        () = reading => {}
    }
    let lived = begin.elapsed().as_secs();
    assert!((100..=130).contains(&lived), "{lived}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_kernel_takes_the_last_bytes_is_alive() {
    let begin = Instant::now();
    let unacknowledged = move || 1000_usize.saturating_sub(begin.elapsed().as_secs() as usize * 10);
    let delivery = Delivery::new(Some(Arc::new(unacknowledged)));
    Heartbeat::new(Some(INTERVAL), delivery).lost().await;
    let lived = begin.elapsed().as_secs();
    assert!((100..=130).contains(&lived), "{lived}");
}

#[tokio::test(start_paused = true)]
async fn an_interval_that_never_ends_is_no_fault() {
    let heartbeat = Heartbeat::new(Some(Duration::MAX), Delivery::new(None));
    assert!(tokio::time::timeout(1000 * INTERVAL, heartbeat.lost()).await.is_err());
}
