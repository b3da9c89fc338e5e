//! Options for development.

use super::StartOptions;

/// Something that the command line or the environment can turn on, and code can turn on and off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Switch {
    command_line: bool,
    code: bool,
}

impl Switch {
    /// Returns a switch that the command line turns on or not.
    #[cfg(any(feature = "cli", test))]
    pub(super) fn of_command_line(on: bool) -> Self {
        Switch { command_line: on, code: false }
    }

    pub(super) fn is_on(self) -> bool {
        self.command_line || self.code
    }
}

impl StartOptions {
    /// Updates open pages when their files change, for development. Default no.
    ///
    /// Templates read with [`Template::file`](crate::pages::Template::file) are reread when their
    /// files change, and style sheets in served folders are replaced in place. For other files,
    /// pages reload. The state does not change. On an error, the page stays as it was, and the
    /// error is logged.
    ///
    /// `--hot-reload` and `TRAME_HOT_RELOAD` also turn it on, and so does
    /// [`development`](Self::development). To turn it on in debug builds only, use
    /// `hot_reload(cfg!(debug_assertions))`.
    pub fn hot_reload(mut self, follow: bool) -> Self {
        self.hot_reload.code = follow;
        self
    }
    /// Starts the program in development mode. Default no; `--dev` and `SELVEDGE_DEV` also turn it
    /// on.
    ///
    /// - Pages [follow their files](Self::hot_reload).
    /// - The state is [kept](Self::keep_state) after a kill, a crash or SIGTERM, in a file beside
    ///   the program unless another one is set. If the user ends the program, by closing the window
    ///   or with Ctrl-C, the file beside the program is removed.
    /// - Pages open in a browser stay signed in if the port stays the same. For that, the file also
    ///   contains the tokens that open the server.
    pub fn development(mut self, on: bool) -> Self {
        self.development.code = on;
        self
    }

    /// Returns whether open pages follow their files.
    pub(super) fn follows_files(&self) -> bool {
        self.hot_reload.is_on() || self.development.is_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_turns_off_what_it_has_turned_on() {
        let options = StartOptions::new().development(true).development(false);
        assert!(!options.development.is_on() && !options.follows_files());
        assert!(StartOptions::new().hot_reload(true).follows_files());
        assert!(!StartOptions::new().hot_reload(true).hot_reload(false).follows_files());
    }

    #[test]
    fn code_does_not_turn_off_what_the_command_line_has_turned_on() {
        let asked = Switch::of_command_line(true);
        let options = StartOptions { hot_reload: asked, ..StartOptions::default() };
        assert!(options.hot_reload(false).follows_files());
        let options = StartOptions { development: asked, ..StartOptions::default() };
        assert!(options.development(false).follows_files());
    }
}
