//! Attacks from the machine and from the network. Only the attacker may be affected.
//!
//! Each test starts with a server with default options and ends with proof that it still serves its
//! own page. Attacks on servers without the defence are in `src/http/tests.rs`; attacks from real
//! browsers are in `tests/e2e/attacks.rs`.

mod floods;
mod strangers;

use selvedge::{Running, Server};

use crate::support::{Client, start};

async fn target() -> Running {
    let server = Server::new("attacks");
    server.state().set("precious", "a thing of value");
    start(&server).await
}

/// Checks that a client with the secret is served as usual; then stops the server.
async fn is_unharmed(running: Running) {
    let state = Client::connect(&running).await.snapshot().await;
    assert_eq!(state["precious"], "a thing of value");
    running.stop().await.unwrap();
}
