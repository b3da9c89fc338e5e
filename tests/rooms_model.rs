//! Random users in several rooms: they enter, write, leave and end rooms. Nothing crosses from one room to another, and
//! all clients of a room see the same.

use proptest::{collection::vec, prelude::*};
use selvedge::{
    Ctx, Running, Server,
    rooms::{Room, Rooms, Scope},
};
use serde_json::{Value, json};

use crate::{
    model::{config, runtime},
    support::{Client, SignedIn, open_path, options},
};

const ROOMS: [&str; 3] = ["", "left", "right"];
const KEYS: [&str; 3] = ["one", "two", "three"];
const BROWSERS: usize = 2;

/// What happens in one room. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Action {
    /// A page of a browser enters.
    Enter(usize),
    /// A client writes a key.
    Write { client: usize, key: usize },
    /// A client asks for the whole state.
    Look(usize),
    /// A client disconnects.
    Leave(usize),
    /// The application ends the room. The next page enters a new one.
    End,
}

fn action() -> impl Strategy<Value = (usize, Action)> {
    let action = prop_oneof![
        3 => (0..BROWSERS).prop_map(Action::Enter),
        6 => (any::<usize>(), 0..KEYS.len()).prop_map(|(client, key)| Action::Write { client, key }),
        2 => any::<usize>().prop_map(Action::Look),
        1 => any::<usize>().prop_map(Action::Leave),
        1 => Just(Action::End),
    ];
    (0..ROOMS.len(), action)
}

fn app(room: &Room) -> selvedge::Result<Server> {
    let server = Server::new("model");
    server.state().set("place", room.name());
    for key in KEYS {
        server.state().set(key, "");
    }
    server.trigger("end", |cx: Ctx| cx.server.request_stop());
    Ok(server)
}

/// A room as it should be.
#[derive(Default)]
struct Model {
    name: &'static str,
    values: [String; KEYS.len()],
    clients: Vec<Client>,
}

impl Model {
    /// Does what an action says, if there is a client for it. `mark` differs for each action.
    async fn act(
        &mut self,
        action: &Action,
        mark: usize,
        running: &Running,
        browsers: &[SignedIn],
    ) {
        let count = self.clients.len();
        match action {
            Action::Enter(browser) => {
                self.clients.push(enter(running, &browsers[*browser], self.name).await);
            }
            _ if count == 0 => {}
            Action::Write { client, key } => {
                // Tells the room, so that a value in another one would be seen.
                let value = format!("{} {mark}", self.name);
                self.clients[client % count].set(json!({ KEYS[*key]: value })).await.unwrap();
                self.values[*key] = value;
            }
            Action::Look(client) => self.is_seen_by(client % count).await,
            Action::Leave(client) => drop(self.clients.swap_remove(client % count)),
            Action::End => {
                self.clients[0].send("trame.trigger", json!(["end", [], {}])).await;
                for mut client in self.clients.drain(..) {
                    assert_eq!(client.closed().await, Some(1001));
                }
                self.values = Default::default();
            }
        }
    }

    async fn is_seen_by(&mut self, client: usize) {
        let state = self.clients[client].snapshot().await;
        assert_eq!(state["place"], self.name);
        assert_eq!(
            KEYS.map(|key| state[key].clone()),
            self.values.each_ref().map(|value| json!(value))
        );
    }
}

async fn enter(running: &Running, browser: &SignedIn, room: &str) -> Client {
    let answer: Value = browser.launch_with(running, &[], json!({"room": room})).await;
    let url = answer["sessionURL"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let path = &url[url.find("/ws").unwrap()..];
    let socket = open_path(running.addresses()[0], path, &[]).await.unwrap();
    Client::hello_with(socket, answer["secret"].as_str().unwrap()).await
}

async fn run(actions: &[(usize, Action)]) {
    let server = Rooms::new(app).scope(Scope::Named).server().unwrap();
    let running = server.spawn(options()).await.unwrap();
    let mut browsers = Vec::new();
    for _ in 0..BROWSERS {
        browsers.push(SignedIn::at(&running, &[]).await);
    }
    let mut rooms = ROOMS.map(|name| Model { name, ..Model::default() });
    for (mark, (room, action)) in actions.iter().enumerate() {
        rooms[*room].act(action, mark, &running, &browsers).await;
    }
    for room in &mut rooms {
        for client in 0..room.clients.len() {
            room.is_seen_by(client).await;
        }
    }
    running.stop().await.unwrap();
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_crosses_from_one_room_to_another(actions in vec(action(), 1..60)) {
        runtime().block_on(run(&actions));
    }
}
