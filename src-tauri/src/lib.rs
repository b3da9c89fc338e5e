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

mod dialogs;
mod ending;
mod shell;
#[cfg(target_os = "linux")]
mod web_process;
mod windows;

use std::{io::IsTerminal, process::ExitCode};

use selvedge::{Server, StartOptions};
use tracing_subscriber::EnvFilter;

pub use shell::TauriShell;

/// Runs an application in a window, or with `--server` on the command line for a browser, until it ends.
///
/// It has to be called on the main thread and once per process: window systems want it so. Where no logger is
/// installed, messages go to stderr, filtered by `RUST_LOG`. An error is printed there as one line.
/// With `TRAME_DESKTOP_DEBUG` set, the page can be inspected from its context menu.
///
/// The exit code is
/// - 0 when the last window was closed or the server stopped by itself, and its port is proved free;
/// - 2 for a command line that cannot be understood;
/// - 69 when the port is taken or there is no display;
/// - 70 when the release of the port could not be proved, and for other failures;
/// - 75 when the web process died twice within a minute (on Linux; elsewhere its death is not seen);
/// - 101 after a panic on the main thread, once the server has stopped;
/// - 128 + *n* after signal *n* (SIGHUP, SIGINT, SIGTERM). A second signal ends the program at once.
///
/// A second launch of the same application, known by the server's name, shows the window of the first and exits
/// with 0. Its server runs for a moment before that, on a port of its own.
///
/// # Linux
/// With some NVIDIA drivers WebKitGTK shows a blank window, unless the program is started with
/// `WEBKIT_DISABLE_DMABUF_RENDERER=1` in its environment (tauri#8462).
///
/// When the X server goes away, GDK ends the process with 1 and without a teardown; the system closes the port.
pub fn run(server: Server) -> ExitCode {
    let default = "warn,selvedge=info,tauri_plugin_single_instance=error";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let stderr = std::io::stderr;
    let log = tracing_subscriber::fmt().with_ansi(stderr().is_terminal()).with_writer(stderr);
    // It fails where the application has a logger already, which then gets the messages.
    let _ = log.with_env_filter(filter).try_init();
    let options = StartOptions::from_args();
    selvedge::exit_code(if options.is_serve_only() {
        server.run(options)
    } else {
        server.run_in(TauriShell, options)
    })
}
