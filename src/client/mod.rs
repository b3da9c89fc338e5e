//! Clients of any WebSocket ([`Connect`]), and of servers that speak wslink ([`Client`]), both this
//! library's and trame's.

// - `connect`: a WebSocket by URL, by host and port, or over an existing stream; `upgrade`: its
//   opening handshake; `tls`: the certificate authorities of `wss`
// - `wslink`: the client of a state server; `upkeep`: its connection, which is reopened when it is
//   lost; `link`: calls that wait for their answers; `mirror`: the client's copy of the state
//
// What must hold: an answer, a push and a snapshot take effect in the order in which the server
// sent them; a call ends when its connection does.

mod connect;
mod link;
mod mirror;
mod tls;
mod upgrade;
mod upkeep;
mod wslink;

pub use connect::Connect;
pub use mirror::Mirror;
pub use tokio_rustls::rustls;
pub use wslink::{Client, ClientBuilder, Subscription};
