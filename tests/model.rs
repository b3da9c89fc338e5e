//! Runs random interleavings of clients, application threads and listeners. At the end every client
//! has the state of the server, which equals that of a simple model.

use std::{collections::BTreeMap, sync::mpsc};

use proptest::{collection::vec, prelude::*, test_runner::Config};
use selvedge::{Ctx, Running, Server};
use serde_json::{Map, Value, json};

use tokio::time::timeout;

use crate::support::{Client, Incoming, TIMEOUT, start, to_json};

/// Keys that the actions set. A listener on `source` sets `doubled`, one on `doubled` counts, one
/// on `size` corrects it.
const KEYS: [&str; 4] = ["source", "size", "free", "other"];

/// The largest `size` that the listener does not correct.
const LARGEST: i64 = 10;

const CLIENTS: usize = 3;

/// An action of a client or of the application.
#[derive(Clone, Debug)]
enum Action {
    /// The application sets keys, and flushes them or leaves this to the server.
    Set { changes: Changes, flush: bool },
    /// The application sets keys in one step.
    Batch(Changes),
    /// A client sets keys, without waiting for the answer.
    FromClient { client: usize, changes: Changes },
    /// A client asks for the whole state.
    Snapshot(usize),
    /// A client calls a trigger that sets keys.
    Trigger { client: usize, changes: Changes },
    /// A client disconnects, and another one connects.
    Replace(usize),
    /// All clients have received everything so far.
    Settle,
}

type Changes = Vec<(usize, i64)>;

fn changes() -> impl Strategy<Value = Changes> {
    vec((0..KEYS.len(), 0..30_i64), 1..4)
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (changes(), any::<bool>()).prop_map(|(changes, flush)| Action::Set { changes, flush }),
        2 => changes().prop_map(Action::Batch),
        4 => (0..CLIENTS, changes()).prop_map(|(client, changes)| Action::FromClient { client, changes }),
        1 => (0..CLIENTS).prop_map(Action::Snapshot),
        2 => (0..CLIENTS, changes()).prop_map(|(client, changes)| Action::Trigger { client, changes }),
        1 => (0..CLIENTS).prop_map(Action::Replace),
        1 => Just(Action::Settle),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn all_clients_end_with_the_state_of_the_server(actions in vec(action(), 1..40)) {
        runtime().block_on(play(actions));
    }

    #[test]
    fn the_state_agrees_with_a_model_after_each_operation(actions in vec(action(), 1..25)) {
        runtime().block_on(follow(actions));
    }
}

/// Runs few cases, since each has its own sockets; set `PROPTEST_CASES` for more.
pub fn config() -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = Config::default();
    Config { cases: if asked { default.cases } else { 24 }, failure_persistence: None, ..default }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn server() -> Server {
    let server = Server::new("model");
    for key in KEYS {
        server.state().set(key, 0);
    }
    server.on_change("source", |cx: Ctx, source: i64| {
        cx.state().set("doubled", source * 2);
    });
    server.on_change("size", |cx: Ctx, size: i64| {
        cx.state().set("size", size.min(LARGEST));
    });
    server.trigger("set", |cx: Ctx, changes: BTreeMap<String, i64>| {
        for (key, value) in changes {
            cx.state().set(&key, value);
        }
    });
    server
}

fn named(changes: &Changes) -> Map<String, Value> {
    changes.iter().map(|(key, value)| (KEYS[*key].to_owned(), json!(value))).collect()
}

/// A client and its copy of the state.
///
/// Its own changes take precedence until they are answered: what arrives before the answer was sent
/// before the change.
struct Page {
    client: Client,
    state: Map<String, Value>,
    /// The call that sent the latest change of a key.
    unanswered: BTreeMap<String, String>,
}

impl Page {
    /// Connects and applies the snapshot over earlier pushes, as pages do.
    async fn open(running: &Running) -> Page {
        let mut page = Page {
            client: Client::connect(running).await,
            state: Map::new(),
            unanswered: BTreeMap::new(),
        };
        let id = page.client.send("trame.state.get", json!([])).await;
        page.hear_until(&id).await;
        page
    }

    async fn send(&mut self, method: &str, args: Value) -> String {
        self.client.send(method, args).await
    }

    /// Sets keys locally and sends them to the server.
    async fn set(&mut self, changes: &Map<String, Value>) -> String {
        self.state.extend(changes.clone());
        let list: Vec<Value> =
            changes.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let id = self.send("trame.state.update", json!([list])).await;
        let keys = changes.keys().map(|key| (key.clone(), id.clone()));
        self.unanswered.extend(keys);
        id
    }

    /// Applies everything that arrives, up to the answer to a call.
    async fn hear_until(&mut self, id: &str) {
        loop {
            while let Some(incoming) = self.client.inbox.pop_front() {
                match incoming {
                    Incoming::Published { topic, data } => {
                        assert_eq!(topic, "trame.state.topic");
                        self.learn(&to_json(&data));
                    }
                    Incoming::Answer { id: answered, result } => {
                        let result = to_json(&result.unwrap());
                        if result["state"].is_object() {
                            self.learn(&result["state"]);
                        }
                        self.unanswered.retain(|_, call| *call != answered);
                        if answered == id {
                            return;
                        }
                    }
                    Incoming::Closed(frame) => panic!("the server closed: {frame:?}"),
                }
            }
            self.client.receive().await;
        }
    }

    fn learn(&mut self, changes: &Value) {
        for (key, value) in changes.as_object().unwrap() {
            if !self.unanswered.contains_key(key) {
                self.state.insert(key.clone(), value.clone());
            }
        }
    }

    /// Receives everything that the server has sent up to now.
    async fn settle(&mut self) {
        let id = self.send("trame.trigger", json!(["set", [{}], {}])).await;
        self.hear_until(&id).await;
    }
}

/// Runs actions with as little waiting as possible, those of the application on a separate thread.
async fn play(actions: Vec<Action>) {
    let server = server();
    let running = start(&server).await;
    let mut pages = Vec::new();
    for _ in 0..CLIENTS {
        pages.push(Page::open(&running).await);
    }
    let (hand_over, handed_over) = mpsc::channel::<Action>();
    let state = server.state().clone();
    let application = std::thread::spawn(move || {
        for action in handed_over {
            apply(&state, &action);
        }
    });
    for action in actions {
        match action {
            Action::Set { .. } | Action::Batch(_) => hand_over.send(action).unwrap(),
            Action::FromClient { client, changes } => {
                pages[client].set(&named(&changes)).await;
            }
            Action::Snapshot(client) => {
                pages[client].send("trame.state.get", json!([])).await;
            }
            Action::Trigger { client, changes } => {
                let args = json!(["set", [named(&changes)], {}]);
                pages[client].send("trame.trigger", args).await;
            }
            Action::Replace(client) => pages[client] = Page::open(&running).await,
            Action::Settle => {
                for page in &mut pages {
                    page.settle().await;
                }
            }
        }
    }
    drop(hand_over);
    application.join().unwrap();
    // Everything that clients have sent is applied before their answers; a flush then leaves
    // nothing pending.
    for page in &mut pages {
        page.settle().await;
    }
    server.state().flush();
    let truth = Page::open(&running).await.state;
    for page in &mut pages {
        page.settle().await;
        assert_eq!(page.state, truth);
    }
    assert_eq!(truth["doubled"], truth["source"].as_i64().unwrap() * 2);
    assert!(truth["size"].as_i64().unwrap() <= LARGEST);
    running.stop().await.unwrap();
}

fn apply(state: &selvedge::State, action: &Action) {
    match action {
        Action::Set { changes, flush } => {
            for (key, value) in changes {
                state.set(KEYS[*key], value);
            }
            if *flush {
                state.flush();
            }
        }
        Action::Batch(changes) => state.batch(|batch| {
            for (key, value) in changes {
                batch.set(KEYS[*key], value);
            }
        }),
        _ => unreachable!(),
    }
}

/// Runs actions one after another, and compares the state with a model after each.
async fn follow(actions: Vec<Action>) {
    let server = server();
    let running = start(&server).await;
    let mut pages = Vec::new();
    for _ in 0..CLIENTS {
        pages.push(Page::open(&running).await);
    }
    let mut model = Model::default();
    for action in actions {
        match &action {
            Action::Set { changes, .. } | Action::Batch(changes) => {
                apply(server.state(), &action);
                server.state().flush();
                model.set(changes);
            }
            Action::FromClient { client, changes } => {
                let id = pages[*client].set(&named(changes)).await;
                pages[*client].hear_until(&id).await;
                // The answer is sent at the commit. The client's next call runs after the
                // listeners.
                pages[*client].settle().await;
                model.set(changes);
            }
            Action::Trigger { client, changes } => {
                let args = json!(["set", [named(changes)], {}]);
                let id = pages[*client].send("trame.trigger", args).await;
                pages[*client].hear_until(&id).await;
                model.set(changes);
            }
            Action::Snapshot(client) => {
                let id = pages[*client].send("trame.state.get", json!([])).await;
                pages[*client].hear_until(&id).await;
            }
            Action::Replace(client) => pages[*client] = Page::open(&running).await,
            Action::Settle => {}
        }
        for page in &mut pages {
            // Usually at once. If the server has flushed at the same moment, it runs the listeners,
            // and the flush of the application does not wait for it.
            let follows = async {
                loop {
                    page.settle().await;
                    if model.0.iter().all(|(key, value)| page.state[*key] == *value) {
                        return;
                    }
                }
            };
            let follows = timeout(TIMEOUT, follows).await;
            assert!(follows.is_ok(), "{:?} instead of {:?} after {action:?}", page.state, model.0);
        }
    }
    running.stop().await.unwrap();
}

/// Returns the state once all actions are done.
struct Model(BTreeMap<&'static str, i64>);

impl Default for Model {
    fn default() -> Self {
        let keys = KEYS.into_iter().chain(["doubled"]);
        Model(keys.map(|key| (key, 0)).collect())
    }
}

impl Model {
    fn set(&mut self, changes: &Changes) {
        self.0.extend(changes.iter().map(|(key, value)| (KEYS[*key], *value)));
        self.0.insert("doubled", self.0["source"] * 2);
        self.0.insert("size", self.0["size"].min(LARGEST));
    }
}
