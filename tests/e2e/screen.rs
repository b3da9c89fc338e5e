//! A display for one test, so that no other test takes its keys and focus.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    program::{Program, until, windows_in},
    support::TIMEOUT,
};

/// An X server and a window manager.
pub struct Screen {
    server: Child,
    clients: Vec<Child>,
    name: String,
}

impl Screen {
    pub async fn start() -> Self {
        let mut server = Command::new("Xvfb")
            // Without `-noreset` the server resets after its first client, and drops the second
            // one.
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1280x1024x24",
                "-nolisten",
                "tcp",
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let name = format!(":{}", number.trim());
        let mut openbox = Command::new("openbox");
        openbox.arg("--sm-disable").stdout(Stdio::null()).stderr(Stdio::null());
        let manager = openbox.env("DISPLAY", &name).spawn().unwrap();
        let screen = Screen { server, clients: vec![manager], name };
        until("the window manager", async || {
            screen.command("wmctrl").arg("-m").output().unwrap().status.success().then_some(())
        })
        .await;
        screen
    }

    /// Starts a compositor, so that windows can be transparent.
    pub async fn compose(&mut self) {
        let mut compositor = Command::new("xcompmgr");
        compositor.envs(self.environment()).stdout(Stdio::null()).stderr(Stdio::null());
        self.clients.push(compositor.spawn().unwrap());
        // The background is black, and the compositor paints it gray.
        until("the compositor", async || (self.color((0, 0)) != [0; 3]).then_some(())).await;
    }

    /// Returns the colour of a pixel as red, green and blue.
    pub fn color(&self, (x, y): (i32, i32)) -> [u8; 3] {
        let place = format!("1x1+{x}+{y}");
        let picture = ["-window", "root", "-crop", &place, "-depth", "8", "rgb:-"];
        let answer = self.command("import").args(picture).output().unwrap();
        answer.stdout.try_into().unwrap_or_else(|bytes| panic!("no color: {bytes:?}"))
    }

    /// Returns the environment that makes a program use this display.
    pub fn environment(&self) -> [(&str, &OsStr); 2] {
        [("DISPLAY", self.name.as_ref()), ("GDK_BACKEND", "x11".as_ref())]
    }

    /// Starts a program on this display.
    pub async fn program(&self, program: &Path, arguments: &[&str]) -> Program {
        Program::start_with(program, arguments, |command| {
            command.envs(self.environment());
        })
        .await
    }

    /// Returns a command for this display with a time limit: xdotool waits for a window without
    /// one.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args([&TIMEOUT.as_secs().to_string(), program]);
        command.envs(self.environment());
        command
    }

    /// Returns the output of a command for this display.
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let answer = self.command(program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    /// Releases the mouse button.
    pub fn release(&self) {
        self.ask("xdotool", &["mouseup", "1"]);
    }

    /// Returns the windows of a program.
    pub fn windows(&self, pid: i32) -> Vec<Window<'_>> {
        let ids = windows_in(self.command("wmctrl"), pid);
        ids.into_iter().map(|id| Window { screen: self, id }).collect()
    }

    /// Returns the first window of a program, once it exists.
    pub async fn window(&self, pid: i32) -> Window<'_> {
        until("a window", async || self.windows(pid).pop()).await
    }

    /// Returns the window with this title, once it has the focus.
    pub async fn focused(&self, title: &str) -> Window<'_> {
        until(title, async || {
            let id = self.ask("xdotool", &["getwindowfocus"]).trim().to_owned();
            let window = Window { screen: self, id };
            (window.title() == title).then_some(window)
        })
        .await
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for child in self.clients.iter_mut().chain([&mut self.server]) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A window as reported by the window system.
pub struct Window<'a> {
    screen: &'a Screen,
    pub id: String,
}

impl Window<'_> {
    /// Returns the number after a label of `xwininfo`.
    fn measured(&self, label: &str) -> i32 {
        let answer = self.screen.ask("xwininfo", &["-id", &self.id]);
        let line = answer.lines().find(|line| line.trim_start().starts_with(label));
        line.and_then(|line| line.split_whitespace().last()?.parse().ok()).unwrap_or(-1)
    }

    /// Returns width and height without the frame.
    pub fn size(&self) -> (i32, i32) {
        (self.measured("Width:"), self.measured("Height:"))
    }

    /// Returns the upper left corner of the frame.
    pub fn corner(&self) -> (i32, i32) {
        let x = self.measured("Absolute upper-left X:") - self.measured("Relative upper-left X:");
        (x, self.measured("Absolute upper-left Y:") - self.title_bar())
    }

    /// Returns the height of the title bar, 0 without one.
    pub fn title_bar(&self) -> i32 {
        self.measured("Relative upper-left Y:")
    }

    pub fn property(&self, name: &str) -> String {
        self.screen.ask("xprop", &["-id", &self.id, name])
    }

    /// Returns whether the window has a state, such as `FULLSCREEN` or `HIDDEN`.
    pub fn is(&self, state: &str) -> bool {
        self.property("_NET_WM_STATE").contains(&format!("_NET_WM_STATE_{state}"))
    }

    pub fn title(&self) -> String {
        self.property("_NET_WM_NAME").split('"').nth(1).unwrap_or_default().to_owned()
    }

    /// Presses keys while it has the focus.
    pub fn press(&self, keys: &[&str]) {
        self.screen.ask("xdotool", &["windowactivate", "--sync", &self.id]);
        self.screen.ask("xdotool", &[&["key", "--clearmodifiers", "--delay", "60"], keys].concat());
    }

    /// Types text while it has the focus.
    pub fn write(&self, text: &str) {
        self.screen.ask("xdotool", &["type", text]);
    }

    /// Drags the mouse from a place in the window by a distance.
    pub fn drag(&self, from: (i32, i32), by: (i32, i32)) {
        self.hold(from, by);
        self.screen.release();
    }

    /// Drags the mouse, and keeps the button pressed at the end.
    pub fn hold(&self, from: (i32, i32), by: (i32, i32)) {
        let text = |number: i32| number.to_string();
        let start = [text(from.0), text(from.1)];
        self.screen.ask("xdotool", &["mousemove", "--window", &self.id, &start[0], &start[1]]);
        self.screen.ask("xdotool", &["mousedown", "1"]);
        // In steps, like a hand: the page has to handle the press before the button is released.
        let (x, y) = (text(by.0 / 10), text(by.1 / 10));
        for _ in 0..10 {
            self.screen.ask("xdotool", &["mousemove_relative", "--", &x, &y, "sleep", "0.05"]);
        }
    }

    /// Opens the context menu at a place in a program's window, and chooses the item with this key.
    pub async fn choose(&self, pid: i32, (x, y): (i32, i32), key: &str) {
        let visible = ["search", "--onlyvisible", "--pid", &pid.to_string()];
        let count = || self.screen.ask("xdotool", &visible).lines().count();
        let before = count();
        let place = ["mousemove", "--window", &self.id, &x.to_string(), &y.to_string()];
        self.screen.ask("xdotool", &[&place[..], &["click", "3"]].concat());
        until("the menu", async || (count() > before).then_some(())).await;
        self.screen.ask("xdotool", &["key", key]);
    }

    /// Makes the window manager move the window and set the size of its content.
    pub fn arrange(&self, x: i32, y: i32, width: i32, height: i32) {
        let place = format!("0,{x},{y},{width},{height}");
        self.screen.ask("wmctrl", &["-i", "-r", &self.id, "-e", &place]);
    }

    /// Makes the window manager change a state, such as `add,fullscreen`.
    pub fn set_state(&self, change: &str) {
        self.screen.ask("wmctrl", &["-i", "-r", &self.id, "-b", change]);
    }

    /// Moves and resizes the window: left and upper edge, width, height.
    pub fn place(&self, place: [i32; 4]) {
        let place = place.map(|number| number.to_string()).join(",");
        self.screen.ask("wmctrl", &["-i", "-r", &self.id, "-e", &format!("0,{place}")]);
    }

    /// Closes the window as its user does.
    pub fn close(&self) {
        self.screen.ask("wmctrl", &["-i", "-c", &self.id]);
    }
}
