//! Tests the library through its public interface, over real sockets.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod access;
mod addresses;
mod attacks;
mod bad_input;
mod blocking;
mod calls;
mod compression;
mod controller;
mod dialogs;
mod files;
mod frames;
mod jobs;
mod keeping;
mod links;
mod log;
mod measured;
mod model;
mod models;
mod network_log;
#[cfg(feature = "monitoring")]
mod operation;
mod options;
mod output;
mod ports;
mod protection;
mod proxy;
mod recorded;
mod releasing;
mod reloading;
mod resume;
mod rooms;
mod rooms_model;
mod rooms_scale;
mod scale;
mod series;
mod shells;
mod slow_clients;
mod starting;
mod state;
mod stopping;
mod streams;
mod support;
#[cfg(feature = "testing")]
mod testing;
#[cfg(feature = "testing")]
mod testing_pages;
mod timers;
mod tls;
mod transfers;
#[cfg(feature = "typescript")]
mod typescript;
mod users;
mod values;
mod websocket;
mod window;
