//! The interface through which the application's code changes its window.

use super::Menu;
use crate::Result;

/// The window of a running application, provided to the server by its host.
///
/// The methods may be called on any thread, including that of the window system. They act on the
/// window that has the focus, or else on the one that was opened first.
pub trait WindowControl: Send + Sync {
    /// Returns the current state of the window.
    ///
    /// # Errors
    /// [`Error::NoWindow`](crate::Error::NoWindow) if there is no window any more.
    fn state(&self) -> Result<WindowState>;

    /// Changes the window. The values were checked before.
    ///
    /// # Errors
    /// [`Error::NoWindow`](crate::Error::NoWindow) if there is no window any more, and errors of
    /// the window system.
    fn change(&self, change: WindowChange) -> Result<()>;
}

/// The state of a window, see [`Window::state`](crate::Window::state). Lengths are logical pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowState {
    /// Width and height inside the frame.
    pub size: (f64, f64),
    /// The upper left corner of the frame, relative to that of the desktop. Always 0 on Linux under
    /// Wayland.
    pub position: (f64, f64),
    /// Physical pixels per logical pixel.
    pub scale: f64,
    /// The zoom factor of the page.
    pub zoom: f64,
    /// The title.
    pub title: String,
    /// Whether the window is maximized.
    pub maximized: bool,
    /// Whether the window is minimized.
    pub minimized: bool,
    /// Whether the window covers the whole screen.
    pub fullscreen: bool,
    /// Whether the window is shown.
    pub visible: bool,
    /// Whether the window has the keyboard focus.
    pub focused: bool,
    /// Whether the window stays above other windows.
    pub on_top: bool,
    /// Whether the user can resize the window.
    pub resizable: bool,
}

/// Progress that the task bar or dock shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WindowProgress {
    /// None is shown.
    #[default]
    Hidden,
    /// Something is going on.
    Unknown,
    /// The completed part, from 0 to 1.
    Part(f64),
}

/// A change of a window, for its host. [`Window`](crate::Window) has a method for each.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowChange {
    /// Sets the width and height inside the frame.
    Size(f64, f64),
    /// Sets the minimum size; `None` for no limit.
    MinSize(Option<(f64, f64)>),
    /// Sets the maximum size; `None` for no limit.
    MaxSize(Option<(f64, f64)>),
    /// Moves the upper left corner of the frame, relative to that of the desktop.
    Position(f64, f64),
    /// Centers the window on its screen.
    Center,
    /// Sets a fixed title; `None` for the title of the page.
    Title(Option<String>),
    /// Shows progress in the task bar or dock.
    Progress(WindowProgress),
    /// Sets whether the user can resize the window.
    Resizable(bool),
    /// Enters or leaves full screen.
    Fullscreen(bool),
    /// Maximizes the window.
    Maximize,
    /// Minimizes the window.
    Minimize,
    /// Ends the maximized or minimized state.
    Restore,
    /// Shows or hides the window.
    Visible(bool),
    /// Shows the window above others, with the keyboard focus.
    Focus,
    /// Sets whether the window stays above others.
    OnTop(bool),
    /// Removes or adds the frame.
    Frameless(bool),
    /// Sets the zoom factor of the page.
    Zoom(f64),
    /// Replaces the menu of all windows; an empty one removes it.
    Menu(Menu),
    /// Enables or disables the menu items with this id.
    ItemEnabled(String, bool),
    /// Sets or clears the check mark of the menu items with this id.
    ItemChecked(String, bool),
    /// Sets the label (second value) of the menu items with this id.
    ItemLabel(String, String),
    /// Closes the window, as the user would.
    Close,
}
