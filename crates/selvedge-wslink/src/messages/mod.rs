//! The RPC envelope of wslink 2: requests, replies, errors and publishes.

pub mod client;
pub mod server;
