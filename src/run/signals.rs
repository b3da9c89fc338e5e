//! Signals that ask a program to end.

use std::io;
#[cfg(unix)]
use std::task::Poll;

use crate::{Error, Result};

/// Waits for SIGINT, SIGTERM and SIGHUP; on Windows for Ctrl-C, Ctrl-Break and the closing of the
/// console.
///
/// While this exists, these signals do not end the process; on Unix they do not do so afterwards
/// either. On Linux, signals that were ignored when the program started stay ignored: SIGHUP after
/// `nohup`, SIGINT in a background job of a script.
///
/// ```no_run
/// # async fn doc() -> selvedge::Result<()> {
/// let mut signals = selvedge::run::Signals::listen()?;
/// let number = signals.next().await;
/// println!("ended by signal {number}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    streams: Vec<(i32, tokio::signal::unix::Signal)>,
    #[cfg(windows)]
    streams: (
        tokio::signal::windows::CtrlC,
        tokio::signal::windows::CtrlBreak,
        tokio::signal::windows::CtrlClose,
    ),
}

impl Signals {
    /// Starts listening. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses the signal handlers.
    pub fn listen() -> Result<Self> {
        Self::streams().map_err(|cause| Error::Io { doing: "listening for signals", cause })
    }

    #[cfg(unix)]
    fn streams() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let ignored = ignored();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let heard = kinds.into_iter().filter(|kind| !is_in(ignored, kind.as_raw_value()));
        let streams = heard.map(|kind| Ok((kind.as_raw_value(), signal(kind)?)));
        Ok(Signals { streams: streams.collect::<io::Result<_>>()? })
    }

    #[cfg(windows)]
    fn streams() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Signals { streams: (ctrl_c()?, ctrl_break()?, ctrl_close()?) })
    }

    /// Waits for the next signal and returns its number: 1 for SIGHUP, 2 for SIGINT, 15 for
    /// SIGTERM. On Windows: 2 for Ctrl-C, 15 for the others.
    ///
    /// By convention, a program that ends because of a signal exits with 128 plus this number.
    ///
    /// # Cancellation
    /// No signal is lost when the future is dropped.
    #[cfg(unix)]
    pub async fn next(&mut self) -> i32 {
        std::future::poll_fn(|context| {
            let ready = |(number, stream): &mut (i32, tokio::signal::unix::Signal)| {
                stream.poll_recv(context).is_ready().then_some(*number)
            };
            match self.streams.iter_mut().find_map(ready) {
                Some(number) => Poll::Ready(number),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Waits for the next signal and returns its number: 2 for Ctrl-C, 15 for the others.
    ///
    /// # Cancellation
    /// No signal is lost when the future is dropped.
    #[cfg(windows)]
    pub async fn next(&mut self) -> i32 {
        let (ctrl_c, ctrl_break, ctrl_close) = &mut self.streams;
        tokio::select! {
            _ = ctrl_c.recv() => 2,
            _ = ctrl_break.recv() => 15,
            _ = ctrl_close.recv() => 15,
        }
    }
}

/// Returns the kernel's bit mask of the signals that this process ignores. Empty on systems without
/// `/proc`.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status)
}

#[cfg(unix)]
fn ignored_in(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Returns whether a signal is in a mask. Signal 1 is the lowest bit.
#[cfg(unix)]
fn is_in(mask: u64, signal: i32) -> bool {
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_which_signals_are_ignored() {
        let status = "Name:\tapp\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001003\n";
        let ignored = ignored_in(status);
        assert_eq!([1, 2, 13, 15].map(|signal| is_in(ignored, signal)), [true, true, true, false]);
        assert_eq!(ignored_in("nothing of the kind"), 0);
    }
}
