//! The library through its public interface, over real sockets.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod access;
mod addresses;
mod attacks;
mod bad_input;
mod calls;
mod controller;
mod files;
mod frames;
mod measured;
mod model;
mod network_log;
mod options;
mod protection;
mod proxy;
mod recorded;
mod releasing;
mod reloading;
mod resume;
mod starting;
mod state;
mod stopping;
mod streams;
mod support;
mod tls;
mod websocket;
