//! Every way in which the program ends, led to the one stop of the server.
//!
//! The first reason decides the exit code. The event loop ends only after the stop has come to its verdict, which
//! the caller of the shell reports.

use std::{
    process,
    sync::{Arc, atomic::Ordering},
};

use selvedge::Signals;
use tauri::{ExitRequestApi, async_runtime};

use crate::shell::Desktop;

impl Desktop {
    /// Stops the server and then the event loop, unless that is under way.
    pub(crate) fn end(self: &Arc<Self>, code: i32) {
        if self.code.set(code).is_err() {
            return;
        }
        let desktop = self.clone();
        async_runtime::spawn(async move {
            // The caller of the shell gets the same outcome and reports it.
            let _ = desktop.session.stop.stop().await;
            desktop.stopped.store(true, Ordering::Release);
            desktop.app.exit(code);
        });
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
            && let Err(error) = self.session.stop.stop_blocking()
        {
            eprintln!("error: {error}");
            process::exit(error.exit_code().into());
        }
    }

    /// Ends the program when the server stops for a reason of its own, and on the signals that ask for it: at the
    /// second one without waiting.
    pub(crate) async fn follow(self: Arc<Self>, mut signals: Signals) {
        tokio::select! {
            _ = self.session.stop.stopped() => self.end(0),
            number = signals.next() => self.end(128 + number),
        }
        process::exit(128 + signals.next().await);
    }
}
