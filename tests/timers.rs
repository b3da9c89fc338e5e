//! Tests functions that run at intervals.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use selvedge::{Ctx, Failure, Server};
use tokio::sync::mpsc;

use crate::support::{Client, start};

#[tokio::test]
async fn a_timer_ticks_in_each_run_until_it_is_stopped() {
    let server = Server::new("timers");
    server.state().set("ticks", 0);
    let (tick, mut ticks) = mpsc::unbounded_channel();
    let timer = server.every(Duration::from_millis(1), move |cx: Ctx| {
        tick.send(())?;
        cx.state().update("ticks", |ticks: &mut u32| *ticks += 1)?;
        // Reported, and no reason to stop.
        Err::<(), _>(Failure::msg("on purpose"))
    });
    for _ in 0..2 {
        let running = start(&server).await;
        let mut client = Client::connect(&running).await;
        let before = client.snapshot().await["ticks"].as_u64().unwrap();
        while client.pushed().await["ticks"].as_u64().unwrap() < before + 3 {}
        running.stop().await.unwrap();
        while ticks.try_recv().is_ok() {}
        assert!(ticks.is_empty(), "no tick after the stop");
    }
    timer.stop();
    let running = start(&server).await;
    let later = server.every(Duration::from_millis(5), |_: Ctx| ());
    assert!(ticks.is_empty(), "stopped for good");
    later.stop();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_slow_function_never_runs_twice_at_once() {
    let server = Server::new("timers");
    let running = start(&server).await;
    let (at_once, (seen, mut most)) = (Arc::new(AtomicUsize::new(0)), mpsc::unbounded_channel());
    server.every(Duration::from_millis(1), move |_: Ctx| {
        let (at_once, seen) = (Arc::clone(&at_once), seen.clone());
        async move {
            let before = at_once.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            let _ = seen.send(before);
        }
    });
    for _ in 0..3 {
        assert_eq!(most.recv().await, Some(0));
    }
    running.stop().await.unwrap();
}
