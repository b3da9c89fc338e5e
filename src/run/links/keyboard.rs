//! Requests for sign-in links by Enter in the terminal.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IsTerminal},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::Path,
    time::Duration,
};

use tokio::{net::unix::pipe::Receiver, time::sleep};

use super::Links;
use crate::{
    http::Invited,
    run::terminal::{print, print_error},
};

/// Interval between checks whether a program in the background has returned to the foreground.
const BACKGROUND: Duration = Duration::from_secs(1);

/// The terminal in which the program was started.
pub(super) struct Keyboard(Receiver);

impl Keyboard {
    /// Opens the terminal; `None` if stdin is no terminal or the program is not in its foreground.
    pub(super) fn open() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let path = rustix::termios::ttyname(&stdin, Vec::new()).ok()?;
        // Reopened, because flags set on stdin apply to all processes that share it, such as the
        // shell.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
        // Of tokio's pollable types, only this one has no further requirements for the file.
        let keyboard = Keyboard(Receiver::from_file_unchecked(file).ok()?);
        keyboard.is_in_foreground().then_some(keyboard)
    }

    /// Returns whether the program is in the foreground. Otherwise the system suspends it when it
    /// reads (SIGTTIN).
    fn is_in_foreground(&self) -> bool {
        let foreground = rustix::termios::tcgetpgrp(&self.0);
        foreground.is_ok_and(|group| group == rustix::process::getpgrp())
    }

    pub(super) async fn serve(self, links: Links) {
        while self.0.readable().await.is_ok() {
            if !self.is_in_foreground() {
                // The input is for another program.
                sleep(BACKGROUND).await;
                continue;
            }
            let mut typed = [0; 256];
            match self.0.try_read(&mut typed) {
                Ok(0) => return,
                Ok(count) if typed[..count].contains(&b'\n') => print_links(&links),
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(_) => return,
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn print_links(links: &Links) {
    match links.make(&Invited::Anyone) {
        Ok(links) => links.iter().for_each(|link| print(format_args!(" - {link}"))),
        Err(error) => print_error(format_args!("error: {error}")),
    }
}
