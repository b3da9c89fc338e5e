//! All ways in which the program ends, each of which leads to the one stop of the server.
//!
//! The first reason decides the exit code. The event loop ends only after the stop has a result,
//! which the caller of the shell reports. A program may end before its server has started: then the
//! caller abandons the start.

use std::{
    io::{self, Write},
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use selvedge::{
    Error, Result,
    host::ShellExit,
    run::{Signals, StopHandle},
};
use tauri::{AppHandle, ExitRequestApi, async_runtime};

/// Why the program ends, and how far it has come.
pub(crate) struct Ending {
    app: AppHandle,
    /// Stops the server; set once it has started.
    stop: OnceLock<StopHandle>,
    /// The exit code of the first reason to end; set once there is one.
    code: OnceLock<i32>,
    /// The first reason, if it is an error.
    failure: Mutex<Option<Error>>,
    /// Whether the stop has finished.
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

    /// Records that the server has started. Returns whether the program still needs it.
    pub(crate) fn started(&self, stop: StopHandle) -> bool {
        let _ = self.stop.set(stop);
        !self.has_begun()
    }

    /// Returns whether there is a reason to end.
    pub(crate) fn has_begun(&self) -> bool {
        self.code.get().is_some()
    }

    /// Stops the server and then the event loop, unless that has already begun.
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

    /// Delays the end of the event loop until the server has stopped.
    pub(crate) fn exit_requested(self: &Arc<Self>, code: Option<i32>, api: &ExitRequestApi) {
        if !self.stopped.load(Ordering::Acquire) {
            api.prevent_exit();
            self.end(code.unwrap_or(0));
        }
    }

    /// Stops the server at the end of the event loop, if it has not stopped before. Cmd-Q on macOS
    /// leads directly here, and code after this may never run.
    pub(crate) fn exiting(&self) {
        if !self.stopped.load(Ordering::Acquire)
            && let Some(stop) = self.stop.get()
            && let Err(error) = stop.stop_blocking()
        {
            let _ = writeln!(io::stderr(), "error: {error}");
            process::exit(error.exit_code().into());
        }
    }

    /// Ends the program on the signals that ask for it; on the second one without waiting.
    pub(crate) async fn obey(self: Arc<Self>, mut signals: Signals) {
        self.end(128 + signals.next().await);
        process::exit(128 + signals.next().await);
    }

    /// Returns how the program has ended; `code` is the exit code of the event loop.
    pub(crate) fn outcome(&self, code: i32) -> Result<ShellExit> {
        match self.failure.lock().take() {
            Some(error) => Err(error),
            None => Ok(ShellExit { code: self.code.get().copied().unwrap_or(code) }),
        }
    }
}
