//! A program as a node of a cluster, whose rooms can be on other nodes.

// - `member`: the node, its lease, and the way to other nodes
// - `journal`: what a room commits, on its way to the store
// - `recording`: a room that the node has claimed
//
// What must hold: a room runs on the node that has claimed it, and ends there when its epoch is over.

mod journal;
mod member;
mod recording;

use std::{fmt, sync::Arc};

use selvedge_port::{Listener, Released};

use super::{StartOptions, drive::Run};
use crate::{
    Error, Result, Server,
    http::{Access, Http, LinkStore, Tokens},
};

pub(super) use journal::{MOVED, RoomJournal};
pub(super) use member::{LEASE, Member, Reached};
pub(super) use recording::{Granted, Recording};

/// Credentials that all nodes accept.
#[derive(Clone)]
pub(super) struct SharedAccess {
    tokens: Tokens,
    cookie_name: String,
    links: Option<Arc<dyn LinkStore>>,
}

impl fmt::Debug for SharedAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedAccess").finish_non_exhaustive()
    }
}

impl SharedAccess {
    /// Returns the credentials of a room.
    pub(super) fn of_room(member: &Member, id: &str) -> Self {
        let tokens = member.tokens(&format!("room {id}"));
        SharedAccess { tokens, cookie_name: member.cookie_name(), links: None }
    }

    pub(super) fn access(&self, secret: Option<String>) -> Access {
        let tokens = self.tokens.clone().with_secret(secret);
        Access::shared(tokens, self.cookie_name.clone(), self.links.clone())
    }
}

/// This program as a node, while it runs.
pub(super) struct Cluster {
    pub(super) member: Arc<Member>,
    listener: Listener,
}

impl Cluster {
    /// Joins the cluster that the options name, if they do.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the application has no engine for it, and those of
    /// [`Member::join`].
    pub(super) async fn join(server: &Server, options: &StartOptions) -> Result<Option<Self>> {
        let Some(store) = options.redis.as_ref().filter(|_| options.front.is_none()) else {
            return Ok(None);
        };
        let Some(engine) = server.room_plan().and_then(|plan| plan.engine.clone()) else {
            return Err(Error::InvalidOption {
                option: "--redis",
                value: "an address".to_owned(),
                hint: "This application keeps no rooms in Redis: its `Rooms` need \
                       `.cluster(selvedge_redis::engine())`",
            });
        };
        let (name, address) = (server.name(), options.node_address.as_deref());
        let metrics = options.metrics.clone();
        let joining = Member::join(&*engine, &store.0, name, address, metrics);
        let (member, listener) = joining.await?;
        Ok(Some(Cluster { member, listener }))
    }

    /// Returns the options with credentials that all nodes accept.
    pub(super) fn options(&self, options: StartOptions) -> StartOptions {
        let tokens = self.member.tokens("front");
        let links = Some(Arc::clone(&self.member) as Arc<dyn LinkStore>);
        let shared = SharedAccess { tokens, cookie_name: self.member.cookie_name(), links };
        StartOptions { shared: Some(shared), ..options }
    }

    /// Renews the lease and answers other nodes, until the run closes its clients.
    pub(super) async fn serve(self, run: &Run) -> Result<Released> {
        let Cluster { member, listener } = self;
        let closing = run.frames.closing.clone();
        let http = Http::for_nodes(run.site.clone(), &member.token());
        let handler = move |connection| http.clone().serve(connection);
        let serving = selvedge_port::serve(listener, closing.clone(), run.limits.clone(), handler);
        let (released, ()) = tokio::join!(serving, Arc::clone(&member).attend(closing));
        member.leave().await;
        Ok(released?)
    }
}
