//! Rooms over several machines: the seam to the store that they share.
//!
//! A program whose [`Rooms`](crate::rooms::Rooms) have an [`Engine`] runs on several *nodes*. Each
//! room has one owner among them, which runs the application; the other nodes pass the requests of
//! its pages on to the owner. What a room commits is recorded in the store, so that another node can
//! go on with it. The crate `selvedge-redis` has an engine for Redis and Valkey, and the guide
//! `docs/cluster.md` says how to run such a program.
//!
//! # What a store must guarantee
//!
//! - A claim is granted to one node, with an epoch that is higher than all before. It is refused
//!   while the owner's node is alive, unless the claim names the epoch that it replaces.
//! - An append is applied as a whole or not at all, and only under the current epoch and if no newer
//!   one of this epoch was applied. When it has
//!   returned without an error, the next claim returns its values, whichever machine is lost.
//! - No operation waits for longer than a few seconds.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use selvedge_wslink::Packed;

/// The result of an operation of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Connects a program with the store that its nodes share.
pub trait Engine: Send + Sync + 'static {
    /// Connects to the store at an address from the command line. `application` names the program;
    /// programs with different names share nothing in the store.
    ///
    /// # Errors
    /// If the address is not valid, the store does not answer, or it cannot be used.
    fn connect<'a>(
        &'a self,
        address: &'a str,
        application: &'a str,
    ) -> BoxFuture<'a, StoreResult<Arc<dyn Store>>>;
}

/// A store that nodes share. See the [module](self) for its guarantees.
pub trait Store: Send + Sync + 'static {
    /// Returns the address by which this machine reaches the store, without a port. Other nodes
    /// reach this node there, unless the operator names another address.
    fn local_address(&self) -> std::net::IpAddr;

    /// Returns the secret that all nodes share. That of the first node wins.
    ///
    /// # Errors
    /// Those of the store.
    fn secret(&self, proposed: String) -> BoxFuture<'_, StoreResult<String>>;

    /// Tells the store that a node is alive, for the duration of the lease.
    ///
    /// # Errors
    /// Those of the store.
    fn renew(&self, node: Node, lease: Duration) -> BoxFuture<'_, StoreResult<()>>;

    /// Tells the store that a node has ended.
    ///
    /// # Errors
    /// Those of the store.
    fn leave(&self, node: String) -> BoxFuture<'_, StoreResult<()>>;

    /// Returns the nodes that are alive.
    ///
    /// # Errors
    /// Those of the store.
    fn nodes(&self) -> BoxFuture<'_, StoreResult<Vec<Node>>>;

    /// Returns what is known of a room; `None` if it was never claimed or was forgotten.
    ///
    /// # Errors
    /// Those of the store.
    fn find(&self, room: String) -> BoxFuture<'_, StoreResult<Option<RoomRecord>>>;

    /// Claims a room for a node.
    ///
    /// # Errors
    /// Those of the store.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>>;

    /// Records commits of a room.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if the epoch is not the current one, and those of the store.
    fn append(&self, room: String, epoch: u64, record: Record) -> BoxFuture<'_, StoreResult<()>>;

    /// Gives a room up, so that another node can claim it at once.
    ///
    /// # Errors
    /// Those of the store. Giving up a room of another epoch does nothing.
    fn release(&self, room: String, epoch: u64) -> BoxFuture<'_, StoreResult<()>>;

    /// Keeps a short text for a time, such as the user of a sign-in link. Every node can take it.
    ///
    /// # Errors
    /// Those of the store.
    fn put(&self, name: String, text: String, time: Duration) -> BoxFuture<'_, StoreResult<()>>;

    /// Returns a kept text, once.
    ///
    /// # Errors
    /// Those of the store.
    fn take(&self, name: String) -> BoxFuture<'_, StoreResult<Option<String>>>;
}

/// A running program of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// A random name. A program that is restarted is another node.
    pub id: String,
    /// Where other nodes reach it.
    pub address: SocketAddr,
    /// Whether it claims no more rooms, because it is about to end.
    pub is_draining: bool,
}

/// What the store knows of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// What the program calls the room, as the first claim said.
    pub key: String,
    /// The epoch of the last claim.
    pub epoch: u64,
    /// The node that has it, if that is alive.
    pub owner: Option<Owner>,
}

/// The owner of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The node.
    pub node: Node,
    /// The time since it has renewed its lease.
    pub silent: Duration,
}

/// A claim of a room.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The id of the room.
    pub room: String,
    /// What the program calls it.
    pub key: String,
    /// The node that claims it.
    pub node: String,
    /// The epoch of an owner that is known to have ended though its lease has not: the claim is
    /// granted if the room still has this epoch.
    pub replacing: Option<u64>,
}

/// The outcome of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// The node has the room.
    Granted(Contents),
    /// Another node has it.
    Owned(Owner, u64),
}

/// What the store knows of the state of a room.
#[derive(Debug, Default)]
pub struct Contents {
    /// The epoch of the new owner.
    pub epoch: u64,
    /// The values with their commits.
    pub values: Vec<RecordedValue>,
    /// Everything up to this commit is recorded.
    pub complete: u64,
    /// The earlier epochs, each with the last commit that is recorded with all commits before it.
    pub before: Vec<(u64, u64)>,
}

/// Commits to be recorded as one.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The latest values of the keys that have changed.
    pub values: Vec<RecordedValue>,
    /// Keys whose values are not recorded any more.
    pub forgotten: Vec<String>,
    /// Everything up to this commit is recorded with this record.
    pub complete: u64,
    /// The newest commit of the room when the record was made. A record that arrives after a newer one
    /// of the same epoch is ignored: that one has its changes, too.
    pub newest: u64,
}

/// A value and the commit that changed it last.
#[derive(Clone, Debug)]
pub struct RecordedValue {
    /// The key of the state.
    pub key: String,
    /// The encoded value.
    pub value: Packed,
    /// The number of the commit.
    pub commit: u64,
}

/// An error of a store.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store did not answer, or not in time. It is not known whether the operation was applied.
    #[error(
        "the store of the cluster does not answer: {0}. Check that it runs and that this machine reaches it"
    )]
    Unreachable(
        /// The reason.
        String,
    ),

    /// Another node has the room.
    #[error("another node has taken the room over. Its pages reconnect by themselves")]
    Fenced,

    /// The store cannot be used.
    #[error("the store of the cluster cannot be used: {0}")]
    Unusable(
        /// The reason, and what to do next.
        String,
    ),
}
