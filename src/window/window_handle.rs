//! The application's window, for the application's code: changes, queries and menu triggers.

use std::sync::Arc;

use selvedge_wslink::Packed;
use serde_json::Value;

use super::{Menu, WindowChange, WindowControl, WindowProgress, WindowState, check};
use crate::{
    Error, Result,
    app::{Ctx, Server, unknown},
};

/// The application's window, which any thread can change and query.
///
/// With several windows, methods act on the one with the keyboard focus, else on the one opened
/// first; menus belong to all windows. A change is passed to the window system, which may delay,
/// refuse or adapt it: a tiling window manager chooses its own sizes. [`state`](Self::state)
/// returns the result.
///
/// Every method fails with [`Error::NoWindow`] if there is no window: the application runs in a
/// browser, or the window is not open yet or was closed. An application that runs both ways can
/// ignore that error.
///
/// ```
/// use selvedge::{Ctx, Result, Server};
///
/// let server = Server::new("doc");
/// server.trigger("present", |cx: Ctx| -> Result<()> {
///     let window = cx.server.window();
///     window.set_zoom(1.5)?;
///     window.set_fullscreen(true)
/// });
/// assert!(server.window().maximize().is_err(), "there is no window here");
/// ```
#[derive(Clone, Debug)]
pub struct Window {
    server: Server,
}

impl Server {
    /// Returns the application's window.
    pub fn window(&self) -> Window {
        Window { server: self.root_server() }
    }

    /// Connects [`Server::window`] to a window. Desktop hosts call it; the window is disconnected
    /// when their run ends.
    pub fn set_window_control(&self, control: Arc<dyn WindowControl>) {
        self.settings().control = Some(control);
    }

    /// Calls a trigger without waiting for its result. A failure or an unknown name is logged and
    /// passed to the [`Exception`](crate::Lifecycle::Exception) hooks. Desktop hosts call it for
    /// menu items, within the server's runtime and never on the window system's thread: a sync
    /// trigger runs on the calling thread.
    pub fn start_trigger(&self, name: &str, args: &[Value]) {
        let callee = format!("trigger `{name}`");
        let Some(trigger) = self.inner.functions.trigger(name) else {
            let similar = self.inner.functions.similar_triggers(name);
            return self.report(&callee, Err(unknown("trigger", name, similar).into()));
        };
        match args.iter().map(Packed::encode).collect::<Result<Vec<_>, _>>() {
            Ok(args) => self.start_function(&trigger.function, callee, args, Ctx::of(self, None)),
            Err(error) => self.report(&callee, Err(error.into())),
        }
    }
}

impl Window {
    /// Returns whether there is a window.
    pub fn is_open(&self) -> bool {
        self.state().is_ok()
    }

    /// Returns the window's current state.
    ///
    /// # Errors
    /// [`Error::NoWindow`], as for every method of this type.
    pub fn state(&self) -> Result<WindowState> {
        self.control()?.state()
    }

    /// Sets the size of the content area, without the frame, in logical pixels.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a length outside 1 to 30000.
    pub fn set_size(&self, width: f64, height: f64) -> Result<()> {
        check::size("the window's size", (width, height))?;
        self.change(WindowChange::Size(width, height))
    }

    /// Sets the smallest size that the window can have, or `None` for no limit.
    ///
    /// # Errors
    /// As for [`set_size`](Self::set_size).
    pub fn set_min_size(&self, size: Option<(f64, f64)>) -> Result<()> {
        size.map_or(Ok(()), |size| check::size("the window's smallest size", size))?;
        self.change(WindowChange::MinSize(size))
    }

    /// Sets the largest size that the window can have, or `None` for no limit.
    ///
    /// # Errors
    /// As for [`set_size`](Self::set_size).
    pub fn set_max_size(&self, size: Option<(f64, f64)>) -> Result<()> {
        size.map_or(Ok(()), |size| check::size("the window's largest size", size))?;
        self.change(WindowChange::MaxSize(size))
    }

    /// Sets the position of the frame's upper left corner, in logical pixels from that of the
    /// desktop. Not supported on Linux under Wayland.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a number outside -30000 to 30000.
    pub fn set_position(&self, x: f64, y: f64) -> Result<()> {
        check::position((x, y))?;
        self.change(WindowChange::Position(x, y))
    }

    /// Centers the window on its screen. Not supported on Linux under Wayland.
    pub fn center(&self) -> Result<()> {
        self.change(WindowChange::Center)
    }

    /// Sets the title; `None` restores the page's title, which follows `trame__title`.
    pub fn set_title(&self, title: Option<&str>) -> Result<()> {
        self.change(WindowChange::Title(title.map(str::to_owned)))
    }

    /// Shows progress in the task bar or dock, as far as the desktop does that: Windows, macOS, and
    /// on Linux those with the interface of Unity's launcher. [Jobs](crate::jobs) do it themselves.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a part outside 0 to 1.
    pub fn set_progress(&self, progress: WindowProgress) -> Result<()> {
        if let WindowProgress::Part(part) = progress {
            check::part(part)?;
        }
        self.change(WindowChange::Progress(progress))
    }

    /// Sets whether the user can resize the window.
    pub fn set_resizable(&self, resizable: bool) -> Result<()> {
        self.change(WindowChange::Resizable(resizable))
    }

    /// Enters or leaves full screen.
    pub fn set_fullscreen(&self, fullscreen: bool) -> Result<()> {
        self.change(WindowChange::Fullscreen(fullscreen))
    }

    /// Maximizes the window.
    pub fn maximize(&self) -> Result<()> {
        self.change(WindowChange::Maximize)
    }

    /// Minimizes the window. Some Wayland desktops do not support it.
    pub fn minimize(&self) -> Result<()> {
        self.change(WindowChange::Minimize)
    }

    /// Restores a maximized or minimized window.
    pub fn restore(&self) -> Result<()> {
        self.change(WindowChange::Restore)
    }

    /// Shows the window.
    pub fn show(&self) -> Result<()> {
        self.change(WindowChange::Visible(true))
    }

    /// Hides the window; the application and the page continue. If it is the only window, the
    /// application needs a way to show it again; a second launch of the program shows it.
    pub fn hide(&self) -> Result<()> {
        self.change(WindowChange::Visible(false))
    }

    /// Raises the window and gives it the keyboard focus. Some desktops only highlight it in the
    /// task bar.
    pub fn focus(&self) -> Result<()> {
        self.change(WindowChange::Focus)
    }

    /// Sets whether the window stays above other windows. Not supported on Linux under Wayland.
    pub fn set_on_top(&self, on_top: bool) -> Result<()> {
        self.change(WindowChange::OnTop(on_top))
    }

    /// Removes or restores the title bar and border.
    pub fn set_frameless(&self, frameless: bool) -> Result<()> {
        self.change(WindowChange::Frameless(frameless))
    }

    /// Sets the page's zoom factor; 1.0 is the natural size.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a factor outside 0.1 to 10.
    pub fn set_zoom(&self, zoom: f64) -> Result<()> {
        check::zoom(zoom)?;
        self.change(WindowChange::Zoom(zoom))
    }

    /// Replaces the menu; an empty menu removes it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an empty label or an invalid accelerator. The menu stays
    /// unchanged then.
    pub fn set_menu(&self, menu: Menu) -> Result<()> {
        menu.check()?;
        self.change(WindowChange::Menu(menu))
    }

    /// Enables or disables the menu items with this [id](crate::window::MenuItem::id).
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such item.
    pub fn enable_item(&self, id: &str, enabled: bool) -> Result<()> {
        self.change(WindowChange::ItemEnabled(id.to_owned(), enabled))
    }

    /// Sets or removes the check mark of the menu items with this
    /// [id](crate::window::MenuItem::id). No trigger is called.
    ///
    /// # Errors
    /// [`Error::Unknown`] if no checkable item has this id.
    pub fn check_item(&self, id: &str, checked: bool) -> Result<()> {
        self.change(WindowChange::ItemChecked(id.to_owned(), checked))
    }

    /// Changes the label of the menu items with this [id](crate::window::MenuItem::id).
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such item, [`Error::InvalidOption`] for an empty label.
    pub fn rename_item(&self, id: &str, label: &str) -> Result<()> {
        check::label(label)?;
        self.change(WindowChange::ItemLabel(id.to_owned(), label.to_owned()))
    }

    /// Closes the window as its user would: [`ConfirmClose`](crate::window::ConfirmClose) asks
    /// first, and closing the last window ends the application. [`Server::request_stop`] ends it
    /// without a question.
    pub fn close(&self) -> Result<()> {
        self.change(WindowChange::Close)
    }

    /// Returns whether a host shows a window.
    pub(crate) fn has_control(&self) -> bool {
        self.server.settings().control.is_some()
    }

    fn change(&self, change: WindowChange) -> Result<()> {
        self.control()?.change(change)
    }

    /// Clones the control, so that no lock is held while the host waits for the window system.
    fn control(&self) -> Result<Arc<dyn WindowControl>> {
        self.server.settings().control.clone().ok_or(Error::NoWindow)
    }
}
