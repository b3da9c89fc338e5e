//! The library through its public interface, over real sockets.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod access;
mod attacks;
mod calls;
mod controller;
mod files;
mod options;
mod protection;
mod proxy;
mod state;
mod stopping;
mod streams;
mod support;
mod tls;
