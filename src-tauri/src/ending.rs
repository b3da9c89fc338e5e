//! Every way in which the program ends, led to the one stop of the server.
//!
//! The first reason decides the exit code. The event loop ends only after the stop has come to its verdict, which
//! the caller of the shell reports. A program may end before its server has started: then the caller gives the start up.

use std::{
    io::{self, Write},
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use selvedge::{Error, Result, ShellExit, Signals, StopHandle};
use tauri::{AppHandle, ExitRequestApi, async_runtime};

/// Why and how far the program has ended.
pub(crate) struct Ending {
    app: AppHandle,
    /// What stops the server, once it has started.
    stop: OnceLock<StopHandle>,
    /// The exit code of the first reason to end, once there is one.
    code: OnceLock<i32>,
    /// That reason, where it is an error.
    failure: Mutex<Option<Error>>,
    /// Whether the stop has come to its verdict.
    stopped: AtomicBool,
}

impl Ending {
    pub(crate) fn new(app: AppHandle) -> Self {
        Ending {
            app,
            stop: OnceLock::new(),
            code: OnceLock::new(),
            failure: Mutex::default(),
            stopped: AtomicBool::new(false),
        }
    }

    /// The server has started. Says whether the program still wants it.
    pub(crate) fn started(&self, stop: StopHandle) -> bool {
        let _ = self.stop.set(stop);
        !self.has_begun()
    }

    /// Whether there is a reason to end.
    pub(crate) fn has_begun(&self) -> bool {
        self.code.get().is_some()
    }

    /// Stops the server and then the event loop, unless that is under way.
    pub(crate) fn end(self: &Arc<Self>, code: i32) {
        if self.code.set(code).is_err() {
            return;
        }
        let ending = self.clone();
        async_runtime::spawn(async move {
            if let Some(stop) = ending.stop.get() {
                // The caller of the shell gets the same outcome and reports it.
                let _ = stop.stop().await;
            }
            ending.stopped.store(true, Ordering::Release);
            ending.app.exit(code);
        });
    }

    /// Ends with an error, unless another reason came first.
    pub(crate) fn fail(self: &Arc<Self>, error: Error) {
        let code = i32::from(error.exit_code());
        if !self.has_begun() {
            *self.failure.lock() = Some(error);
        }
        self.end(code);
    }

    /// Holds the end of the event loop back until the server has stopped.
    pub(crate) fn exit_requested(self: &Arc<Self>, code: Option<i32>, api: &ExitRequestApi) {
        if !self.stopped.load(Ordering::Acquire) {
            api.prevent_exit();
            self.end(code.unwrap_or(0));
        }
    }

    /// The event loop ends. Cmd-Q on macOS comes straight to here, and after this nothing is certain to run.
    pub(crate) fn exiting(&self) {
        if !self.stopped.load(Ordering::Acquire)
            && let Some(stop) = self.stop.get()
            && let Err(error) = stop.stop_blocking()
        {
            let _ = writeln!(io::stderr(), "error: {error}");
            process::exit(error.exit_code().into());
        }
    }

    /// Ends the program on the signals that ask for it: at the second one without waiting.
    pub(crate) async fn obey(self: Arc<Self>, mut signals: Signals) {
        self.end(128 + signals.next().await);
        process::exit(128 + signals.next().await);
    }

    /// How the program has ended; `code` is the event loop's.
    pub(crate) fn outcome(&self, code: i32) -> Result<ShellExit> {
        match self.failure.lock().take() {
            Some(error) => Err(error),
            None => Ok(ShellExit { code: self.code.get().copied().unwrap_or(code) }),
        }
    }
}
