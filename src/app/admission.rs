//! Admission and roles of users.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Server;
use crate::{
    Failure,
    calls::callback::caught_here,
    protocol::{Bearer, Client, CloseFrame, User},
};

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Editor,
    /// See everything and follow its changes, but change nothing and call nothing, except what the
    /// application has opened for viewers with
    /// [`Trigger::for_viewers`](crate::calls::Trigger::for_viewers) and
    /// [`Server::rpc_for_viewers`]. Hooks on [events](crate::Lifecycle) of the page run, as for all
    /// clients.
    Viewer,
}

/// Decides who may enter.
pub(crate) type Admission = Arc<dyn Fn(&User) -> Result<Role, Failure> + Send + Sync>;

impl Server {
    /// Decides which users may enter, and what they may do. Without this, all may do everything.
    ///
    /// `decide` is asked before a page gets its session and again each time that it connects. An
    /// error refuses the page, which shows the text of the error. It must not block: look names up
    /// in memory. Call [`readmit`](Self::readmit) when the decision for a user has changed. Windows
    /// and programs that have the secret of the server are not asked about; they are editors.
    ///
    /// ```
    /// use selvedge::{Failure, Server, rooms::{Role, User}};
    ///
    /// let server = Server::new("board");
    /// server.admit(|user: &User| match user.name() {
    ///     Some("ada" | "grace") => Ok(Role::Editor),
    ///     Some(_) => Ok(Role::Viewer),
    ///     None => Err(Failure::msg("Open the board by a link with your name.")),
    /// });
    /// ```
    pub fn admit(
        &self,
        decide: impl Fn(&User) -> Result<Role, Failure> + Send + Sync + 'static,
    ) -> &Self {
        *self.inner.admission.write() = Some(Arc::new(decide));
        self
    }

    /// Re-evaluates the admission of all connected clients, and disconnects those whose role has
    /// changed or who are no longer admitted. Their pages reconnect with the new role, or show the
    /// reason for the refusal. WebSockets of the application ([`websocket`](Self::websocket)) stay
    /// open.
    ///
    /// ```
    /// use std::{collections::HashSet, sync::{Arc, Mutex}};
    ///
    /// use selvedge::{Ctx, Failure, Server, rooms::{Role, User}};
    ///
    /// let server = Server::new("board");
    /// let banned = Arc::new(Mutex::new(HashSet::new()));
    /// let known = Arc::clone(&banned);
    /// server.admit(move |user: &User| match known.lock().expect("no panic").contains(user.id()) {
    ///     false => Ok(Role::Editor),
    ///     true => Err(Failure::msg("You have been banned from this board.")),
    /// });
    /// server.trigger("ban", move |cx: Ctx, user: String| {
    ///     banned.lock().expect("no panic").insert(user);
    ///     cx.server.readmit();
    /// });
    /// ```
    pub fn readmit(&self) {
        self.hub().clients().iter().for_each(|client| self.readmit_client(client));
    }

    /// Disconnects a client whose role is not what the application decides now.
    pub(crate) fn readmit_client(&self, client: &Client) {
        if !self.has_admission() {
            return;
        }
        let is_same = |bearer: &Bearer| self.role_of(bearer) == Ok(client.role());
        if !client.bearer().is_some_and(is_same) {
            tracing::info!(?client.id, "a client is disconnected: its role has changed");
            client.outbox.close(CloseFrame { code: 1012, reason: "The role has changed" });
        }
    }

    /// Returns what a client may do.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub(crate) fn role_of(&self, bearer: &Bearer) -> Result<Role, String> {
        let Bearer::Browser(user) = bearer else {
            return Ok(Role::Editor);
        };
        let Some(decide) = self.inner.admission.read().clone() else {
            return Ok(Role::Editor);
        };
        caught_here(|| decide(user)).map_err(|failure| {
            tracing::info!(?user, "a user was refused: {failure}");
            self.for_clients(&failure)
        })
    }

    /// Returns whether some users may be refused or restricted.
    pub(crate) fn has_admission(&self) -> bool {
        self.inner.admission.read().is_some()
    }
}
