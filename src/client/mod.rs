//! Clients of servers that speak wslink, both this library's and trame's. Clients of any WebSocket
//! are in [`websocket`](crate::websocket).

// - `wslink`: the client of a state server; `upkeep`: its connection, which is reopened when it is
//   lost; `link`: calls that wait for their answers; `mirror`: the client's copy of the state
//
// What must hold: an answer, a push and a snapshot take effect in the order in which the server
// sent them; a call ends when its connection does.

mod link;
mod mirror;
mod upkeep;
mod wslink;

pub use mirror::Mirror;
pub use wslink::{Client, ClientBuilder, Subscription};
