//! Tests the built programs in real windows, browsers and clients.
//!
//! Needs a display with a window manager, and the drivers of WebKitGTK and Chromium:
//! `cargo xtask test --only e2e` provides all of it.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod accessibility;
mod attacks;
mod board;
mod browser;
mod closing;
mod code;
mod driver;
mod drops;
mod elsewhere;
mod endings;
mod files;
mod gallery;
mod launching;
mod layout;
mod manifest;
mod manners;
mod navigation;
mod packages;
mod page_dialogs;
mod page_faults;
mod parity;
mod pictures;
mod place;
mod plots;
mod program;
mod proxies;
mod proxy;
mod refusals;
mod resume;
mod reverse_proxies;
mod rooms;
mod routes;
mod saving;
mod screen;
mod signing_in;
mod starter;
mod stock_client;
#[path = "../support/mod.rs"]
#[allow(dead_code)]
mod support;
mod tables;
mod templates;
mod tls;
mod weight;
mod weight_of_plots;
mod widgets;
mod widgets_window;
mod window;
mod window_options;
