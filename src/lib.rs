//! A state server for desktop and web applications: state, change listeners, triggers and the
//! page's template live in Rust, and web pages follow over a WebSocket.
//!
//! ```no_run
//! use selvedge::{Ctx, Result, Server, StartOptions};
//!
//! fn app() -> Result<Server> {
//!     let server = selvedge::get_server("counter");
//!     server.state().set("count", 0);
//!     server.on_change("count", |cx: Ctx, count: i64| cx.set("doubled", count * 2));
//!     server.trigger("reset", |cx: Ctx| cx.set("count", 0));
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
//! # Where things are
//!
//! - Values that every page follows: [`State`]; lists that grow: [`State::series`]; [`Model`](trait@Model) for keys whose names and types
//!   the compiler checks, and [`state::Handle`] for a key whose name is made at run time.
//!   Values that stay on the server: [`state::Context`].
//! - Functions that pages call, and events: [`Server::trigger`], [`Server::rpc`],
//!   [`Server::on_change`], [`Server::on`] with [`Lifecycle`]. Each gets a [`Ctx`]; [`calls`] has
//!   their arguments and results.
//! - Work that takes long: [`Server::job`], with a [`Job`](jobs::Job) to report progress, and
//!   [`jobs`].
//! - The content of pages: [`Server::template`], [`mod@ui`], and [`Module`] with [`pages`] for
//!   client code.
//! - Files from and to users, and dialogs: [`Server::on_upload`], [`Ctx::send_file`],
//!   [`Ctx::open_file`], [`Ctx::show_message`], and [`files`].
//! - The window: [`Server::window`] and [`mod@window`].
//! - Starting and stopping: [`StartOptions`], [`Running`], and [`run`] for everything around them.
//! - WebSockets beside the state: [`Server::websocket`] and [`websocket`]; programs that follow
//!   another server: [`client`]; ports: [`port`].
//! - Crates that show an application in a window of their own: [`host`].
//! - For people who come from trame: [`trame`].
//!
//! # Cargo features
//!
//! The defaults. A program that needs less builds less: 159 packages instead of 200 without
//! any.
//!
//! - `cli`: options on the command line: [`run::Cli`], [`StartOptions::from_args`]
//! - `client`: the [`client`] of state servers
//! - `dev`: pages follow their files, in development
//! - `monitoring`: an address for operators with health and metrics: [`StartOptions::monitoring`]
//! - `log`: a logger for programs that bring none, with files that are rotated
//! - `tls`: `--ssl`, and `wss://` for clients
//!
//! Not a default:
//!
//! - `testing`: `selvedge::testing`, for the tests of applications
//! - `typescript`: `Server::typescript`, the types of an application for its scripts
//!
//! The wire protocol is that of wslink 2, so pages, scripts and widget libraries made for trame
//! work unmodified.
#![forbid(unsafe_code)]

mod app;
mod blocking;
pub mod calls;
pub mod cluster;
mod error;
pub mod files;
mod hex;
mod http;
pub mod jobs;
mod monitoring;
pub mod pages;
pub mod plots;
mod protocol;
mod random;
/// Rooms: an application whose users do not all share one state.
///
/// [`Rooms`](rooms::Rooms) makes a room for each page, each browser, or each name in an address.
/// [`Server::admit`] decides who may enter and as what [`Role`](rooms::Role).
pub mod rooms {
    pub use crate::{
        app::{Person, Role, Room, Scope},
        protocol::User,
        run::rooms::Rooms,
    };
}

pub mod run;
pub mod state;
mod stop_times;
pub mod tables;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "typescript")]
mod typescript;
pub mod websocket;
pub mod window;

pub use app::{Ctx, Server, get_server};
pub use calls::registry::Lifecycle;
pub use error::{Error, Failure, Result};
pub use files::Upload;
pub use pages::Module;
pub use run::{Running, StartOptions, exit_code};
pub use state::{Model, State};
pub use window::{Window, WindowOptions};

/// Clients of servers that speak wslink, both this library's and trame's.
#[cfg(feature = "client")]
pub mod client {
    #[doc(no_inline)]
    pub use selvedge_wslink::{
        Error,
        client::{Client, ClientBuilder, Mirror, MirrorChanges, Subscription},
    };
}

/// For crates that show an application in a window of their own.
pub mod host {
    pub use crate::run::shell::{Shell, ShellExit, ShellSession, ShellStart};
}

/// What only people who know trame look for. The guide `docs/from-trame.md` has a table of
/// all of trame's names.
///
/// - [`get_server`]: a registry of servers by name; other programs make theirs with
///   [`Server::new`]
/// - [`Controller`](trame::Controller): functions that are called by name and may be defined later
/// - [`Translator`](trame::Translator): child servers, whose names get a prefix
/// - [`JsEval`](trame::JsEval): a script of a page as a value
pub mod trame {
    #[doc(no_inline)]
    pub use crate::app::{get_server, get_server_with};
    pub use crate::{
        calls::controller::{Controller, ControllerFunction},
        pages::js_eval::JsEval,
        state::translator::Translator,
    };
}

/// Templates as Rust values, the elements of the page, and layouts built from them.
///
/// ```
/// use selvedge::{Ctx, Server, ui, ui::el};
///
/// let server = Server::new("pump");
/// server.state().set("speed", 300).set("running", false);
/// let start = server.trigger("start", |cx: Ctx| cx.set("running", true));
/// server.template(
///     "main",
///     ui::app()
///         .child(ui::toolbar("Pump").child(el("button").on("click", &start).text("Start")))
///         .child(el("main").child(ui::empty("No runs yet")))
///         .child(ui::sidebar("Controls").child(
///             ui::field("Speed").unit("1/min").child(el("input").attr("type", "number").model("speed")),
///         ))
///         .child(ui::status().child(ui::led().lit("running").text("Running"))),
/// );
/// ```
pub mod ui {
    pub use crate::pages::{Element, Handler, Node, Prop, Ui, builders::*, el};
}

/// Values of the state, of arguments and of results.
pub mod values {
    #[doc(no_inline)]
    pub use selvedge_wslink::{Attachment, Error, Packed, Timestamp};
}

/// Ports that are bound exclusively and proved free: the library that the server listens with.
#[doc(no_inline)]
pub use selvedge_port as port;

#[doc(hidden)]
pub use selvedge_macros::embedded_module;

/// The command line parser that `run::Cli` is built on.
#[cfg(feature = "cli")]
pub use clap;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles the examples of the guides.
#[cfg(doctest)]
#[doc = include_str!("../docs/callbacks.md")]
#[doc = include_str!("../docs/deployment.md")]
#[doc = include_str!("../docs/files.md")]
#[doc = include_str!("../docs/from-trame.md")]
#[doc = include_str!("../docs/jobs.md")]
#[doc = include_str!("../docs/models.md")]
#[doc = include_str!("../docs/pages.md")]
#[doc = include_str!("../docs/rooms.md")]
struct Guides;

/// Compiles the examples of the guide to tests.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../docs/testing.md")]
struct TestingGuide;
