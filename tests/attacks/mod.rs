//! What others on the machine and in the network may try. Nobody but the attacker may notice.
//!
//! Each test begins with a server as everybody starts it and ends with proof that it still serves its own page. Attacks on servers
//! without the defence are in `src/http/tests.rs`; those from real browsers in `tests/e2e/attacks.rs`.

mod floods;
mod strangers;

use selvedge::{Running, Server};

use crate::support::{Client, start};

async fn target() -> Running {
    let server = Server::new("attacks");
    server.state().set("precious", "a thing of value");
    start(&server).await
}

/// A client with the secret is served as ever; then the server is stopped.
async fn is_unharmed(running: Running) {
    let state = Client::connect(&running).await.snapshot().await;
    assert_eq!(state["precious"], "a thing of value");
    running.stop().await.unwrap();
}
