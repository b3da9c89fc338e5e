//! Programs whose only work is the server: in a terminal, with browsers, or in a window of their own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Duration,
};

use tokio::runtime::Runtime;

use super::{Shell, ShellSession, Signals, StartOptions, StopReport, logging, start::announce};
use crate::{Error, ExecMode, Result, Server};

/// Threads of the runtime at least: callbacks may block one now and then.
const MIN_THREADS: usize = 4;

/// How long the threads of callbacks that never end are waited for.
const RUNTIME_GRACE: Duration = Duration::from_millis(500);

/// The exit code of a program that panicked, Rust's own.
const PANICKED: i32 = 101;

/// How a run that has a program to itself ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// What the program should exit with: 0, 128 and the number of the signal that ended it, or 101 after a panic of
    /// the host.
    pub code: i32,
    /// What the stop found.
    pub report: StopReport,
}

/// The exit code of a program that does nothing but run a server. An error is printed as one line.
///
/// ```no_run
/// use selvedge::{Server, StartOptions};
///
/// fn main() -> std::process::ExitCode {
///     selvedge::exit_code(Server::new("doc").run(StartOptions::from_args()))
/// }
/// ```
pub fn exit_code(outcome: Result<Exit>) -> ExitCode {
    match outcome {
        Ok(exit) => ExitCode::from(u8::try_from(exit.code).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

impl Server {
    /// Serves browsers until a signal or the application itself ends it. A second signal ends the process at once.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`StopHandle::stop`](crate::StopHandle::stop), and [`Error::NoShell`] when the options
    /// ask for a window.
    ///
    /// # Panics
    /// When it is called from an async function: use `spawn` or `serve` there.
    pub fn run(&self, options: StartOptions) -> Result<Exit> {
        if options.exec_mode == ExecMode::Desktop {
            return Err(Error::NoShell);
        }
        let runtime = runtime()?;
        let exit = runtime.block_on(self.run_until_signal(options));
        runtime.shutdown_timeout(RUNTIME_GRACE);
        exit
    }

    pub(super) async fn run_until_signal(&self, options: StartOptions) -> Result<Exit> {
        logging::start(&options);
        let mut signals = match options.handle_signals {
            true => Some(Signals::listen()?),
            false => None,
        };
        let running = self.spawn(options.clone()).await?;
        announce(&running, self.name(), &options)?;
        let mut code = 0;
        let report = tokio::select! {
            report = running.stopped() => report,
            number = next(&mut signals) => {
                code = 128 + number;
                tokio::select! {
                    report = running.stop() => report,
                    _ = next(&mut signals) => std::process::exit(code),
                }
            }
        };
        options.ended(self.name(), code);
        Ok(Exit { code, report: report? })
    }

    /// Runs the server on threads of its own and a shell on this one, and stops the server when the shell is done.
    ///
    /// The server is stopped and its port proved free also when the shell fails or panics.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn), of [`StopHandle::stop`](crate::StopHandle::stop) and of the shell.
    ///
    /// # Panics
    /// When it is called from an async function.
    pub fn run_in(&self, shell: impl Shell, options: StartOptions) -> Result<Exit> {
        logging::start(&options);
        let runtime = runtime()?;
        let options = options.exec_mode(ExecMode::Desktop);
        let outcome = self.run_shell(&runtime, shell, options.clone());
        if let Ok(exit) = &outcome {
            options.ended(self.name(), exit.code);
        }
        runtime.shutdown_timeout(RUNTIME_GRACE);
        outcome
    }

    fn run_shell(
        &self,
        runtime: &Runtime,
        shell: impl Shell,
        options: StartOptions,
    ) -> Result<Exit> {
        let running = runtime.block_on(self.spawn(options))?;
        let stop = running.handle();
        let session = ShellSession {
            url: stop.sign_in_url()?,
            origin: running.url().to_owned(),
            window: self.settings().window.clone(),
            title: self.state().get("trame__title").unwrap_or_else(|_| self.name().to_owned()),
            stop,
            runtime: runtime.handle().clone(),
            server: self.clone(),
        };
        let shown = catch_unwind(AssertUnwindSafe(|| shell.run(session)));
        let report = runtime.block_on(running.stop());
        match shown {
            Ok(Ok(exit)) => Ok(Exit { code: exit.code, report: report? }),
            Ok(Err(error)) => {
                if let Err(stop) = report {
                    tracing::error!("{stop}");
                }
                Err(error)
            }
            // The panic's message was printed when it happened.
            Err(_) => Ok(Exit { code: PANICKED, report: report? }),
        }
    }
}

fn runtime() -> Result<Runtime> {
    let threads =
        std::thread::available_parallelism().map_or(MIN_THREADS, |n| n.get().max(MIN_THREADS));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("selvedge")
        .enable_all()
        .build()
        .map_err(|source| Error::Io { doing: "starting the runtime", source })
}

/// The next signal, never one where they are not listened for.
async fn next(signals: &mut Option<Signals>) -> i32 {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}
