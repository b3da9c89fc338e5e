//! A virtual display for the tests and the screenshots.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::command::{self, Failure, Result};

/// An X server on a free display number. Dropping it ends the server.
pub(crate) struct Display {
    server: Child,
    manager: Option<Child>,
    name: String,
}

impl Display {
    /// Starts a display of this size in pixels.
    pub(crate) fn start(width: u32, height: u32) -> Result<Self> {
        let screen = format!("{width}x{height}x24");
        let mut xvfb = command::new("Xvfb");
        // The server picks a free number and writes it once it is ready for clients. Without
        // `-noreset` it resets when its last client leaves, which may be the first one, and
        // disconnects a client that connects at that moment.
        xvfb.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = spawn(&mut xvfb)?;
        let mut number = String::new();
        if let Some(output) = server.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut number);
        }
        let name = format!(":{}", number.trim());
        let display = Self { server, manager: None, name };
        if display.name == ":" {
            return Err(Failure::new("Xvfb ended before its display was ready"));
        }
        Ok(display)
    }

    /// Starts a window manager, which can close a window in a way that its program can answer.
    pub(crate) fn with_window_manager(mut self) -> Result<Self> {
        let mut openbox = command::new("openbox");
        openbox.arg("--sm-disable").stdout(Stdio::null()).stderr(Stdio::null());
        self.manager = Some(spawn(self.show(&mut openbox))?);
        let managed = wait(Duration::from_secs(20), || {
            let answer = command::output(self.show(command::new("wmctrl").arg("-m"))).ok()?;
            answer.status.success().then_some(())
        });
        match managed {
            Some(()) => Ok(self),
            None => Err(Failure::new("openbox did not become ready")),
        }
    }

    /// Makes `command` show its windows on this display.
    pub(crate) fn show<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        // A Wayland session of the user must not get the window instead.
        command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11")
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        for child in self.manager.iter_mut().chain([&mut self.server]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a program and does not wait for its end.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|error| command::not_started(command, &error))
}

/// Polls until there is an answer or `limit` has passed.
pub(crate) fn wait<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
