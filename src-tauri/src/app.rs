//! An application as a program: its command line, its log, and what its user sees when it fails.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use selvedge::{Error, Result, Server, StartOptions, run::Program};

use crate::{crash, development, notice, shell::TauriShell};

/// An application that runs as a program with a window. [`run`](crate::run) is the short form.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use selvedge::{run::Program, Result, Server};
/// use selvedge_desktop::App;
///
/// fn app() -> Result<Server> {
///     let server = selvedge::get_server("atlas");
///     // … work that takes a while
///     Ok(server)
/// }
///
/// fn main() -> ExitCode {
///     let program = Program::new("atlas").version(env!("CARGO_PKG_VERSION"));
///     App::new(program, app).run()
/// }
/// ```
pub struct App {
    program: Program,
    several_instances: bool,
    set_up: Box<dyn FnOnce() -> Result<Server> + Send>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("program", &self.program).finish_non_exhaustive()
    }
}

impl App {
    /// Creates an application from a description of its program and the function that makes its
    /// server. A program with a `tauri.conf.json` for its packages passes
    /// [`selvedge::program!()`](selvedge::program!), any other can pass just a name.
    ///
    /// The function runs on a separate thread. If it takes longer than 300 ms together with the
    /// start of the server, a small window with the program's title shows that the start is in
    /// progress. A second launch does not call it.
    pub fn new(
        program: impl Into<Program>,
        set_up: impl FnOnce() -> Result<Server> + Send + 'static,
    ) -> Self {
        App { program: program.into(), several_instances: false, set_up: Box::new(set_up) }
    }

    /// Sets whether the program may run several times for one user. By default it may not: a second
    /// launch shows the window of the first, notifies its application
    /// ([`Lifecycle::SecondLaunch`](selvedge::Lifecycle::SecondLaunch)), and exits with 0.
    pub fn several_instances(mut self, several: bool) -> Self {
        self.several_instances = several;
        self
    }

    /// Runs the application as its command line requests, until it ends. See [`run`](crate::run).
    ///
    /// Arguments that are not flags are files to open:
    /// [`Launch::files`](selvedge::window::Launch::files).
    pub fn run(self) -> ExitCode {
        let options = StartOptions::from_args_of(&self.program);
        self.run_with(options)
    }

    /// Runs the application in a program that parses its command line itself. Files to open are
    /// passed as [`StartOptions::files`].
    pub fn run_with(self, options: StartOptions) -> ExitCode {
        let options = development::follow_tauri(options);
        let program = match self.program.declare() {
            Ok(program) => program,
            Err(error) => return selvedge::exit_code(Err(error)),
        };
        options.launch().declare();
        if options.is_serve_only() {
            return selvedge::exit_code((self.set_up)().and_then(|server| server.run(options)));
        }
        #[cfg(target_os = "linux")]
        crate::graphics::without_card();
        let logs = folder("no log is kept", program.folders().and_then(|folders| folders.logs()));
        crash::report_to(logs.clone(), program);
        let options = match logs {
            Some(folder) => options.log_folder(folder),
            None => options,
        };
        let data = program.folders().and_then(|folders| folders.data());
        let options = match folder("no port is kept", data) {
            Some(folder) => options.keep_port(folder.join("ports")),
            None => options,
        };
        let shell = TauriShell { several_instances: self.several_instances };
        let outcome = Server::set_up_in(program.get_name(), self.set_up, shell, options);
        match &outcome {
            // Without a display, a dialog cannot be shown either.
            Err(Error::NoDisplay(_)) => {}
            Err(error) => notice::show(program.get_title(), &crash::explained(error)),
            Ok(exit) if exit.code == crash::PANICKED => {
                let what = crash::explained(&"the program has crashed");
                notice::show(program.get_title(), &what);
            }
            Ok(_) => {}
        }
        selvedge::exit_code(outcome)
    }
}

/// Returns the folder, or warns about what is not kept without it. There is no logger yet.
fn folder(lost: &str, folder: Result<PathBuf>) -> Option<PathBuf> {
    let warn = |error: &Error| {
        // Stderr may be closed, on which `eprintln!` panics.
        let _ = writeln!(io::stderr(), "warning: {lost}: {error}");
    };
    folder.inspect_err(warn).ok()
}
