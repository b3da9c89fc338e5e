//! The store of a [cluster](selvedge::cluster) on Redis 7 or Valkey.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use selvedge::{Result, Server, StartOptions, exit_code, rooms::{Room, Rooms, Scope}};
//!
//! fn app(room: &Room) -> Result<Server> {
//!     let server = Server::new("counter");
//!     server.state().set("count", 0).durable(&["count"]);
//!     server.template("main", "<button @click=\"count += 1\">{{ count }}</button>");
//!     Ok(server)
//! }
//!
//! fn main() -> ExitCode {
//!     // Start it with --redis redis://127.0.0.1/
//!     let rooms = Rooms::new(app).scope(Scope::Named).cluster(selvedge_redis::engine());
//!     exit_code(rooms.server().and_then(|server| server.run(StartOptions::from_args())))
//! }
//! ```
//!
//! All keys begin with `selvedge:1:NAME:`, where 1 is the version of their format and NAME the name of
//! the application, so several applications share one Redis. Every operation that must be atomic is a
//! script. A cluster of Redis servers with several masters is not supported: the keys of a room have
//! to be on one.
#![forbid(unsafe_code)]

mod keys;
mod scripts;
mod store;

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};
use selvedge::cluster::{Engine, Store, StoreResult};

use store::RedisStore;

/// Default of [`Redis::keep`].
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Connects nodes with Redis or Valkey.
#[derive(Clone)]
pub struct Redis {
    keep: Duration,
}

/// Returns the engine with its defaults.
pub fn engine() -> Redis {
    Redis { keep: KEEP }
}

impl Redis {
    /// Sets how long the state of a room is kept after the room has ended. Default: 30 days.
    pub fn keep(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("keep", &self.keep).finish()
    }
}

impl Engine for Redis {
    fn connect<'a>(
        &'a self,
        address: &'a str,
        application: &'a str,
    ) -> BoxFuture<'a, StoreResult<Arc<dyn Store>>> {
        async move {
            let store = RedisStore::connect(address, application, self.keep).await?;
            Ok(Arc::new(store) as Arc<dyn Store>)
        }
        .boxed()
    }
}
