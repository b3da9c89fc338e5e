//! Every way in which the program ends, led to the one stop of the server.
//!
//! The first reason decides the exit code. The event loop ends only after the stop has come to its verdict, which
//! the caller of the shell reports.

use std::{
    process,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use selvedge::{Signals, StopHandle};
use tauri::{AppHandle, ExitRequestApi, async_runtime};

pub(crate) struct Ending {
    app: AppHandle,
    stop: StopHandle,
    code: OnceLock<i32>,
    stopped: AtomicBool,
}

impl Ending {
    pub(crate) fn new(app: AppHandle, stop: StopHandle) -> Arc<Self> {
        Arc::new(Ending {
            app,
            stop,
            code: OnceLock::new(),
            stopped: AtomicBool::new(false),
        })
    }

    /// The exit code of the first reason to end, once there is one.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code.get().copied()
    }

    /// Stops the server and then the event loop, unless that is under way.
    pub(crate) fn begin(self: &Arc<Self>, code: i32) {
        if self.code.set(code).is_err() {
            return;
        }
        let ending = self.clone();
        async_runtime::spawn(async move {
            // The caller of the shell gets the same outcome and reports it.
            let _ = ending.stop.stop().await;
            ending.stopped.store(true, Ordering::Release);
            ending.app.exit(code);
        });
    }

    /// Holds the end of the event loop back until the server has stopped.
    pub(crate) fn requested(self: &Arc<Self>, code: Option<i32>, api: &ExitRequestApi) {
        if !self.stopped.load(Ordering::Acquire) {
            api.prevent_exit();
            self.begin(code.unwrap_or(0));
        }
    }

    /// The event loop ends. Cmd-Q on macOS comes straight to here, and after this nothing is certain to run.
    pub(crate) fn leaving(&self) {
        if self.stopped.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = self.stop.stop_blocking() {
            eprintln!("{error}");
            process::exit(error.exit_code().into());
        }
    }

    /// Ends the program when the server stops for a reason of its own, and on the signals that ask for it: at the
    /// second one without waiting.
    pub(crate) async fn follow(self: Arc<Self>, mut signals: Signals) {
        tokio::select! {
            _ = self.stop.stopped() => self.begin(0),
            number = signals.next() => self.begin(128 + number),
        }
        process::exit(128 + signals.next().await);
    }
}
