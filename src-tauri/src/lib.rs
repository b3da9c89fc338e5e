//! A window for a Selvedge application.
//!
//! [`run`] is all that an application's `main` needs: it starts the server on a free port and opens
//! a window on it. When the window closes, it stops the server and verifies the stop before the
//! program ends. The application's own package needs none of Tauri's files.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     let server = selvedge::get_server("clock");
//!     server.state().set("time", "12:00");
//!     server.template("main", "<h1>{{ time }}</h1>");
//!     selvedge_desktop::run(server)
//! }
//! ```

#![forbid(unsafe_code)]

mod accent;
mod app;
mod appearance;
mod closing;
mod control;
mod crash;
mod desktop;
mod development;
mod dialogs;
mod downloads;
#[cfg(target_os = "linux")]
mod drops;
mod ending;
#[cfg(target_os = "linux")]
mod graphics;
#[cfg(unix)]
mod instance;
mod menu;
mod native_menu;
mod navigation;
mod notice;
#[cfg(target_os = "linux")]
mod permissions;
mod place;
#[cfg(target_os = "linux")]
mod proxy;
mod question;
mod shell;
mod splash;
#[cfg(target_os = "linux")]
mod stand_in;
mod storage;
#[cfg(target_os = "linux")]
mod web_process;
mod window_list;
mod windows;

use std::process::ExitCode;

use selvedge::Server;

pub use app::App;
pub use shell::TauriShell;

/// Runs an application until it ends, in a window, or for a browser with `--server` on the command
/// line.
///
/// It must be called on the main thread and once per process, as window systems require. [`App`]
/// does the same with options, and shows a slow start.
///
/// An error is printed on stderr as one line. If stderr is not a terminal, because the program was
/// started with a double click, a dialog shows the error. On Linux the dialog closes after a
/// minute; `SELVEDGE_NO_DIALOG=1` in the environment disables it. With `TRAME_DESKTOP_DEBUG` in the
/// environment, or [`desktop_debug`](selvedge::run::ServerOptions::desktop_debug), the inspector
/// opens beside the page.
///
/// # What it writes
/// Unless the application has its own logger, messages go to stderr and to the application's
/// [folder for logs](selvedge::files::Folders::logs), which keeps the files of seven days.
/// `RUST_LOG` and `--debug` select the messages. A panic writes a report to the same folder,
/// `crash-TIME.txt`, and its path to stderr; the last ten reports are kept. The place and size of
/// the first window are kept in the [folder for settings](selvedge::files::Folders::config), in
/// `window.json`; see [`remember_place`](selvedge::window::WindowOptions::remember_place). What
/// pages store is kept, and for that the port is the same at each start; see
/// [`keep_port`](selvedge::StartOptions::keep_port). What cannot be written is left out with a
/// warning.
///
/// # The exit code
/// - 0 if the last window was closed or the server stopped first, and its port is proved free; also
///   for a second launch;
/// - the code that the application passed to [`Server::request_exit`];
/// - 2 for an invalid command line;
/// - 69 if the port is taken, there is no display, or the application is already running and does
///   not answer;
/// - 70 if the release of the port could not be proved, and for other failures;
/// - 101 after a panic on the main thread, once the server has stopped, or in the set-up of the
///   application;
/// - 128 + *n* after signal *n* (SIGHUP, SIGINT, SIGTERM). A second signal ends the program at
///   once.
///
/// # A second launch
/// A second launch shows the window of the first, notifies its application
/// ([`Lifecycle::SecondLaunch`](selvedge::Lifecycle::SecondLaunch)), and exits with 0 without
/// starting a server. Applications are distinguished by their
/// [identifier](selvedge::run::Program::identifier), for one user and on one display. Runs with
/// `--server` do not count. [`App::several_instances`] turns this off.
///
/// # Development
/// Debug builds that `cargo tauri dev` has started run
/// [for development](selvedge::StartOptions::development): pages follow their files, and after a
/// change of the code the new window has the state of the one before.
///
/// # Linux
/// With some NVIDIA drivers WebKitGTK shows a blank window, unless the program is started with
/// `WEBKIT_DISABLE_DMABUF_RENDERER=1` in its environment (tauri#8462). Where there is no graphics
/// card, as in most virtual machines, this function sets that variable, unless the program has
/// already started threads: it saves 60 MiB and most of the processor time for drawing. `0` keeps
/// the emulated card, which transparent windows and the perspective of 3D transforms in style
/// sheets need.
///
/// If the X server goes away, GDK ends the process with 1 and without a teardown; the system closes
/// the port.
///
/// # Windows
/// A program without a console window cannot print `--help` and `--version`; `app --help | more`
/// shows them.
pub fn run(server: Server) -> ExitCode {
    App::new(server.name().to_owned(), || Ok(server)).run()
}

/// Compiles the examples of the guide to desktop programs.
#[cfg(doctest)]
#[doc = include_str!("../../docs/desktop.md")]
struct Guide;
