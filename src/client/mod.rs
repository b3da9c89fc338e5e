//! Clients: of any WebSocket ([`Connect`]), and of servers that speak wslink ([`Client`]), be they this library's or trame's.

// - `connect`: a WebSocket by URL, by host and port, or over a stream that is there; `upgrade`: its opening handshake; `tls`: whom
//   `wss` trusts
// - `wslink`: the client of a state server; `upkeep`: its connection, which is made again when it is lost; `link`: who waits for
//   which answer; `mirror`: the server's state on this side
//
// What must hold: an answer, a push and a snapshot take effect in the order in which the server sent them; a call ends when its
// connection does.

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
