//! The signals that ask a program to end.

use std::io;

use crate::{Error, Result};

/// Waits for SIGINT, SIGTERM and SIGHUP; on Windows for Ctrl-C, Ctrl-Break and the closing of the console.
///
/// While it exists, these no longer end the process by themselves, and on Unix they never do so again.
///
/// ```no_run
/// # async fn doc() -> selvedge::Result<()> {
/// let mut signals = selvedge::Signals::listen()?;
/// let number = signals.next().await;
/// println!("ended by signal {number}");
/// # Ok(())
/// # }
/// ```
pub struct Signals {
    #[cfg(unix)]
    streams: [(i32, tokio::signal::unix::Signal); 3],
    #[cfg(windows)]
    streams: (
        tokio::signal::windows::CtrlC,
        tokio::signal::windows::CtrlBreak,
        tokio::signal::windows::CtrlClose,
    ),
}

impl Signals {
    /// Starts to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not let the program handle signals.
    pub fn listen() -> Result<Self> {
        Self::streams().map_err(|source| Error::Io { doing: "listening for signals", source })
    }

    #[cfg(unix)]
    fn streams() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stream = |kind: SignalKind| io::Result::Ok((kind.as_raw_value(), signal(kind)?));
        Ok(Signals {
            streams: [
                stream(SignalKind::interrupt())?,
                stream(SignalKind::terminate())?,
                stream(SignalKind::hangup())?,
            ],
        })
    }

    #[cfg(windows)]
    fn streams() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Signals { streams: (ctrl_c()?, ctrl_break()?, ctrl_close()?) })
    }

    /// The number of the next signal: 1 for SIGHUP, 2 for SIGINT and Ctrl-C, 15 for SIGTERM and the others of Windows.
    ///
    /// A program that ends because of it exits with 128 and this number by convention.
    ///
    /// # Cancellation
    /// No signal is lost when the future is dropped.
    #[cfg(unix)]
    pub async fn next(&mut self) -> i32 {
        let [(interrupt, interrupts), (terminate, terminates), (hangup, hangups)] =
            &mut self.streams;
        tokio::select! {
            _ = interrupts.recv() => *interrupt,
            _ = terminates.recv() => *terminate,
            _ = hangups.recv() => *hangup,
        }
    }

    /// The number of the next signal: 2 for Ctrl-C, 15 for the others.
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
