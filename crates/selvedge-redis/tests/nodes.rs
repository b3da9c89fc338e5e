#![allow(clippy::unwrap_used)]
//! Tests rooms over several nodes, on a Redis server of their own.

#[allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::{process::Stdio, time::Duration};

use selvedge::{
    Ctx, Failure, Result, Running, Server,
    cluster::{Claim, Claimed, Engine, Node, Record, RecordedValue, StoreError},
    files::Upload,
    rooms::{Room, Rooms, Scope},
    values::Packed,
};
use serde_json::{Value, json};
use support::{Client, SignedIn, TIMEOUT, free_port, open_path, options, request, request_to};
use tokio::{
    process::{Child, Command},
    runtime::{self, Runtime},
    time::{sleep, timeout},
};

/// A Redis server that keeps its data in a folder and ends with the test.
struct Redis {
    port: u16,
    folder: tempfile::TempDir,
    server: Option<Child>,
}

impl Redis {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut redis = Redis { port: free_port(), folder, server: None };
        redis.begin().await;
        redis
    }

    async fn begin(&mut self) {
        let port = self.port.to_string();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "always", "--requirepass", "pass word"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server has to be installed");
        self.server = Some(server);
        let open = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TIMEOUT, open).await.unwrap();
    }

    async fn end(&mut self) {
        self.server.take().unwrap().kill().await.unwrap();
    }

    fn url(&self) -> String {
        format!("redis://:pass%20word@127.0.0.1:{}/", self.port)
    }

    async fn node(&self) -> Running {
        start(&self.url()).await
    }
}

fn app(room: &Room) -> Result<Server> {
    let server = Server::new("counter");
    let state = server.state();
    state.set("count", 0).set("note", "").set("place", room.name()).set("progress", 0);
    state.durable(&["count"]).transient(&["progress"]);
    server.trigger("add", |cx: Ctx, by: i64| -> Result<i64, Failure> {
        cx.state().update("count", |count: &mut i64| *count += by)?;
        Ok(cx.state().get("count")?)
    });
    server.trigger("storable", |cx: Ctx| -> Result<bool, Failure> {
        let count: i64 = cx.state().get("count")?;
        Ok(cx.state().try_set("count", count).is_ok())
    });
    server.on_upload("size", async |_: Ctx, mut file: Upload| {
        let mut size = 0;
        while let Some(piece) = file.chunk().await? {
            size += piece.len();
        }
        Ok(size)
    });
    Ok(server)
}

async fn start(url: &str) -> Running {
    let rooms = Rooms::new(app).scope(Scope::Named).cluster(selvedge_redis::engine());
    rooms.server().unwrap().spawn(options().redis(url)).await.unwrap()
}

/// The session of a page, which any node serves.
#[derive(Clone)]
struct Session {
    path: String,
    secret: String,
}

impl Session {
    async fn of(running: &Running, browser: &SignedIn, room: &str) -> Self {
        let answer = browser.launch_with(running, &[], json!({ "room": room })).await;
        let text =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let url = text("sessionURL");
        Session { path: url[url.find("/ws").unwrap()..].to_owned(), secret: text("secret") }
    }

    /// Connects through a node, which is asked again until it has the room.
    async fn client(&self, node: std::net::SocketAddr) -> Client {
        let connecting = async {
            loop {
                if let Ok(socket) = open_path(node, &self.path, &[]).await
                    && let Ok(client) = Client::try_hello(socket, &self.secret).await
                {
                    return client;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(TIMEOUT, connecting).await.expect("the room is somewhere")
    }
}

fn address(running: &Running) -> std::net::SocketAddr {
    running.addresses()[0]
}

/// A node that can be lost: its tasks end at once, and nothing is told to anyone.
struct Doomed {
    runtime: Runtime,
    running: Running,
}

impl Doomed {
    async fn start(redis: &Redis) -> Self {
        let runtime = runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let url = redis.url();
        let running = runtime.spawn(async move { start(&url).await }).await.unwrap();
        Doomed { runtime, running }
    }

    fn lose(self) {
        self.runtime.shutdown_background();
        std::mem::forget(self.running);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_show_one_room() {
    let redis = Redis::start().await;
    let (one, other) = (redis.node().await, redis.node().await);
    // Signed in at one node, a browser is known at the other.
    let browser = SignedIn::at(&one, &[]).await;
    let session = Session::of(&one, &browser, "left").await;
    let far = Session::of(&other, &browser, "left").await;
    assert_eq!((&session.path, &session.secret), (&far.path, &far.secret));
    let mut near_page = session.client(address(&one)).await;
    let mut far_page = session.client(address(&other)).await;
    assert_eq!(far_page.trigger("add", json!([2])).await, 2);
    assert_eq!(near_page.pushed().await, json!({ "count": 2 }));
    assert_eq!(near_page.trigger("add", json!([3])).await, 5);
    near_page.set(json!({ "note": "hello" })).await.unwrap();
    assert_eq!(far_page.snapshot().await["note"], "hello");
    assert_eq!(far_page.snapshot().await["place"], "left");
    // The other node has a room of its own.
    let right = Session::of(&other, &browser, "right").await;
    let mut right_page = right.client(address(&one)).await;
    assert_eq!(right_page.trigger("add", json!([1])).await, 1);
    // A sign-in link works at any node, once.
    let link = one.sign_in_url_for("Ada").unwrap();
    let path = link.strip_prefix(one.url()).unwrap();
    let redeemed = async {
        // The first node stores it meanwhile.
        while request(&other, "GET", path, &[]).await.status != 303 {}
    };
    timeout(TIMEOUT, redeemed).await.unwrap();
    assert_eq!(request(&one, "GET", path, &[]).await.status, 403);
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_reach_the_room_through_any_node() {
    let redis = Redis::start().await;
    let (one, other) = (redis.node().await, redis.node().await);
    let browser = SignedIn::at(&one, &[]).await;
    let session = Session::of(&one, &browser, "files").await;
    let mut page = session.client(address(&other)).await;
    let file = json!({ "name": "a.txt", "size": 5, "type": "text/plain" });
    let path = page.call("selvedge.upload.open", json!(["size", file])).await.unwrap();
    let path = format!("/{}", path.as_str().unwrap());
    let answer = request_to(address(&other), "PUT", &path, &[], "12345").await;
    assert_eq!((answer.status, answer.text()), (200, "5".to_owned()));
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_take_over_what_a_lost_node_has_acknowledged() {
    let redis = Redis::start().await;
    let (doomed, other) = (Doomed::start(&redis).await, redis.node().await);
    let browser = SignedIn::at(&doomed.running, &[]).await;
    let session = Session::of(&doomed.running, &browser, "work").await;
    let mut page = session.client(address(&doomed.running)).await;
    let mut far_page = session.client(address(&other)).await;
    for sum in 1..=20 {
        assert_eq!(page.trigger("add", json!([1])).await, sum);
    }
    far_page.call("selvedge.hello", json!([{ "version": 1 }])).await.unwrap();
    let mark = mark_of(&mut far_page).await;
    doomed.lose();
    let mut page = session.client(address(&other)).await;
    assert_eq!(page.snapshot().await["count"], 20);
    assert_eq!(page.trigger("add", json!([1])).await, 21);
    // A page that resumes gets what has changed since its mark, and little else.
    let missed = page.call("selvedge.resume", mark).await.unwrap();
    let missed = support::to_json(&missed);
    assert_eq!(missed["count"], 21);
    assert_eq!(missed["note"], Value::Null, "{missed}");
    other.stop().await.unwrap();
}

/// Returns the mark of a client that has all changes.
async fn mark_of(client: &mut Client) -> Value {
    let id = client.send("selvedge.mark", json!([])).await;
    let mark = client.published("selvedge.mark").await;
    client.answer(&id).await.unwrap();
    mark
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rooms_of_a_node_that_ends_go_on_at_once() {
    let redis = Redis::start().await;
    let (one, other) = (redis.node().await, redis.node().await);
    let browser = SignedIn::at(&one, &[]).await;
    let session = Session::of(&one, &browser, "moving").await;
    let mut page = session.client(address(&one)).await;
    page.set(json!({ "note": "kept" })).await.unwrap();
    page.trigger("add", json!([7])).await;
    let (stopped, code) = tokio::join!(one.stop(), page.closed());
    assert_eq!(code, Some(1012));
    assert_eq!(stopped.unwrap().addresses.len(), 2, "the page's and the nodes' address are free");
    let mut page = timeout(Duration::from_secs(1), session.client(address(&other))).await.unwrap();
    let snapshot = page.snapshot().await;
    assert_eq!((&snapshot["count"], &snapshot["note"]), (&json!(7), &json!("kept")));
    other.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_durable_values_are_refused_and_the_room_goes_on_when_it_is_back() {
    let mut redis = Redis::start().await;
    let node = redis.node().await;
    let browser = SignedIn::at(&node, &[]).await;
    let session = Session::of(&node, &browser, "durable").await;
    let mut page = session.client(address(&node)).await;
    assert_eq!(page.trigger("add", json!([1])).await, 1);
    redis.end().await;
    await_storable(&mut page, false).await;
    let refused = page.set(json!({ "count": 5 })).await.unwrap_err();
    assert!(refused.to_string().contains("store"), "{refused}");
    assert_eq!(page.snapshot().await["count"], 1, "reads are answered");
    redis.begin().await;
    await_storable(&mut page, true).await;
    assert_eq!(page.trigger("add", json!([1])).await, 2);
    node.stop().await.unwrap();
}

/// Waits until durable values can be set, or cannot.
async fn await_storable(page: &mut Client, expected: bool) {
    let becoming = async {
        while page.trigger("storable", json!([])).await != json!(expected) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, becoming).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_room_was_taken_over_acknowledges_nothing_more() {
    let redis = Redis::start().await;
    let node = redis.node().await;
    let browser = SignedIn::at(&node, &[]).await;
    let session = Session::of(&node, &browser, "stale").await;
    let mut page = session.client(address(&node)).await;
    assert_eq!(page.trigger("add", json!([1])).await, 1);
    // As another node would after this one was silent for too long.
    let store = selvedge_redis::engine().connect(&redis.url(), "counter").await.unwrap();
    let room = session.path.split_once("room=").unwrap().1.to_owned();
    let known = store.find(room.clone()).await.unwrap().unwrap();
    let other = Node { id: "other".into(), address: address(&node), is_draining: false };
    store.renew(other, Duration::from_secs(60)).await.unwrap();
    let claim = |replacing| Claim {
        room: room.clone(),
        key: known.key.clone(),
        node: "other".to_owned(),
        replacing,
    };
    let owned = store.claim(claim(None)).await.unwrap();
    let Claimed::Owned(_, epoch) = owned else { panic!("it has an owner") };
    let Claimed::Granted(contents) = store.claim(claim(Some(epoch))).await.unwrap() else {
        panic!("the epoch is known")
    };
    assert!(contents.epoch > epoch);
    let late_call = page.send("trame.trigger", json!(["add", [1], {}])).await;
    assert_eq!(page.closed().await, Some(1012));
    let answers: Vec<Value> = page.take_inbox();
    assert!(!answers.contains(&json!({ "answer": late_call })), "{answers:?}");
    let late = store.append(room.clone(), epoch, Record::default()).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    store.release(room, contents.epoch).await.unwrap();
    // Given up, the room goes on without the late change.
    let mut page = session.client(address(&node)).await;
    assert_eq!(page.snapshot().await["count"], 1);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_at_once_one_is_granted() {
    let redis = Redis::start().await;
    let store = selvedge_redis::engine().connect(&redis.url(), "claims").await.unwrap();
    let claims = (0..20).map(|number| {
        let (store, id) = (store.clone(), number.to_string());
        async move {
            let node =
                Node { id: id.clone(), address: ([127, 0, 0, 1], 1).into(), is_draining: false };
            store.renew(node, Duration::from_secs(60)).await.unwrap();
            let (room, key) = ("room".to_owned(), "key".to_owned());
            let claim = Claim { room, key, node: id, replacing: None };
            matches!(store.claim(claim).await.unwrap(), Claimed::Granted(_))
        }
    });
    let granted = futures_util::future::join_all(claims).await;
    assert_eq!(granted.iter().filter(|granted| **granted).count(), 1);
}

#[tokio::test]
async fn a_record_that_arrives_after_a_newer_one_changes_nothing() {
    let redis = Redis::start().await;
    let store = selvedge_redis::engine().connect(&redis.url(), "late").await.unwrap();
    let node = Node { id: "n".into(), address: ([127, 0, 0, 1], 1).into(), is_draining: false };
    store.renew(node, Duration::from_secs(60)).await.unwrap();
    let claim = |replacing| Claim {
        room: "room".to_owned(),
        key: "key".to_owned(),
        node: "n".to_owned(),
        replacing,
    };
    let record = |commit: u64| Record {
        values: vec![RecordedValue {
            key: "count".to_owned(),
            value: Packed::encode(&commit).unwrap(),
            commit,
        }],
        forgotten: Vec::new(),
        complete: commit,
        newest: commit,
    };
    let Claimed::Granted(first) = store.claim(claim(None)).await.unwrap() else {
        panic!("it is new")
    };
    for commit in [1, 5, 3] {
        store.append("room".to_owned(), first.epoch, record(commit)).await.unwrap();
    }
    let Claimed::Granted(contents) = store.claim(claim(Some(first.epoch))).await.unwrap() else {
        panic!("the epoch is known")
    };
    assert_eq!((contents.complete, contents.values[0].commit), (5, 5));
    assert_eq!(contents.values[0].value.decode::<u64>().unwrap(), 5);
    assert_eq!(contents.before, [(first.epoch, 5)]);
}

#[tokio::test]
async fn a_program_says_why_it_cannot_use_a_store() {
    let start = async |url: &str| {
        let rooms = Rooms::new(app).scope(Scope::Named).cluster(selvedge_redis::engine());
        rooms.server().unwrap().spawn(options().redis(url)).await.unwrap_err().to_string()
    };
    let closed = format!("redis://127.0.0.1:{}/", free_port());
    assert!(start(&closed).await.contains("does not answer"));
    assert!(start("http://127.0.0.1/").await.contains("--redis redis://"));
    let redis = Redis::start().await;
    let wrong = redis.url().replace("pass%20word", "wrong");
    let refused = start(&wrong).await;
    assert!(refused.contains("cannot be used"), "{refused}");
    let alone = Server::new("alone").spawn(options().redis(redis.url())).await.unwrap_err();
    assert!(alone.to_string().contains("selvedge_redis::engine()"), "{alone}");
}
