//! This program as a node of a cluster: its lease, its claims of rooms, and the way to other nodes.
//!
//! What must hold: a node that cannot renew its lease knows by its own clock when it may have lapsed.
//! Only a node that does not answer at its address loses a room before its lease has lapsed, and
//! only after it has failed to renew it.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use selvedge_port::Listener;
use tokio::{
    net::TcpStream,
    runtime::Handle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Result,
    cluster::{
        Claim, Claimed, Engine, Node, Owner, Record, RoomRecord, Store, StoreError, StoreResult,
    },
    hex::hex,
    http::{LinkStore, Peer, Tokens, mac},
    monitoring::Metrics,
    random::random_token,
};

/// How long a node counts as alive after it has renewed its lease.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// Interval between renewals.
const RENEWAL: Duration = Duration::from_millis(500);

/// Time limit for a renewal.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Time limit for other operations of the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// After this time without a renewal, a node whose address refuses connections has ended.
const MISSED_RENEWAL: Duration = Duration::from_millis(1200);

/// Time limit for a connection to another node.
const CONNECT: Duration = Duration::from_millis(500);

/// After this time without the store, the node asks not to be sent pages.
#[cfg(feature = "monitoring")]
const UNREADY: Duration = Duration::from_secs(10);

/// Default lifetime of sign-in links in the store.
const LINK_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// This program as a node.
pub(crate) struct Member {
    store: Arc<dyn Store>,
    id: String,
    /// What all nodes share.
    secret: String,
    address: SocketAddr,
    /// When the lease lapses.
    lease_end: Mutex<Instant>,
    /// Whether the last renewal has succeeded.
    is_reachable: AtomicBool,
    is_draining: AtomicBool,
    /// The other nodes to which connections are relayed.
    peers: Mutex<HashMap<String, CancellationToken>>,
    /// Sign-in links that are being stored. Each fires when it is.
    puts: Mutex<HashMap<String, CancellationToken>>,
    runtime: Handle,
    metrics: Option<Arc<Metrics>>,
}

/// Whether another node can be reached.
pub(crate) enum Reached {
    Peer(Peer),
    /// It has ended; its lease has not.
    Gone,
    /// It does not answer at the moment.
    Silent,
}

impl Member {
    /// Joins the cluster of a store. Returns the listener for other nodes.
    ///
    /// # Errors
    /// Those of the store; [`Error::InvalidOption`] if the address for other nodes is none, and those
    /// of its bind.
    pub(super) async fn join(
        engine: &dyn Engine,
        store: &str,
        application: &str,
        address: Option<&str>,
        metrics: Option<Arc<Metrics>>,
    ) -> Result<(Arc<Self>, Listener)> {
        let store = engine.connect(store, application).await?;
        let host = match address {
            Some(address) => address.to_owned(),
            None => SocketAddr::new(store.local_address(), 0).to_string(),
        };
        let (host, port) = crate::run::addresses::host_and_port("--node-address", &host)?;
        let listener = Listener::bind(&host, port).await?;
        let address = listener.addresses()[0];
        if address.ip().is_unspecified() {
            return Err(Error::InvalidOption {
                option: "--node-address",
                value: host,
                hint: "Give the address at which the other nodes reach this one, such as 10.0.0.5:0",
            });
        }
        let secret = store.secret(random_token()?).await?;
        let id = hex(&random_bytes()?);
        let member = Member {
            store,
            id,
            secret,
            address,
            lease_end: Mutex::new(Instant::now()),
            is_reachable: AtomicBool::new(true),
            is_draining: AtomicBool::new(false),
            peers: Mutex::default(),
            puts: Mutex::default(),
            runtime: Handle::current(),
            metrics,
        };
        member.renew().await?;
        tracing::info!(node = member.id, %address, "this program is a node of a cluster");
        Ok((Arc::new(member), listener))
    }

    /// Returns what other nodes have to present to this one.
    pub(super) fn token(&self) -> String {
        self.token_of(&self.id)
    }

    fn token_of(&self, node: &str) -> String {
        mac(&self.secret, &["node ", node])
    }

    /// Returns the credentials that all nodes accept for one purpose.
    pub(super) fn tokens(&self, purpose: &str) -> Tokens {
        Tokens::derived(&mac(&self.secret, &["tokens ", purpose]))
    }

    /// Returns the id of a room, which is the same on all nodes.
    pub(crate) fn room_id(&self, key: &str) -> String {
        format!("r{}", &mac(&self.secret, &["room ", key])[..32])
    }

    /// Returns a short name of the cluster for cookies.
    pub(super) fn cookie_name(&self) -> String {
        format!("selvedge-{}", &mac(&self.secret, &["cookie"])[..12])
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether the lease cannot have lapsed.
    pub(super) fn has_lease(&self) -> bool {
        Instant::now() < *self.lease_end.lock()
    }

    /// Whether the store has answered last time.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable.load(Ordering::Relaxed)
    }

    /// Whether pages should be sent to this node.
    #[cfg(feature = "monitoring")]
    pub(crate) fn is_ready(&self) -> bool {
        *self.lease_end.lock() + UNREADY > Instant::now()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Claims no more rooms, and lets the other nodes know.
    pub(crate) async fn drain(&self) {
        if !self.is_draining.swap(true, Ordering::Relaxed) {
            // Otherwise the next renewal tells them.
            let _ = self.renew().await;
        }
    }

    pub(super) fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_deref()
    }

    /// Renews the lease until the program stops, and ends connections to nodes that have ended.
    pub(super) async fn attend(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let attending = async {
            loop {
                ticks.tick().await;
                if self.renew().await.is_ok()
                    && let Ok(Ok(nodes)) = timeout(RENEWAL_TIMEOUT, self.store.nodes()).await
                {
                    self.cut_off_ended(&nodes);
                }
            }
        };
        stop.run_until_cancelled(attending).await;
    }

    async fn renew(&self) -> StoreResult<()> {
        let begun = Instant::now();
        let node =
            Node { id: self.id.clone(), address: self.address, is_draining: self.is_draining() };
        let renewed = timed(RENEWAL_TIMEOUT, self.store.renew(node, LEASE)).await;
        let had_lease = self.has_lease();
        match &renewed {
            Ok(()) => {
                *self.lease_end.lock() = begun + LEASE;
                if !self.is_reachable.swap(true, Ordering::Relaxed) {
                    tracing::info!(node = self.id, "the store of the cluster answers again");
                }
            }
            Err(error) => self.note(error),
        }
        if had_lease && !self.has_lease() {
            let node = &self.id;
            tracing::warn!(node, "the lease may have lapsed: changes wait until the store answers");
        }
        self.metrics().inspect(|metrics| metrics.store_answers(self.is_reachable()));
        renewed
    }

    /// Notes that the store does not answer.
    fn note(&self, error: &StoreError) {
        if self.is_reachable.swap(false, Ordering::Relaxed) {
            tracing::warn!(node = self.id, "{error}. Until then, durable values cannot be set");
        }
    }

    /// Tells the other nodes that this one has ended.
    pub(super) async fn leave(&self) {
        if let Err(error) = timed(RENEWAL_TIMEOUT, self.store.leave(self.id.clone())).await {
            tracing::warn!(%error, "the store was not told that this node has ended");
        }
    }

    fn cut_off_ended(&self, alive: &[Node]) {
        self.peers.lock().retain(|id, left| {
            let is_alive = alive.iter().any(|node| node.id == *id);
            if !is_alive {
                tracing::info!(node = id, "a node has ended: its pages reconnect");
                left.cancel();
            }
            is_alive
        });
    }

    pub(crate) async fn find(&self, room: &str) -> StoreResult<Option<RoomRecord>> {
        timed(STORE_TIMEOUT, self.store.find(room.to_owned())).await
    }

    /// Claims a room for this node.
    pub(crate) async fn claim(
        &self,
        room: &str,
        key: &str,
        replacing: Option<u64>,
    ) -> StoreResult<Claimed> {
        let (room, key, node) = (room.to_owned(), key.to_owned(), self.id.clone());
        timed(STORE_TIMEOUT, self.store.claim(Claim { room, key, node, replacing })).await
    }

    pub(super) async fn append(&self, room: &str, epoch: u64, record: Record) -> StoreResult<()> {
        let appended =
            timed(STORE_TIMEOUT, self.store.append(room.to_owned(), epoch, record)).await;
        if let Err(error @ (StoreError::Unreachable(_) | StoreError::Unusable(_))) = &appended {
            self.note(error);
        }
        appended
    }

    pub(crate) async fn release(&self, room: &str, epoch: u64) {
        let released = timed(STORE_TIMEOUT, self.store.release(room.to_owned(), epoch)).await;
        if let Err(error) = released {
            tracing::warn!(%error, room, "a room could not be given up: it stays here until the lease lapses");
        }
    }

    /// Connects to the node that owns a room.
    pub(crate) async fn reach(&self, owner: &Owner) -> Reached {
        match timeout(CONNECT, TcpStream::connect(owner.node.address)).await {
            Ok(Ok(stream)) => Reached::Peer(self.peer(&owner.node, stream)),
            Ok(Err(error))
                if error.kind() == io::ErrorKind::ConnectionRefused
                    && owner.silent >= MISSED_RENEWAL =>
            {
                Reached::Gone
            }
            _ => Reached::Silent,
        }
    }

    /// Connects to another node that claims rooms, if there is one.
    pub(crate) async fn reach_another(&self) -> Option<Peer> {
        let nodes = timed(STORE_TIMEOUT, self.store.nodes()).await.ok()?;
        for node in nodes.iter().filter(|node| node.id != self.id && !node.is_draining) {
            if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(node.address)).await {
                return Some(self.peer(node, stream));
            }
        }
        None
    }

    fn peer(&self, node: &Node, stream: TcpStream) -> Peer {
        // Small messages should not wait for more of them.
        let _ = stream.set_nodelay(true);
        let left = self.peers.lock().entry(node.id.clone()).or_default().clone();
        Peer { stream, token: self.token_of(&node.id), left }
    }
}

impl LinkStore for Member {
    fn put(self: Arc<Self>, token: &str, invited: String, lifetime: Option<Duration>) {
        let name = mac(&self.secret, &["link ", token]);
        let done = CancellationToken::new();
        self.puts.lock().insert(name.clone(), done.clone());
        // Links are also made on threads of the application.
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            let lifetime = lifetime.unwrap_or(LINK_LIFETIME);
            let put = self.store.put(name.clone(), invited, lifetime);
            let put = timed(STORE_TIMEOUT, put).await;
            self.puts.lock().remove(&name);
            done.cancel();
            if let Err(error) = put {
                tracing::warn!(%error, "a sign-in link is not valid: it could not be stored");
            }
        });
    }

    fn take(
        self: Arc<Self>,
        token: &str,
    ) -> futures_util::future::BoxFuture<'static, Option<String>> {
        let name = mac(&self.secret, &["link ", token]);
        Box::pin(async move {
            let under_way = self.puts.lock().get(&name).cloned();
            if let Some(done) = under_way {
                done.cancelled().await;
            }
            let taken = timed(STORE_TIMEOUT, self.store.take(name)).await;
            taken.inspect_err(|error| tracing::warn!(%error, "a link could not be checked")).ok()?
        })
    }
}

fn random_bytes() -> Result<[u8; 8]> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(Error::random("naming a node"))?;
    Ok(bytes)
}

/// Returns an error if the store does not answer in time.
async fn timed<T>(
    limit: Duration,
    operation: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    let late = |_| StoreError::Unreachable(format!("no answer within {limit:?}"));
    timeout(limit, operation).await.map_err(late)?
}
