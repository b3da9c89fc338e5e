//! An application as a program of its own: its command line, its log, and what its user sees when it fails.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use selvedge::{Error, Folders, Result, Server, StartOptions};

use crate::{crash, development, notice, shell::TauriShell};

/// What `--version` prints behind the name of an application that says none.
const UNVERSIONED: &str = concat!("(Selvedge ", env!("CARGO_PKG_VERSION"), ")");

/// An application that is to be a program with a window. [`run`](crate::run) is the short form.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use selvedge::{Result, Server};
/// use selvedge_desktop::App;
///
/// fn app() -> Result<Server> {
///     let server = selvedge::get_server("atlas");
///     // … work that takes a while
///     Ok(server)
/// }
///
/// fn main() -> ExitCode {
///     App::new("atlas", app).version(env!("CARGO_PKG_VERSION")).run()
/// }
/// ```
pub struct App {
    name: String,
    version: &'static str,
    several_instances: bool,
    set_up: Box<dyn FnOnce() -> Result<Server> + Send>,
}

impl App {
    /// An application by the name of its server, and the function that makes the server.
    ///
    /// The function runs on a thread of its own. When it, and the start of the server, take longer than 300 ms, a small window
    /// with the application's name shows that something is going on. It does not run in a second launch.
    pub fn new(
        name: impl Into<String>,
        set_up: impl FnOnce() -> Result<Server> + Send + 'static,
    ) -> Self {
        App {
            name: name.into(),
            version: UNVERSIONED,
            several_instances: false,
            set_up: Box::new(set_up),
        }
    }

    /// The version of the program, for `--version` and reports of crashes: usually `env!("CARGO_PKG_VERSION")`.
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Whether the program may run several times for one user. Default no: a second launch shows the window of the first,
    /// whose application is told ([`Lifecycle::SecondLaunch`](selvedge::Lifecycle::SecondLaunch)), and ends with 0.
    pub fn several_instances(mut self, several: bool) -> Self {
        self.several_instances = several;
        self
    }

    /// Runs it as its command line says, until it ends. See [`run`](crate::run).
    pub fn run(self) -> ExitCode {
        let options = StartOptions::from_args_of(&self.name, self.version);
        self.run_with(options)
    }

    /// The same for a program that has read its command line itself.
    pub fn run_with(self, options: StartOptions) -> ExitCode {
        let options = development::follow_tauri(options);
        if options.is_serve_only() {
            return selvedge::exit_code((self.set_up)().and_then(|server| server.run(options)));
        }
        let logs = logs(&self.name);
        crash::report_to(logs.clone(), &self.name, self.version);
        let options = match logs {
            Some(folder) => options.log_folder(folder),
            None => options,
        };
        let shell = TauriShell { several_instances: self.several_instances };
        let outcome = Server::set_up_in(&self.name, self.set_up, shell, options);
        match &outcome {
            // Where there is no display, there is none for this either.
            Err(Error::NoDisplay(_)) => {}
            Err(error) => notice::show(&self.name, &crash::explained(error)),
            Ok(exit) if exit.code == crash::PANICKED => {
                notice::show(&self.name, &crash::explained(&"the program has crashed"));
            }
            Ok(_) => {}
        }
        selvedge::exit_code(outcome)
    }
}

/// Without a home there is nobody to keep a log for.
fn logs(name: &str) -> Option<PathBuf> {
    let logs = Folders::of(name).and_then(|folders| folders.logs());
    let warn = |error: &selvedge::Error| {
        // Stderr may be gone, which `eprintln!` does not bear.
        let _ = writeln!(io::stderr(), "warning: no log is kept: {error}");
    };
    logs.inspect_err(warn).ok()
}
