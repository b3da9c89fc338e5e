//! Enter in the terminal.

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
use crate::run::terminal::{print, print_error};

/// Time between two looks whether a program in the background has come back to the foreground.
const BACKGROUND: Duration = Duration::from_secs(1);

/// The terminal that the program was started in.
pub(super) struct Keyboard(Receiver);

impl Keyboard {
    /// `None` where stdin is no terminal that this program has in the foreground.
    pub(super) fn open() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let path = rustix::termios::ttyname(&stdin, Vec::new()).ok()?;
        // Opened anew: what is set on stdin itself holds for all that share it, the shell for one.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
        // Of tokio's types for what can be polled, the one that asks nothing more of a file.
        let keyboard = Keyboard(Receiver::from_file_unchecked(file).ok()?);
        keyboard.is_in_foreground().then_some(keyboard)
    }

    /// A program in the background that reads is stopped by the system (SIGTTIN).
    fn is_in_foreground(&self) -> bool {
        let foreground = rustix::termios::tcgetpgrp(&self.0);
        foreground.is_ok_and(|group| group == rustix::process::getpgrp())
    }

    pub(super) async fn serve(self, links: Links) {
        while self.0.readable().await.is_ok() {
            if !self.is_in_foreground() {
                // What is typed is for others.
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
    match links.make() {
        Ok(links) => links.iter().for_each(|link| print(format_args!(" - {link}"))),
        Err(error) => print_error(format_args!("error: {error}")),
    }
}
