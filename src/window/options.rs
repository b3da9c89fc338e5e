//! How the window around an application looks and behaves.

use std::{borrow::Cow, ops::RangeInclusive};

use super::{ConfirmClose, Menu, check};
use crate::Result;

/// How the application's window looks, where it opens, and what it does.
///
/// Lengths are logical pixels: on a display with a scale of 2, each is two pixels of the screen. A browser shows none
/// of this. The window can be changed later, see [`Server::window`](crate::Server::window).
///
/// ```
/// use selvedge::{Menu, MenuItem, StandardItem, WindowOptions};
///
/// let file = Menu::new()
///     .item(MenuItem::new("Save", "save").accelerator("CmdOrCtrl+S"))
///     .separator()
///     .standard(StandardItem::Quit);
/// let window = WindowOptions::new()
///     .size(1100.0, 760.0)
///     .min_size(640.0, 480.0)
///     .menu(Menu::new().submenu("File", file));
/// ```
///
/// # More than one window
/// Where a page opens further windows, all of them have the menu and follow these options, except those on the first
/// appearance of the application: `position`, `screen`, `maximized`, `minimized`, `fullscreen` and `hidden`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WindowOptions {
    /// Width and height of what is inside of the frame. Default 1024 × 768.
    pub size: (f64, f64),
    /// The smallest size that the window can be given. Default: none.
    pub min_size: Option<(f64, f64)>,
    /// The largest size that the window can be given. Default: none.
    pub max_size: Option<(f64, f64)>,
    /// Where the upper left corner is. Default: where the system puts it.
    pub position: Option<(f64, f64)>,
    /// The number of the monitor that it opens on. Default: where the system puts it.
    pub screen: Option<usize>,
    /// Whether its user can change its size. Default: true.
    pub resizable: bool,
    /// Whether it opens over the whole screen, without a frame. Default: false.
    pub fullscreen: bool,
    /// Whether it opens maximized. Default: false.
    pub maximized: bool,
    /// Whether it opens minimized. Default: false.
    pub minimized: bool,
    /// Whether it stays invisible until the application shows it. Default: false.
    pub hidden: bool,
    /// Whether it takes the keyboard focus when it opens. Default: true.
    pub focus: bool,
    /// Whether it stays above other windows. Default: false.
    pub on_top: bool,
    /// Whether it has no title bar and border of the system's. Default: false.
    pub frameless: bool,
    /// Whether a window without a frame is moved by dragging any place of the page. Default: false.
    pub easy_drag: bool,
    /// Whether what lies behind the window can be seen where the page paints nothing. Default: false.
    pub transparent: bool,
    /// What the window shows before its page, as red, green and blue. Default: dark grey on a dark desktop, else white.
    pub background_color: Option<(u8, u8, u8)>,
    /// Whether text of the page can be selected, outside of fields. Default: true.
    pub text_select: bool,
    /// How large the page is shown: 1.0 is its natural size. Default 1.0.
    pub zoom: f64,
    /// Whether keys change the zoom. Default: false.
    pub zoomable: bool,
    /// A title of its own. Default: the page's title, which follows `trame__title`.
    pub title: Option<String>,
    /// A PNG image for the window and the task bar. Default: the host's own icon.
    pub icon_png: Option<Cow<'static, [u8]>>,
    /// Whether the window comes back where and as large as it was when the program ended. Default: true.
    pub remember_place: bool,
    /// The menu. Default: none; on macOS one that every program has.
    pub menu: Option<Menu>,
    /// What is asked before the application ends by its user's hand. Default: nothing.
    pub confirm_close: Option<ConfirmClose>,
}

impl Default for WindowOptions {
    fn default() -> Self {
        WindowOptions {
            size: (1024.0, 768.0),
            min_size: None,
            max_size: None,
            position: None,
            screen: None,
            resizable: true,
            fullscreen: false,
            maximized: false,
            minimized: false,
            hidden: false,
            focus: true,
            on_top: false,
            frameless: false,
            easy_drag: false,
            transparent: false,
            background_color: None,
            text_select: true,
            zoom: 1.0,
            zoomable: false,
            title: None,
            icon_png: None,
            remember_place: true,
            menu: None,
            confirm_close: None,
        }
    }
}

impl WindowOptions {
    /// The factors by which a page can be shown. Hosts keep to them, too, when keys or a menu change the zoom.
    pub const ZOOM_RANGE: RangeInclusive<f64> = 0.1..=10.0;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Width and height of what is inside of the frame, in logical pixels. On Linux and Windows a menu takes its part
    /// of the height.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        self.size = (width, height);
        self
    }

    /// The smallest size that the window can be given, in logical pixels.
    pub fn min_size(mut self, width: f64, height: f64) -> Self {
        self.min_size = Some((width, height));
        self
    }

    /// The largest size that the window can be given, in logical pixels. A maximized window is larger on Linux.
    pub fn max_size(mut self, width: f64, height: f64) -> Self {
        self.max_size = Some((width, height));
        self
    }

    /// Where the upper left corner of the frame is, in logical pixels from that of the [screen](Self::screen), or else of
    /// the desktop. On Linux under Wayland the system decides alone.
    pub fn position(mut self, x: f64, y: f64) -> Self {
        self.position = Some((x, y));
        self
    }

    /// The number of the monitor that the window opens on, from 0 in the system's order, in its middle unless a
    /// [position](Self::position) is given. Where there is no such monitor, the log says so and the option is
    /// passed over. On Linux under Wayland the system decides alone.
    pub fn screen(mut self, number: usize) -> Self {
        self.screen = Some(number);
        self
    }

    /// Whether its user can change its size.
    pub fn resizable(mut self, resizable: bool) -> Self {
        self.resizable = resizable;
        self
    }

    /// Whether it opens over the whole screen, without a frame.
    pub fn fullscreen(mut self, fullscreen: bool) -> Self {
        self.fullscreen = fullscreen;
        self
    }

    /// Whether it opens maximized. `size` is what it gets when it is restored.
    pub fn maximized(mut self, maximized: bool) -> Self {
        self.maximized = maximized;
        self
    }

    /// Whether it opens minimized. Some Wayland desktops do not minimize windows.
    pub fn minimized(mut self, minimized: bool) -> Self {
        self.minimized = minimized;
        self
    }

    /// Whether it stays invisible until the application shows it with [`Window::show`](crate::Window::show). The
    /// program runs meanwhile, its page too. A second launch of the program shows it as well.
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Whether it takes the keyboard focus when it opens. What becomes of `false` is up to the window manager on Linux.
    pub fn focus(mut self, focus: bool) -> Self {
        self.focus = focus;
        self
    }

    /// Whether it stays above other windows. Not on Linux under Wayland.
    pub fn on_top(mut self, on_top: bool) -> Self {
        self.on_top = on_top;
        self
    }

    /// Whether it has no title bar and border of the system's. Then the page moves the window: a press on an element
    /// of the class `drag-region` (or trame's `pywebview-drag-region`) begins to drag it, except on controls in it.
    pub fn frameless(mut self, frameless: bool) -> Self {
        self.frameless = frameless;
        self
    }

    /// Whether a window without a frame is moved by dragging any place of the page but controls: links, buttons,
    /// fields, canvases, videos, and what is inside of an element of the class `no-drag`.
    pub fn easy_drag(mut self, easy_drag: bool) -> Self {
        self.easy_drag = easy_drag;
        self
    }

    /// Whether what lies behind the window can be seen where the page paints nothing. The page has to have a
    /// transparent background, too. Not on macOS, and not on Linux without a compositor.
    pub fn transparent(mut self, transparent: bool) -> Self {
        self.transparent = transparent;
        self
    }

    /// What the window shows before its page, and where the page paints nothing.
    pub fn background_color(mut self, red: u8, green: u8, blue: u8) -> Self {
        self.background_color = Some((red, green, blue));
        self
    }

    /// Whether text of the page can be selected. That in fields always can.
    pub fn text_select(mut self, text_select: bool) -> Self {
        self.text_select = text_select;
        self
    }

    /// How large the page is shown, from 0.1 to 10: 1.0 is its natural size.
    pub fn zoom(mut self, zoom: f64) -> Self {
        self.zoom = zoom;
        self
    }

    /// Whether `Ctrl` with `+`, `-` and `0` changes the zoom. On macOS give the menu the
    /// [items for it](super::StandardItem::ZoomIn), which work everywhere.
    pub fn zoomable(mut self, zoomable: bool) -> Self {
        self.zoomable = zoomable;
        self
    }

    /// A title of its own, which does not follow the page.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// A PNG image for the window and the task bar. On macOS the program's bundle has the icon, and this is passed over.
    pub fn icon_png(mut self, png: impl Into<Cow<'static, [u8]>>) -> Self {
        self.icon_png = Some(png.into());
        self
    }

    /// Whether the window comes back where and as large as it was when the program ended. Then `size`, `position` and
    /// `screen` are those of the first run.
    pub fn remember_place(mut self, remember: bool) -> Self {
        self.remember_place = remember;
        self
    }

    /// The menu: a bar in the window, on macOS at the top of the screen.
    pub fn menu(mut self, menu: Menu) -> Self {
        self.menu = Some(menu);
        self
    }

    /// What is asked before the application ends by its user's hand.
    pub fn confirm_close(mut self, question: ConfirmClose) -> Self {
        self.confirm_close = Some(question);
        self
    }

    /// Says which value cannot work. A run with a window asks before it starts.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) that names the value.
    pub fn check(&self) -> Result<()> {
        check::size("the window's size", self.size)?;
        if let Some(size) = self.min_size {
            check::size("the window's smallest size", size)?;
        }
        if let Some(size) = self.max_size {
            check::size("the window's largest size", size)?;
            check::limits(self.min_size, size)?;
        }
        if let Some(position) = self.position {
            check::position(position)?;
        }
        check::zoom(self.zoom)?;
        if let Some(png) = &self.icon_png {
            check::png(png)?;
        }
        self.menu.as_ref().map_or(Ok(()), Menu::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MenuItem;

    fn check(options: WindowOptions, expected: &str) {
        let said = options.check().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{said}");
    }

    #[test]
    fn values_that_work_are_fine() {
        let new = WindowOptions::new;
        check(new(), "");
        check(new().size(1.0, 30000.0).position(-500.0, 0.5).zoom(2.5), "");
        check(new().min_size(100.0, 100.0).max_size(100.0, 200.0), "");
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        let new = WindowOptions::new;
        check(new().size(-5.0, 600.0), "`-5 × 600` is no value for the window's size");
        check(new().size(f64::NAN, 600.0), "`NaN × 600` is no value for the window's size");
        check(new().min_size(0.0, 10.0), "`0 × 10` is no value for the window's smallest size");
        check(
            new().max_size(10.0, f64::INFINITY),
            "`10 × inf` is no value for the window's largest size",
        );
        check(
            new().min_size(800.0, 600.0).max_size(900.0, 500.0),
            "`900 × 500` is no value for the window's largest size",
        );
        check(new().position(f64::NAN, 0.0), "`NaN, 0` is no value for the window's position");
        check(new().zoom(0.0), "`0` is no value for the window's zoom");
        check(new().icon_png(b"GIF89a".as_slice()), "`6 bytes` is no value for the window's icon");
        let unnamed = Menu::new().submenu("File", Menu::new().item(MenuItem::new("", "save")));
        check(new().menu(unnamed), "`` is no value for the label of a menu item");
    }
}
