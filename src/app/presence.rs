//! The connected clients, as a key of the state.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{Ctx, Role, Server};
use crate::{Lifecycle, protocol::Client};

/// A connected client: a page of a user, a window, or a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The id of the client, as text. It differs for each page, and [`Ctx::client`] has the same.
    pub client: String,
    /// The name of the user; `None` without one.
    pub name: Option<String>,
    /// What the client may do.
    pub role: Role,
}

impl Person {
    fn of(client: &Client) -> Self {
        let name = client.user().and_then(|user| user.name().map(str::to_owned));
        Person { client: client.id.to_string(), name, role: client.role() }
    }
}

impl Server {
    /// Returns a [`Person`] for each connected client, in the order in which they connected.
    pub fn people(&self) -> Vec<Person> {
        let mut clients = self.hub().clients();
        clients.sort_by_key(|client| client.joined());
        clients.iter().map(|client| Person::of(client)).collect()
    }

    /// Keeps the list of connected clients in a state key, as [`Person`]s. Pages cannot change it, and
    /// it is not kept across restarts.
    ///
    /// To run code when a client connects or disconnects, use the hooks on
    /// [`Lifecycle::ConnectionOpened`] and [`Lifecycle::ConnectionClosed`], in which [`Ctx::user`]
    /// says who it is.
    ///
    /// ```
    /// use selvedge::{Ctx, Lifecycle, Server};
    ///
    /// let server = Server::new("board");
    /// server.presence("people");
    /// server.on(Lifecycle::ConnectionClosed, |cx: Ctx| {
    ///     let name = cx.user().and_then(|user| user.name()).unwrap_or("A guest");
    ///     cx.set("status", format!("{name} has left."));
    /// });
    /// server.template("main", "<li v-for=\"person in people\">{{ person.name ?? 'A guest' }}</li>");
    /// ```
    pub fn presence(&self, key: &str) -> &Self {
        self.state().set(key, Vec::<Person>::new()).read_only(&[key]).transient(&[key]);
        // Hooks run concurrently; the lock keeps an older list from overwriting a newer one.
        let one = Arc::<Mutex<()>>::default();
        for event in [Lifecycle::ConnectionOpened, Lifecycle::ConnectionClosed] {
            let (key, one) = (key.to_owned(), Arc::clone(&one));
            self.on(event, move |cx: Ctx| {
                let _one = one.lock();
                cx.set(&*key, cx.server.people());
            });
        }
        self
    }
}
