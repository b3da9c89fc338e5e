//! What a host lets the application's code do with its window.

use super::Menu;
use crate::Result;

/// The window of a running application, as its host gives it to the server.
///
/// The methods are called on any thread, also on the one that the window system runs on. They act on the window that has
/// the focus, or else on the one that was opened first.
pub trait WindowControl: Send + Sync {
    /// How the window is now.
    ///
    /// # Errors
    /// [`Error::NoWindow`](crate::Error::NoWindow) when there is none any more.
    fn state(&self) -> Result<WindowState>;

    /// Changes it. Values have been checked.
    ///
    /// # Errors
    /// [`Error::NoWindow`](crate::Error::NoWindow) when there is none any more, and what the window system says.
    fn change(&self, change: WindowChange) -> Result<()>;
}

/// How a window is, see [`Window::state`](crate::Window::state). Lengths are logical pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowState {
    /// Width and height of what is inside of the frame.
    pub size: (f64, f64),
    /// The upper left corner of the frame, from that of the desktop. Always 0 on Linux under Wayland.
    pub position: (f64, f64),
    /// Pixels of the screen in a logical pixel.
    pub scale: f64,
    /// How large the page is shown.
    pub zoom: f64,
    /// The title.
    pub title: String,
    /// Whether it is maximized.
    pub maximized: bool,
    /// Whether it is minimized.
    pub minimized: bool,
    /// Whether it is over the whole screen.
    pub fullscreen: bool,
    /// Whether it is shown at all.
    pub visible: bool,
    /// Whether it has the keyboard focus.
    pub focused: bool,
    /// Whether it stays above other windows.
    pub on_top: bool,
    /// Whether its user can change its size.
    pub resizable: bool,
}

/// What a host is asked to change. [`Window`](crate::Window) has a method for each.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowChange {
    /// Width and height of what is inside of the frame.
    Size(f64, f64),
    /// The smallest size, or no limit.
    MinSize(Option<(f64, f64)>),
    /// The largest size, or no limit.
    MaxSize(Option<(f64, f64)>),
    /// The upper left corner, from that of the desktop.
    Position(f64, f64),
    /// Into the middle of its screen.
    Center,
    /// A title of its own, or that of the page.
    Title(Option<String>),
    /// Whether its user can change its size.
    Resizable(bool),
    /// Over the whole screen or not.
    Fullscreen(bool),
    /// As large as the screen has room.
    Maximize,
    /// Into the task bar.
    Minimize,
    /// Neither maximized nor minimized.
    Restore,
    /// Shown or hidden.
    Visible(bool),
    /// Shown, above others, with the keyboard focus.
    Focus,
    /// Always above others or not.
    OnTop(bool),
    /// Without a frame or with one.
    Frameless(bool),
    /// How large the page is shown.
    Zoom(f64),
    /// Another menu, for all windows; an empty one takes it away.
    Menu(Menu),
    /// Whether menu items of this id can be chosen.
    ItemEnabled(String, bool),
    /// Whether menu items of this id have their check mark.
    ItemChecked(String, bool),
    /// What menu items of this id are called.
    ItemLabel(String, String),
    /// Closes it as its user does.
    Close,
}
