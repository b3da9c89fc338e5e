//! What callbacks of the application get as their first argument.

use std::sync::Arc;

use super::Server;
use crate::{
    Failure, Result,
    state::{State, Translator},
    wire::ClientId,
};

/// The surroundings of a call: the server, and the client that caused it.
#[derive(Clone)]
pub struct Ctx {
    /// The server that the callback is registered with.
    pub server: Server,
    client: Option<ClientId>,
}

impl Ctx {
    /// The same for a part of the application.
    pub(super) fn translated(self, translator: &Translator) -> Self {
        let server = Server::view(self.server.inner, translator.clone());
        Ctx { server, ..self }
    }

    /// A value of the application that was put into the [context](crate::Context).
    ///
    /// # Errors
    /// A failure that names the type when there is none.
    pub fn context<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Failure> {
        self.server.context().get().ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Failure::msg(format!("there is no {name} in the context; insert one before the start"))
        })
    }

    pub(super) fn of(server: &Server, client: Option<ClientId>) -> Self {
        Ctx { server: server.clone(), client }
    }

    /// The values shared with every client.
    pub fn state(&self) -> &State {
        self.server.state()
    }

    /// Whose call this is; `None` in listeners and hooks that no client caused.
    pub fn client(&self) -> Option<ClientId> {
        self.client
    }
}
