//! The operations of the store, as commands of Redis.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use redis::{
    AsyncCommands, Client, ConnectionAddr, ErrorKind, ExistenceCheck, FromRedisValue,
    IntoConnectionInfo, RedisError, ScriptInvocation, SetExpiry, SetOptions, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use selvedge::{
    cluster::{
        Claim, Claimed, Contents, Node, Owner, Record, RecordedValue, RoomRecord, Store,
        StoreError, StoreResult,
    },
    values::Packed,
};

use crate::{
    keys::{Keys, RoomKeys},
    scripts::Scripts,
};

/// Time limit for a command.
const RESPONSE: Duration = Duration::from_secs(5);

/// Time limit for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Maximum delay between attempts to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// Size in bytes of the number of a commit before its value.
const NUMBER: usize = size_of::<u64>();

/// A connection to Redis that is opened again when it is lost.
pub(crate) struct RedisStore {
    connection: ConnectionManager,
    keys: Keys,
    scripts: Scripts,
    local: IpAddr,
    keep: Duration,
}

impl RedisStore {
    pub(crate) async fn connect(
        address: &str,
        application: &str,
        keep: Duration,
    ) -> StoreResult<Self> {
        let unusable = |error: RedisError| {
            let text = "the address is not valid. Give --redis redis://:PASSWORD@HOST:PORT/, or rediss:// for TLS";
            StoreError::Unusable(format!("{text} ({error})"))
        };
        let info = address.into_connection_info().map_err(unusable)?;
        let local = local_address(info.addr());
        let client = Client::open(info).map_err(unusable)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE))
            .set_max_delay(RECONNECT)
            .set_number_of_retries(2);
        let connection = ConnectionManager::new_with_config(client, config).await.map_err(told)?;
        let (keys, scripts) = (Keys::of(application), Scripts::default());
        Ok(RedisStore { connection, keys, scripts, local, keep })
    }

    async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> StoreResult<T> {
        let mut connection = self.connection.clone();
        script.invoke_async(&mut connection).await.map_err(told)
    }

    async fn find_room(&self, room: String) -> StoreResult<Option<RoomRecord>> {
        let RoomKeys { room, .. } = self.keys.room(&room);
        let mut script = self.scripts.find.prepare_invoke();
        script.key(room).key(self.keys.nodes()).arg(self.keys.alive());
        let known: Vec<Value> = self.invoke(&script).await?;
        let [key, epoch, owner, described, left] = &*known else { return Ok(None) };
        let (key, epoch) = (read(key)?, read(epoch)?);
        Ok(Some(RoomRecord { key, epoch, owner: owner_of(owner, described, left)? }))
    }

    async fn claim_room(&self, claim: Claim) -> StoreResult<Claimed> {
        let RoomKeys { room, values, epochs } = self.keys.room(&claim.room);
        let mut script = self.scripts.claim.prepare_invoke();
        script.key(room).key(values).key(epochs).key(self.keys.nodes());
        let replaced = claim.replacing.map_or(-1, u64::cast_signed);
        script.arg(claim.key).arg(claim.node).arg(replaced).arg(self.keys.alive());
        let answer: Vec<Value> = self.invoke(&script).await?;
        match &*answer {
            [Value::Int(0), epoch, owner, described, left] => {
                let owner = owner_of(owner, described, left)?;
                let owner = owner.ok_or_else(|| unreadable("the owner of a room"))?;
                Ok(Claimed::Owned(owner, read(epoch)?))
            }
            [Value::Int(1), epoch, complete, values, epochs] => {
                let values: Vec<(String, Vec<u8>)> = read(values)?;
                let values = values.into_iter().map(|(key, bytes)| recorded(key, bytes));
                Ok(Claimed::Granted(Contents {
                    epoch: read(epoch)?,
                    values: values.collect::<StoreResult<_>>()?,
                    complete: read(complete)?,
                    before: read(epochs)?,
                }))
            }
            _ => Err(unreadable("a claim")),
        }
    }

    async fn append_record(&self, room: String, epoch: u64, record: Record) -> StoreResult<()> {
        let RoomKeys { room, values, .. } = self.keys.room(&room);
        let mut script = self.scripts.append.prepare_invoke();
        script.key(room).key(values).arg(epoch).arg(record.newest).arg(record.complete);
        script.arg(record.values.len());
        for RecordedValue { key, value, commit } in &record.values {
            let bytes = [&commit.to_be_bytes()[..], value.as_bytes()].concat();
            script.arg(key).arg(bytes);
        }
        record.forgotten.iter().for_each(|key| {
            script.arg(key);
        });
        match self.invoke::<i64>(&script).await? {
            1 => Ok(()),
            _ => Err(StoreError::Fenced),
        }
    }
}

impl Store for RedisStore {
    fn local_address(&self) -> IpAddr {
        self.local
    }

    fn secret(&self, proposed: String) -> BoxFuture<'_, StoreResult<String>> {
        async move {
            let mut connection = self.connection.clone();
            let key = self.keys.secret();
            let first = SetOptions::default().conditional_set(ExistenceCheck::NX);
            let _: Value = connection.set_options(&key, proposed, first).await.map_err(told)?;
            connection.get(&key).await.map_err(told)
        }
        .boxed()
    }

    fn renew(&self, node: Node, lease: Duration) -> BoxFuture<'_, StoreResult<()>> {
        async move {
            let mut script = self.scripts.renew.prepare_invoke();
            let life = format!("{}{}", self.keys.alive(), node.id);
            let described = describe(&node, lease);
            script.key(self.keys.nodes()).arg(node.id).arg(described);
            script.arg(life).arg(millis(lease));
            self.invoke::<i64>(&script).await.map(drop)
        }
        .boxed()
    }

    fn leave(&self, node: String) -> BoxFuture<'_, StoreResult<()>> {
        async move {
            let mut connection = self.connection.clone();
            let life = format!("{}{node}", self.keys.alive());
            let _: i64 = connection.del(life).await.map_err(told)?;
            let _: i64 = connection.hdel(self.keys.nodes(), node).await.map_err(told)?;
            Ok(())
        }
        .boxed()
    }

    fn nodes(&self) -> BoxFuture<'_, StoreResult<Vec<Node>>> {
        async move {
            let mut script = self.scripts.nodes.prepare_invoke();
            script.key(self.keys.nodes()).arg(self.keys.alive());
            let nodes: Vec<(String, String)> = self.invoke(&script).await?;
            let nodes = nodes.into_iter();
            nodes.map(|(id, described)| Ok(described_node(id, &described)?.0)).collect()
        }
        .boxed()
    }

    fn find(&self, room: String) -> BoxFuture<'_, StoreResult<Option<RoomRecord>>> {
        self.find_room(room).boxed()
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, StoreResult<Claimed>> {
        self.claim_room(claim).boxed()
    }

    fn append(&self, room: String, epoch: u64, record: Record) -> BoxFuture<'_, StoreResult<()>> {
        self.append_record(room, epoch, record).boxed()
    }

    fn release(&self, room: String, epoch: u64) -> BoxFuture<'_, StoreResult<()>> {
        async move {
            let RoomKeys { room, values, epochs } = self.keys.room(&room);
            let mut script = self.scripts.release.prepare_invoke();
            script.key(room).key(values).key(epochs).arg(epoch).arg(millis(self.keep));
            self.invoke::<i64>(&script).await.map(drop)
        }
        .boxed()
    }

    fn put(&self, name: String, text: String, time: Duration) -> BoxFuture<'_, StoreResult<()>> {
        async move {
            let mut connection = self.connection.clone();
            let expiring = SetOptions::default().with_expiration(SetExpiry::PX(millis(time)));
            connection.set_options(self.keys.kept(&name), text, expiring).await.map_err(told)
        }
        .boxed()
    }

    fn take(&self, name: String) -> BoxFuture<'_, StoreResult<Option<String>>> {
        async move {
            let mut connection = self.connection.clone();
            connection.get_del(self.keys.kept(&name)).await.map_err(told)
        }
        .boxed()
    }
}

/// Returns the address of this machine from which packets to Redis leave.
fn local_address(redis: &ConnectionAddr) -> IpAddr {
    let target = match redis {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => (host, port),
        _ => return Ipv4Addr::LOCALHOST.into(),
    };
    // Connecting a datagram socket sends nothing, and chooses the address.
    let chosen = ["0.0.0.0:0", "[::]:0"].into_iter().find_map(|any| {
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect((target.0.as_str(), *target.1)).ok()?;
        socket.local_addr().ok()
    });
    chosen.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

/// Describes a node: its address, whether it drains, and its lease in ms.
fn describe(node: &Node, lease: Duration) -> String {
    format!("{} {} {}", node.address, u8::from(node.is_draining), millis(lease))
}

/// Returns a node and its lease in ms.
fn described_node(id: String, described: &str) -> StoreResult<(Node, u64)> {
    let parse = || {
        let mut parts = described.split(' ');
        let address = parts.next()?.parse().ok()?;
        let is_draining = parts.next()? == "1";
        Some((Node { id, address, is_draining }, parts.next()?.parse().ok()?))
    };
    parse().ok_or_else(|| unreadable("a node"))
}

/// Returns the owner of a room; `None` if its lease has lapsed.
fn owner_of(owner: &Value, described: &Value, left: &Value) -> StoreResult<Option<Owner>> {
    let left: i64 = read(left)?;
    let Ok(left) = u64::try_from(left) else { return Ok(None) };
    let (node, lease) = described_node(read(owner)?, &read::<String>(described)?)?;
    Ok(Some(Owner { node, silent: Duration::from_millis(lease.saturating_sub(left)) }))
}

fn recorded(key: String, bytes: Vec<u8>) -> StoreResult<RecordedValue> {
    let bytes = Bytes::from(bytes);
    let number = bytes.get(..NUMBER).and_then(|number| number.try_into().ok());
    let value = number.and_then(|_| Packed::checked(bytes.slice(NUMBER..)));
    let (Some(number), Some(value)) = (number, value) else {
        return Err(unreadable("a value"));
    };
    Ok(RecordedValue { key, value, commit: u64::from_be_bytes(number) })
}

fn read<T: FromRedisValue>(value: &Value) -> StoreResult<T> {
    redis::from_redis_value_ref(value).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Unusable(format!("it holds something that this program cannot read: {what}"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Converts an error of Redis.
fn told(error: RedisError) -> StoreError {
    let is_refusal =
        matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig);
    match is_refusal {
        true => StoreError::Unusable(error.to_string()),
        false => StoreError::Unreachable(error.to_string()),
    }
}
