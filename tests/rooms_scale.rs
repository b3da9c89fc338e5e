//! Shows what rooms cost: `cargo test -p selvedge --release --test integration rooms_scale -- --ignored --nocapture`

use std::{
    fs,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use selvedge::{
    Ctx, Running, Server,
    rooms::{Room, Rooms, Scope},
};
use serde_json::json;

use crate::support::{Client, SignedIn, open_path, options};

const ROOMS: usize = 1000;
const CLIENTS: usize = 5;
const BLOCKED: usize = 10;
/// Updates whose latency is measured.
const UPDATES: u32 = 2000;

#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

async fn program(gate: &Arc<Gate>) -> Running {
    let gate = Arc::clone(gate);
    let app = move |_: &Room| {
        let server = Server::new("scale");
        server.state().set("count", 0);
        let gate = Arc::clone(&gate);
        server.trigger("block", move |_: Ctx| {
            drop(gate.1.wait_while(gate.0.lock().unwrap(), |open| !*open).unwrap());
        });
        Ok(server)
    };
    let rooms = Rooms::new(app).scope(Scope::Named).limit(2 * ROOMS);
    rooms.server().unwrap().spawn(options()).await.unwrap()
}

/// Opens a room with its clients.
async fn room(running: &Running, browser: &SignedIn, name: usize) -> Vec<Client> {
    let answer = browser.launch_with(running, &[], json!({"room": name.to_string()})).await;
    let url = answer["sessionURL"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let path = &url[url.find("/ws").unwrap()..];
    let clients = (0..CLIENTS).map(async |_| {
        let socket = open_path(running.addresses()[0], path, &[]).await.unwrap();
        Client::hello_with(socket, answer["secret"].as_str().unwrap()).await
    });
    join_all(clients).await
}

/// Returns the median time for an update of one client to reach another one.
async fn latency(clients: &mut [Client]) -> Duration {
    let [sender, observer, ..] = clients else { unreachable!() };
    let mut times = Vec::new();
    for count in 1..=UPDATES {
        let begun = Instant::now();
        sender.set(json!({"count": count})).await.unwrap();
        observer.pushed().await;
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; shows what rooms cost"]
async fn a_thousand_rooms() {
    let gate = Arc::new(Gate::default());
    let running = program(&gate).await;
    let browser = SignedIn::at(&running, &[]).await;
    let mut first = room(&running, &browser, 0).await;
    let alone = latency(&mut first).await;
    let before = memory();
    for name in 1..=ROOMS {
        browser.launch_with(&running, &[], json!({"room": name.to_string()})).await;
    }
    let rooms = memory();
    println!("{:.1} KiB for each room", (rooms - before) / ROOMS as f64);
    let mut others = Vec::new();
    for name in 1..=ROOMS {
        others.push(room(&running, &browser, name).await);
    }
    let clients = (ROOMS * CLIENTS) as f64;
    println!("{:.1} KiB for each client, with the client itself", (memory() - rooms) / clients);
    let beside = latency(&mut first).await;
    let ratio = |time: Duration| time.as_secs_f64() / alone.as_secs_f64();
    println!("update alone {alone:?}, beside {ROOMS} rooms {beside:?}: {:.2}", ratio(beside));
    for clients in &mut others[..BLOCKED] {
        clients[0].send("trame.trigger", json!(["block", [], {}])).await;
    }
    let blocked = latency(&mut first).await;
    println!("update beside {BLOCKED} rooms that block {blocked:?}: {:.2}", ratio(blocked));
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    let begun = Instant::now();
    running.stop().await.unwrap();
    println!("all rooms ended in {:?}", begun.elapsed());
}
