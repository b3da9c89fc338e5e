//! The context that callbacks receive as their first argument.

use std::sync::Arc;

use futures_util::FutureExt;
use selvedge_wslink::ClientId;
use serde::Serialize;

use super::{Role, Room, Server};
use crate::{
    Failure, Result,
    error::TransferError,
    protocol::{Client, User},
    state::{KeyFor, State, Translator},
};

/// The context of a call: the server, and the client that caused the call.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The server that the callback is registered with.
    pub server: Server,
    client: Option<ClientId>,
    user: Option<User>,
    role: Role,
}

impl AsRef<State> for Ctx {
    fn as_ref(&self) -> &State {
        self.state()
    }
}

impl AsRef<Ctx> for Ctx {
    fn as_ref(&self) -> &Ctx {
        self
    }
}

impl Ctx {
    /// Returns this context with a child server's names.
    pub(crate) fn translated(self, translator: &Translator) -> Self {
        Ctx { server: self.server.translated(translator), ..self }
    }

    /// Returns a value that the application put into the [context](crate::state::Context).
    ///
    /// # Errors
    /// A failure that names the type, if the context has no such value.
    pub fn context<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Failure> {
        self.server.context().get().ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Failure::msg(format!("there is no {name} in the context; insert one before the start"))
        })
    }

    pub(crate) fn of(server: &Server, client: Option<ClientId>) -> Self {
        match client.and_then(|id| server.hub().client(id)) {
            Some(known) => Ctx::of_client(server, &known),
            None => {
                // The role of a client that has left is not known any more.
                let role = if client.is_some() { Role::Viewer } else { Role::Editor };
                Ctx { server: server.clone(), client, user: None, role }
            }
        }
    }

    /// Returns the context of a call of this client.
    pub(crate) fn of_client(server: &Server, client: &Client) -> Self {
        let (user, role) = (client.user().cloned(), client.role());
        Ctx { server: server.clone(), client: Some(client.id), user, role }
    }

    /// Returns the room of the application in which the call was made.
    pub fn room(&self) -> Room {
        self.server.room()
    }

    /// Returns the values shared with every client.
    pub fn state(&self) -> &State {
        self.server.state()
    }

    /// Sets a value of the state, as [`State::set`] does. Returns a context, so that a closure that
    /// only sets values needs no braces.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("reset", |cx: Ctx| cx.set("count", 0).set("status", "Reset"));
    /// ```
    pub fn set<V: Serialize>(&self, key: impl KeyFor<V>, value: V) -> Self {
        self.state().set(key, value);
        self.clone()
    }

    /// Returns the client that caused the call; `None` in listeners and hooks without one.
    pub fn client(&self) -> Option<ClientId> {
        self.client
    }

    /// Returns the user whose page caused the call. `None` without one: in hooks and timers, and if a
    /// program caused it that has only the secret.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Returns what the client that caused the call may do. [`Role::Editor`] in listeners, hooks and
    /// timers without a client.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns the page that caused this call.
    pub(crate) fn page(&self) -> Result<Arc<Client>, TransferError> {
        let client = self.client().ok_or(TransferError::NoPage(NO_CLIENT))?;
        self.server.hub().client(client).ok_or(TransferError::NoPage(GONE))
    }

    /// Waits for the answer of a page or its user. Returns `None` when the client disconnects or the server stops.
    pub(crate) async fn while_wanted<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let stop = self.server.stopping();
        let client = self.client().map(|client| self.server.hub().client(client));
        let gone = async {
            match &client {
                Some(Some(client)) => client.gone.cancelled().await,
                Some(None) => {}
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = answer => Some(answer),
            () = gone.fuse() => None,
            () = stop.cancelled() => None,
        }
    }
}

const NO_CLIENT: &str = "no client caused this call; make it in a callback that a page has caused";
pub(crate) const GONE: &str = "the page that asked for this has disconnected";
pub(crate) const CANNOT: &str = "only Selvedge's own page can do this";
