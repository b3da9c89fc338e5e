//! A window for a Selvedge application.
//!
//! [`run`] is all that an application's `main` needs: the server on a free port, a window on it, and when the window
//! closes a stop that is verified before the program ends. The application's own package needs no file of Tauri.
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

mod app;
mod appearance;
mod closing;
mod control;
mod crash;
mod development;
mod dialogs;
mod downloads;
#[cfg(target_os = "linux")]
mod drops;
mod ending;
mod menu;
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
mod windows;

use std::process::ExitCode;

use selvedge::Server;

pub use app::App;
pub use shell::TauriShell;

/// Runs an application in a window, or with `--server` on the command line for a browser, until it ends.
///
/// It has to be called on the main thread and once per process: window systems want it so. [`App`] has the same with
/// options, and shows a slow start.
///
/// An error is printed on stderr as one line. Where stderr is no terminal, because the program was started with a double
/// click, a dialog says what ended it; that closes itself after a minute on Linux, and `SELVEDGE_NO_DIALOG=1` in the
/// environment keeps it away. With `TRAME_DESKTOP_DEBUG` in the environment, or
/// [`desktop_debug`](selvedge::ServerOptions::desktop_debug), the inspector opens beside the page.
///
/// # What it writes
/// Messages go to stderr and to the application's [folder for logs](selvedge::Folders::logs), where the files of seven days are
/// kept, unless the application has a logger of its own. `RUST_LOG` and `--debug` say which messages. A panic leaves a report
/// in the same folder, `crash-TIME.txt`, of which the last ten are kept, and stderr says where. Place and size of the
/// first window are kept in the [folder for settings](selvedge::Folders::config), in `window.json`; see
/// [`remember_place`](selvedge::WindowOptions::remember_place). What pages store is kept, and the port is the same at each
/// start for that; see [`keep_port`](selvedge::StartOptions::keep_port). What cannot be written is left out with a warning.
///
/// # The exit code
/// - 0 when the last window was closed or the server stopped by itself, and its port is proved free; also for a second
///   launch;
/// - what the application asked for with [`Server::request_exit`];
/// - 2 for a command line that cannot be understood;
/// - 69 when the port is taken, there is no display, or the application runs already and does not answer;
/// - 70 when the release of the port could not be proved, and for other failures;
/// - 101 after a panic on the main thread, once the server has stopped, or in the set-up of the application;
/// - 128 + *n* after signal *n* (SIGHUP, SIGINT, SIGTERM). A second signal ends the program at once.
///
/// # A second launch
/// It shows the window of the first, whose application is told
/// ([`Lifecycle::SecondLaunch`](selvedge::Lifecycle::SecondLaunch)), and exits with 0 without starting a server. An
/// application is known by its [identifier](selvedge::Program::identifier), for one user and on one display. Runs with `--server` have no part in
/// it. [`App::several_instances`] turns it off.
///
/// # Development
/// Debug builds that `cargo tauri dev` has started are started [for development](selvedge::StartOptions::development): pages follow
/// their files, and the window that comes back after a change of the code has the state of the one before.
///
/// # Linux
/// With some NVIDIA drivers WebKitGTK shows a blank window, unless the program is started with
/// `WEBKIT_DISABLE_DMABUF_RENDERER=1` in its environment (tauri#8462).
///
/// When the X server goes away, GDK ends the process with 1 and without a teardown; the system closes the port.
///
/// # Windows
/// A program without a console window has nowhere to print `--help` and `--version`: `app --help | more` shows them.
pub fn run(server: Server) -> ExitCode {
    App::new(server.name().to_owned(), || Ok(server)).run()
}
