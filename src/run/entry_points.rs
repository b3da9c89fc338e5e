//! Blocking entry points for programs that only run a server, for browsers or in a window.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use super::{
    Signals, StartOptions, StopReport, links, logging,
    shell::{SetUp, Shell, ShellStart},
    start::announce,
    terminal::print_error,
};
use crate::{Error, Lifecycle, Result, Server, app::ExecMode, stop_times};

/// Minimum number of runtime threads, since callbacks may block some of them.
const MIN_THREADS: usize = 4;

const AWAIT_INSTEAD: &str = "Call `server.serve(options).await` there, or `server.spawn(options).await` to go on while it \
    runs; or leave `#[tokio::main]` out, since it starts a runtime of its own";

const NO_ASYNC_MAIN: &str = "Call it from a `main` without `#[tokio::main]`: it starts a runtime of its own, and windows need the \
    main thread";

/// The signal with which service managers end a program.
const SIGTERM: i32 = 15;

/// The exit code after a panic, the same as Rust's.
const PANICKED: i32 = 101;

/// The outcome of [`Server::run`] or [`Server::run_in`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// The exit code for the program: 0, the code that the application
    /// [requested](Server::request_exit), 128 plus the number of the signal that ended it, or 101
    /// after a panic of the host.
    pub code: i32,
    /// The result of the stop.
    pub report: StopReport,
}

impl Exit {
    /// A nonzero `code` wins over the code that the application requested.
    fn new(code: i32, report: StopReport) -> Self {
        Exit { code: if code == 0 { report.exit_code } else { code }, report }
    }
}

/// Returns the exit code of a program that only runs a server. Prints an error as one line.
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
            print_error(format_args!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

impl Server {
    /// Serves browsers until a signal or the application ends the server. A second signal ends the
    /// process at once. A signal before the server listens cancels the start.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`StopHandle::stop`](crate::run::StopHandle::stop),
    /// [`Error::NoShell`] if the options ask for a window, and [`Error::InsideRuntime`] if called
    /// from async code: await [`serve`](Self::serve) or [`spawn`](Self::spawn) there.
    pub fn run(&self, options: StartOptions) -> Result<Exit> {
        if options.exec_mode == ExecMode::Desktop {
            return Err(Error::NoShell);
        }
        let runtime = blocking_runtime("Server::run", AWAIT_INSTEAD)?;
        let exit = runtime.block_on(self.run_until_signal(options));
        runtime.shutdown_timeout(stop_times::RUNTIME);
        exit
    }

    pub(super) async fn run_until_signal(&self, options: StartOptions) -> Result<Exit> {
        if let Some(asked) = links::ask(self.name(), &options)? {
            return Ok(asked);
        }
        logging::start(&options);
        let mut signals = match options.handle_signals {
            true => Some(Signals::listen()?),
            false => None,
        };
        let running = tokio::select! {
            running = self.start_listening(options.clone()) => running?,
            // The start is cancelled. It has served no client.
            number = next(&mut signals) => return Ok(Exit::new(128 + number, StopReport::default())),
        };
        let served = async {
            self.begin_hooks(Lifecycle::ServerReady).await;
            let _on_request = announce(&running, self.name(), &options)?;
            running.stopped().await
        };
        let mut code = 0;
        let report = tokio::select! {
            report = served => report,
            number = next(&mut signals) => {
                code = 128 + number;
                if number == SIGTERM && !options.drain.is_zero() {
                    tokio::select! {
                        _ = running.drain(options.drain) => {}
                        _ = next(&mut signals) => {}
                    }
                }
                tokio::select! {
                    report = running.stop() => report,
                    _ = next(&mut signals) => std::process::exit(code),
                }
            }
        };
        let exit = Exit::new(code, report?);
        options.ended(self.name(), exit.code);
        Ok(exit)
    }

    /// Runs the server on separate threads and a shell on this one, and stops the server when the
    /// shell returns.
    ///
    /// The server is also stopped, and its port proved free, if the shell fails or panics.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn), of [`StopHandle::stop`](crate::run::StopHandle::stop) and
    /// of the shell, and [`Error::InsideRuntime`] if called from async code.
    pub fn run_in(&self, shell: impl Shell, options: StartOptions) -> Result<Exit> {
        let server = self.clone();
        Self::set_up_in(self.name(), move || Ok(server), shell, options)
    }

    /// Runs a server in a shell like [`run_in`](Self::run_in), after a set-up that may take long:
    /// the shell can show its progress, or skip it.
    ///
    /// `name` is the name of the application before its server exists, if no
    /// [`Program`](crate::run::Program) was declared. `set_up` runs on a separate thread when the
    /// shell starts the application.
    ///
    /// # Errors
    /// Those of [`run_in`](Self::run_in) and of `set_up`; [`Error::Panicked`] if `set_up` panics.
    pub fn set_up_in(
        name: &str,
        set_up: impl FnOnce() -> Result<Self> + Send + 'static,
        shell: impl Shell,
        options: StartOptions,
    ) -> Result<Exit> {
        if let Some(asked) = links::ask(name, &options)? {
            return Ok(asked);
        }
        logging::start(&options);
        let runtime = blocking_runtime("Server::run_in", NO_ASYNC_MAIN)?;
        let options = options.exec_mode(ExecMode::Desktop);
        let outcome = run_shell(&runtime, name, Box::new(set_up), shell, options);
        runtime.shutdown_timeout(stop_times::RUNTIME);
        outcome
    }
}

fn run_shell(
    runtime: &Runtime,
    name: &str,
    set_up: SetUp,
    shell: impl Shell,
    options: StartOptions,
) -> Result<Exit> {
    let (started, running) = oneshot::channel();
    let abandoned = CancellationToken::new();
    let start = ShellStart {
        name: name.to_owned(),
        runtime: runtime.handle().clone(),
        set_up,
        options: options.clone(),
        abandoned: abandoned.clone(),
        started,
    };
    let shown = catch_unwind(AssertUnwindSafe(|| shell.run(start)));
    abandoned.cancel();
    let stopped = runtime.block_on(async {
        match running.await {
            Ok(running) => {
                let report = running.stop().await?;
                Ok::<_, Error>(Some((report, running.server_name().to_owned())))
            }
            // Nothing was started, or the start was not finished.
            Err(_) => Ok(None),
        }
    });
    let code = match shown {
        Ok(Ok(exit)) => exit.code,
        Ok(Err(error)) => {
            if let Err(stop) = stopped {
                tracing::error!("{stop}");
            }
            return Err(error);
        }
        // The panic message was printed by the panic hook.
        Err(_) => PANICKED,
    };
    let Some((report, server_name)) = stopped? else {
        return Ok(Exit::new(code, StopReport::default()));
    };
    let exit = Exit::new(code, report);
    options.ended(&server_name, exit.code);
    Ok(exit)
}

/// Creates a runtime that this thread can block on.
///
/// # Errors
/// [`Error::InsideRuntime`] if this thread runs async code.
fn blocking_runtime(function: &'static str, hint: &'static str) -> Result<Runtime> {
    let runtime = runtime()?;
    // Blocking-pool threads also have a runtime, but may block on another one. Only an attempt
    // tells them apart.
    let may_wait = Handle::try_current().is_err()
        || catch_unwind(AssertUnwindSafe(|| runtime.block_on(std::future::ready(())))).is_ok();
    if may_wait {
        return Ok(runtime);
    }
    // A plain drop would wait for the threads.
    runtime.shutdown_background();
    Err(Error::InsideRuntime { function, hint })
}

fn runtime() -> Result<Runtime> {
    let threads =
        std::thread::available_parallelism().map_or(MIN_THREADS, |n| n.get().max(MIN_THREADS));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("selvedge")
        .enable_all()
        .build()
        .map_err(|cause| Error::Io { doing: "starting the runtime", cause })
}

/// Waits for the next signal; never returns if signals are not handled.
async fn next(signals: &mut Option<Signals>) -> i32 {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}
