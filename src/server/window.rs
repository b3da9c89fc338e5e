//! The application's window, for its code: changed, asked, and what its menu calls.

use std::sync::Arc;

use serde_json::Value;

use super::{Server, unknown};
use crate::{
    Error, Result,
    window::{Menu, WindowChange, WindowControl, WindowState, check},
    wire::Packed,
};

/// The window of the application, to be changed and asked from any thread.
///
/// With several windows, it is the one that has the keyboard focus, or else the one that was opened first; menus belong
/// to all of them. A change is handed to the window system, which may take a moment, refuse, or do it in its own way: a
/// tiling window manager gives windows its own sizes. [`state`](Self::state) tells what became of it.
///
/// Every method fails with [`Error::NoWindow`] when there is no window: the application is shown in a browser, or the
/// window is not open yet or not any more. That is no fault where an application runs in both ways, so that the result
/// may be dropped.
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
#[derive(Clone)]
pub struct Window {
    server: Server,
}

impl Server {
    /// The application's window.
    pub fn window(&self) -> Window {
        Window { server: self.root_server() }
    }

    /// Lets the application's code change its window. Called by desktop hosts, and taken back when their run ends.
    pub fn set_window_control(&self, control: Arc<dyn WindowControl>) {
        self.settings().control = Some(control);
    }

    /// Calls a trigger that nobody waits for. A failure, or that there is no such trigger, is logged and told to the
    /// hooks on [`Exception`](crate::Lifecycle::Exception). Called by desktop hosts for menu items, within the runtime
    /// of the server and never on the thread of the window system: a sync trigger runs on the calling thread.
    pub fn start_trigger(&self, name: &str, args: &[Value]) {
        let callee = format!("trigger `{name}`");
        let Some(function) = self.inner.functions.trigger(name) else {
            let similar = self.inner.functions.similar_triggers(name);
            return self.report(&callee, Err(unknown("trigger", name, similar).into()));
        };
        match args.iter().map(Packed::encode).collect::<Result<Vec<_>>>() {
            Ok(args) => self.start_function(&function, callee, args, None),
            Err(error) => self.report(&callee, Err(error.into())),
        }
    }
}

impl Window {
    /// Whether there is a window.
    pub fn is_open(&self) -> bool {
        self.state().is_ok()
    }

    /// How the window is now.
    ///
    /// # Errors
    /// [`Error::NoWindow`], as for all of these methods.
    pub fn state(&self) -> Result<WindowState> {
        self.control()?.state()
    }

    /// Width and height of what is inside of the frame, in logical pixels.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for lengths that are not from 1 to 30000.
    pub fn set_size(&self, width: f64, height: f64) -> Result<()> {
        check::size("the window's size", (width, height))?;
        self.change(WindowChange::Size(width, height))
    }

    /// The smallest size that the window can be given, or no limit.
    ///
    /// # Errors
    /// As for [`set_size`](Self::set_size).
    pub fn set_min_size(&self, size: Option<(f64, f64)>) -> Result<()> {
        size.map_or(Ok(()), |size| check::size("the window's smallest size", size))?;
        self.change(WindowChange::MinSize(size))
    }

    /// The largest size that the window can be given, or no limit.
    ///
    /// # Errors
    /// As for [`set_size`](Self::set_size).
    pub fn set_max_size(&self, size: Option<(f64, f64)>) -> Result<()> {
        size.map_or(Ok(()), |size| check::size("the window's largest size", size))?;
        self.change(WindowChange::MaxSize(size))
    }

    /// Where the upper left corner of the frame is, in logical pixels from that of the desktop. Not on Linux under
    /// Wayland.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for numbers that are not from -30000 to 30000.
    pub fn set_position(&self, x: f64, y: f64) -> Result<()> {
        check::position((x, y))?;
        self.change(WindowChange::Position(x, y))
    }

    /// Puts it into the middle of its screen. Not on Linux under Wayland.
    pub fn center(&self) -> Result<()> {
        self.change(WindowChange::Center)
    }

    /// Gives it a title of its own, or with `None` again that of the page, which follows `trame__title`.
    pub fn set_title(&self, title: Option<&str>) -> Result<()> {
        self.change(WindowChange::Title(title.map(str::to_owned)))
    }

    /// Whether its user can change its size.
    pub fn set_resizable(&self, resizable: bool) -> Result<()> {
        self.change(WindowChange::Resizable(resizable))
    }

    /// Shows it over the whole screen, or not any more.
    pub fn set_fullscreen(&self, fullscreen: bool) -> Result<()> {
        self.change(WindowChange::Fullscreen(fullscreen))
    }

    /// Makes it as large as the screen has room.
    pub fn maximize(&self) -> Result<()> {
        self.change(WindowChange::Maximize)
    }

    /// Puts it into the task bar. Some Wayland desktops do not minimize windows.
    pub fn minimize(&self) -> Result<()> {
        self.change(WindowChange::Minimize)
    }

    /// Takes back that it was maximized or minimized.
    pub fn restore(&self) -> Result<()> {
        self.change(WindowChange::Restore)
    }

    /// Shows it.
    pub fn show(&self) -> Result<()> {
        self.change(WindowChange::Visible(true))
    }

    /// Makes it invisible; the application and the page go on. Whoever hides the only window needs a way to show it
    /// again; a second launch of the program does.
    pub fn hide(&self) -> Result<()> {
        self.change(WindowChange::Visible(false))
    }

    /// Shows it above the others and gives it the keyboard focus. Desktops may only mark it in the task bar instead.
    pub fn focus(&self) -> Result<()> {
        self.change(WindowChange::Focus)
    }

    /// Keeps it above other windows, or not any more. Not on Linux under Wayland.
    pub fn set_on_top(&self, on_top: bool) -> Result<()> {
        self.change(WindowChange::OnTop(on_top))
    }

    /// Takes away its title bar and border, or gives them back.
    pub fn set_frameless(&self, frameless: bool) -> Result<()> {
        self.change(WindowChange::Frameless(frameless))
    }

    /// How large the page is shown: 1.0 is its natural size.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for factors that are not from 0.1 to 10.
    pub fn set_zoom(&self, zoom: f64) -> Result<()> {
        check::zoom(zoom)?;
        self.change(WindowChange::Zoom(zoom))
    }

    /// Puts another menu in the place of the one that is there; an empty one takes it away.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an empty label or an accelerator that is none. The menu stays as it was then.
    pub fn set_menu(&self, menu: Menu) -> Result<()> {
        menu.check()?;
        self.change(WindowChange::Menu(menu))
    }

    /// Says whether the menu items of this [id](crate::MenuItem::id) can be chosen.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is no such item.
    pub fn enable_item(&self, id: &str, enabled: bool) -> Result<()> {
        self.change(WindowChange::ItemEnabled(id.to_owned(), enabled))
    }

    /// Sets or removes the check mark of the menu items of this [id](crate::MenuItem::id). No trigger is called.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is no such item that can have one.
    pub fn check_item(&self, id: &str, checked: bool) -> Result<()> {
        self.change(WindowChange::ItemChecked(id.to_owned(), checked))
    }

    /// Gives the menu items of this [id](crate::MenuItem::id) another label.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is no such item, [`Error::InvalidOption`] for an empty label.
    pub fn rename_item(&self, id: &str, label: &str) -> Result<()> {
        check::label(label)?;
        self.change(WindowChange::ItemLabel(id.to_owned(), label.to_owned()))
    }

    /// Closes it as its user does: with the question of [`ConfirmClose`](crate::ConfirmClose), and the last window ends
    /// the application. [`Server::request_stop`] ends it without a question.
    pub fn close(&self) -> Result<()> {
        self.change(WindowChange::Close)
    }

    fn change(&self, change: WindowChange) -> Result<()> {
        self.control()?.change(change)
    }

    /// Taken out of the lock, since the host may have to wait for the window system.
    fn control(&self) -> Result<Arc<dyn WindowControl>> {
        self.server.settings().control.clone().ok_or(Error::NoWindow)
    }
}
