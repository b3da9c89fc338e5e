//! The client of a state server: of Selvedge's, or of trame's in Python.
//!
//! ```no_run
//! # async fn doc() -> selvedge_wslink::Result<()> {
//! use selvedge_wslink::client::Client;
//!
//! let client = Client::builder("ws://127.0.0.1:8080/ws")?.secret("k").open().await?;
//! client.state().set("count", 5).await?;
//! # Ok(())
//! # }
//! ```

// - `values`: the client's copy of the state; `link`: calls that wait for their answers
// - `upkeep`: the connection, which is reopened when it is lost; `handle`: what applications use
//
// What must hold: an answer, a push and a snapshot take effect in the order in which the server
// sent them; a call ends when its connection does.

mod handle;
mod link;
mod upkeep;
mod values;

pub use handle::{Client, ClientBuilder, Mirror, MirrorChanges, Subscription};
