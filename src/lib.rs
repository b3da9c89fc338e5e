//! A state server for desktop and web applications: state, change listeners, triggers and the
//! page's template live in Rust, and web pages follow over a WebSocket.
//!
//! ```no_run
//! use selvedge::{Ctx, Result, Server, StartOptions};
//!
//! fn app() -> Result<Server> {
//!     let server = selvedge::get_server("counter");
//!     server.state().set("count", 0);
//!     server.on_change("count", |cx: Ctx, count: i64| {
//!         cx.state().set("doubled", count * 2);
//!     });
//!     server.trigger("reset", |cx: Ctx| {
//!         cx.state().set("count", 0);
//!     });
//!     server.template("main", r#"
//!         <input type="range" v-model.number="count"> {{ count }} × 2 = {{ doubled }}
//!         <button @click="trigger('reset')">Reset</button>
//!     "#);
//!     Ok(server)
//! }
//!
//! fn main() -> Result<()> {
//!     app()?.run(StartOptions::from_args())?;
//!     Ok(())
//! }
//! ```
//!
//! [`Server::run`] serves browsers. With the crate `selvedge-desktop`,
//! `selvedge_desktop::run(app()?)` shows the same application in its own window, and ends only when
//! the port that it listened on is proved free again.
//!
//! # Map
//!
//! | topic | items |
//! | --- | --- |
//! | values shared with every page | [`State`], [`Handle`], [`Packed`], [`Attachment`], [`Timestamp`] |
//! | values that stay on the server | [`Context`] |
//! | functions that pages call, and events | [`Server::trigger`], [`Server::rpc`], [`Server::on_change`], [`Server::on`], [`Ctx`] |
//! | functions called by name | [`Controller`] |
//! | parts of an application | [`Server::create_child_server`], [`Translator`] |
//! | the content of pages | [`Server::template`], [`mod@ui`], [`Module`], [`Server::enable_module`] |
//! | messages to pages | [`Server::publish`], [`Server::stream`], [`Server::js_call`] |
//! | files from and to users, of any size | [`Server::on_upload`], [`Upload`], [`Ctx::send_file`], [`Download`] |
//! | dialogs | [`Ctx::open_file`], [`Ctx::open_files`], [`Ctx::open_folder`], [`Ctx::show_message`] |
//! | starting and stopping | [`StartOptions`], [`Cli`], [`Server::start`], [`Running`], [`StopHandle`], [`Shell`] |
//! | the window and its menu | [`WindowOptions`], [`Menu`], [`ConfirmClose`], [`Server::window`] |
//! | application WebSockets, and clients | [`Server::websocket`], [`websocket::Connection`], [`websocket::Connect`], [`client::Client`] |
//! | the program's name, and its files on the user's machine | [`Program`], [`Server::folders`] |
//! | ports | [`port::is_port_free`], [`port::wait_port_free`] |
//!
//! The wire protocol is that of wslink 2, so pages, scripts and widget libraries made for trame
//! work unmodified.
#![forbid(unsafe_code)]

mod blocking;
mod callback;
pub mod client;
mod controller;
mod error;
mod http;
mod run;
mod server;
mod session;
mod state;
mod template;
pub mod websocket;
mod window;
mod wire;

pub use callback::{Argument, Arguments, Callback, Kwargs, Outcome, Reply, Rest};
pub use controller::{FunctionId, Lifecycle};
pub use error::{Error, Failure, Result, TransferError};
#[cfg(unix)]
pub use run::{Claim, Instance, Launches};
pub use run::{
    Cli, Exit, FrameSink, FrameStream, Running, Shell, ShellExit, ShellSession, ShellStart,
    Signals, StartOptions, Started, StopHandle, StopReport, exit_code,
};
pub use server::{
    Assets, Backend, Controller, ControllerFunction, Ctx, Download, EmbeddedFiles, Endpoints,
    ExecMode, Extension, Folders, Keys, Module, OpenedFiles, Program, Progress, Resource,
    RunningOptions, Saved, Server, ServerOptions, Source, TransferLimits, Trigger, Upload, VueUse,
    Window, get_server, get_server_with,
};
pub use state::{Batch, Context, FlushScope, Handle, State, Suppressed, Translator};
pub use template::Template;

/// Templates as Rust values, and layouts built from them.
pub mod ui {
    pub use crate::{
        server::{JsEval, Ui},
        template::{Element, Handler, Node, Prop, el},
    };
}

pub use window::{
    Closing, ConfirmClose, Dialogs, FileFilter, Launch, Menu, MenuEntry, MenuItem, MessageAnswer,
    MessageButtons, MessageLevel, MessageRequest, OpenChoice, OpenRequest, SaveRequest,
    StandardItem, WindowChange, WindowControl, WindowOptions, WindowState,
};
pub use wire::{Attachment, ClientId, Packed, Timestamp};

#[doc(hidden)]
pub use selvedge_macros::embedded_module;

/// Ports that are bound exclusively and proved free: the library that the server listens with.
pub use selvedge_port as port;

/// The command line parser that [`Cli`] is built on.
pub use clap;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles the examples of the guide to pages.
#[cfg(doctest)]
#[doc = include_str!("../docs/pages.md")]
struct Pages;
