//! How the window around an application looks and behaves.

use std::{borrow::Cow, ops::RangeInclusive};

use super::{ConfirmClose, Menu, check};
use crate::Result;

/// The look, the place and the behaviour of the application's window.
///
/// Lengths are logical pixels: on a display with a scale of 2, each is two physical pixels.
/// Browsers ignore these options. The window can be changed later, see
/// [`Server::window`](crate::Server::window).
///
/// ```
/// use selvedge::window::{Menu, MenuItem, StandardItem, WindowOptions};
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
/// All windows that a page opens have the menu and follow these options, except for those that
/// concern the start of the application: `position`, `screen`, `maximized`, `minimized`,
/// `fullscreen` and `hidden`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WindowOptions {
    /// Width and height inside the frame. Default 1024 × 768.
    pub size: (f64, f64),
    /// The minimum size. Default: none.
    pub min_size: Option<(f64, f64)>,
    /// The maximum size. Default: none.
    pub max_size: Option<(f64, f64)>,
    /// The position of the upper left corner. Default: chosen by the system.
    pub position: Option<(f64, f64)>,
    /// The number of the monitor that the window opens on. Default: chosen by the system.
    pub screen: Option<usize>,
    /// Whether the user can resize the window. Default: true.
    pub resizable: bool,
    /// Whether the window opens in full screen, without a frame. Default: false.
    pub fullscreen: bool,
    /// Whether the window opens maximized. Default: false.
    pub maximized: bool,
    /// Whether the window opens minimized. Default: false.
    pub minimized: bool,
    /// Whether the window stays hidden until the application shows it. Default: false.
    pub hidden: bool,
    /// Whether the window takes the keyboard focus when it opens. Default: true.
    pub focus: bool,
    /// Whether the window stays above other windows. Default: false.
    pub on_top: bool,
    /// Whether the window has no system title bar and border. Default: false.
    pub frameless: bool,
    /// Whether a frameless window is moved by dragging any part of the page. Default: false.
    pub easy_drag: bool,
    /// Whether the window is transparent where the page paints nothing. Default: false.
    pub transparent: bool,
    /// The color of the window before its page is shown, as red, green and blue. Default: dark grey
    /// on a dark desktop, else white.
    pub background_color: Option<(u8, u8, u8)>,
    /// Whether text outside of fields can be selected. Default: true.
    pub text_select: bool,
    /// The zoom factor of the page; 1.0 is its natural size. Default 1.0.
    pub zoom: f64,
    /// Whether keys change the zoom. Default: false.
    pub zoomable: bool,
    /// A fixed title. Default: the title of the page, which follows `trame__title`.
    pub title: Option<String>,
    /// A PNG image for the window and the task bar. Default: the icon of the host.
    pub icon_png: Option<Cow<'static, [u8]>>,
    /// Whether the window reopens with the place and size that it had when the program ended.
    /// Default: true.
    pub remember_place: bool,
    /// The menu. Default: none; on macOS a standard menu.
    pub menu: Option<Menu>,
    /// The question before the user ends the application. Default: none.
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
    /// The valid zoom factors. Hosts also apply this range when keys or a menu change the zoom.
    pub const ZOOM_RANGE: RangeInclusive<f64> = 0.1..=10.0;

    /// Returns the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the width and height inside the frame, in logical pixels. On Linux and Windows a menu
    /// takes part of the height.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        self.size = (width, height);
        self
    }

    /// Sets the minimum size, in logical pixels.
    pub fn min_size(mut self, width: f64, height: f64) -> Self {
        self.min_size = Some((width, height));
        self
    }

    /// Sets the maximum size, in logical pixels. On Linux a maximized window may be larger.
    pub fn max_size(mut self, width: f64, height: f64) -> Self {
        self.max_size = Some((width, height));
        self
    }

    /// Sets the position of the frame's upper left corner, in logical pixels relative to the
    /// [screen](Self::screen) if one is set, else to the desktop. Ignored on Linux under Wayland.
    pub fn position(mut self, x: f64, y: f64) -> Self {
        self.position = Some((x, y));
        self
    }

    /// Sets the monitor that the window opens on, by its number from 0 in the system's order. The
    /// window is centered on it unless a [position](Self::position) is set. If there is no such
    /// monitor, the option is ignored, and the log says so. Ignored on Linux under Wayland.
    pub fn screen(mut self, number: usize) -> Self {
        self.screen = Some(number);
        self
    }

    /// Sets whether the user can resize the window.
    pub fn resizable(mut self, resizable: bool) -> Self {
        self.resizable = resizable;
        self
    }

    /// Sets whether the window opens in full screen, without a frame.
    pub fn fullscreen(mut self, fullscreen: bool) -> Self {
        self.fullscreen = fullscreen;
        self
    }

    /// Sets whether the window opens maximized. `size` is its size once it is restored.
    pub fn maximized(mut self, maximized: bool) -> Self {
        self.maximized = maximized;
        self
    }

    /// Sets whether the window opens minimized. Some Wayland desktops do not minimize windows.
    pub fn minimized(mut self, minimized: bool) -> Self {
        self.minimized = minimized;
        self
    }

    /// Sets whether the window stays hidden until the application shows it with
    /// [`Window::show`](crate::Window::show). The program and its page run in the background. A
    /// second launch of the program also shows the window.
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Sets whether the window takes the keyboard focus when it opens. On Linux the window manager
    /// may ignore `false`.
    pub fn focus(mut self, focus: bool) -> Self {
        self.focus = focus;
        self
    }

    /// Sets whether the window stays above other windows. Ignored on Linux under Wayland.
    pub fn on_top(mut self, on_top: bool) -> Self {
        self.on_top = on_top;
        self
    }

    /// Sets whether the window has no system title bar and border. The page then moves the window:
    /// dragging starts on elements of the class `drag-region` (or trame's `pywebview-drag-region`),
    /// except on controls inside them.
    pub fn frameless(mut self, frameless: bool) -> Self {
        self.frameless = frameless;
        self
    }

    /// Sets whether a frameless window is moved by dragging any part of the page except controls:
    /// links, buttons, fields, canvases, videos, and the content of elements of the class
    /// `no-drag`.
    pub fn easy_drag(mut self, easy_drag: bool) -> Self {
        self.easy_drag = easy_drag;
        self
    }

    /// Sets whether the window is transparent where the page paints nothing. The page must have a
    /// transparent background as well. Not supported on macOS. On Linux it takes a compositor and a
    /// graphics card; `WEBKIT_DISABLE_DMABUF_RENDERER=0` in the environment emulates a card.
    pub fn transparent(mut self, transparent: bool) -> Self {
        self.transparent = transparent;
        self
    }

    /// Sets the color of the window before its page is shown, and where the page paints nothing.
    pub fn background_color(mut self, red: u8, green: u8, blue: u8) -> Self {
        self.background_color = Some((red, green, blue));
        self
    }

    /// Sets whether text of the page can be selected. Text in fields always can.
    pub fn text_select(mut self, text_select: bool) -> Self {
        self.text_select = text_select;
        self
    }

    /// Sets the zoom factor of the page, from 0.1 to 10; 1.0 is its natural size.
    pub fn zoom(mut self, zoom: f64) -> Self {
        self.zoom = zoom;
        self
    }

    /// Sets whether `Ctrl` with `+`, `-` and `0` changes the zoom. On macOS use the [zoom
    /// items](super::StandardItem::ZoomIn) in a menu, which work on every system.
    pub fn zoomable(mut self, zoomable: bool) -> Self {
        self.zoomable = zoomable;
        self
    }

    /// Sets a fixed title, which does not follow the page.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets a PNG image for the window and the task bar. Ignored on macOS, where the program's
    /// bundle contains the icon.
    pub fn icon_png(mut self, png: impl Into<Cow<'static, [u8]>>) -> Self {
        self.icon_png = Some(png.into());
        self
    }

    /// Sets whether the window reopens with the place and size that it had when the program ended.
    /// If so, `size`, `position` and `screen` apply only to the first run.
    pub fn remember_place(mut self, remember: bool) -> Self {
        self.remember_place = remember;
        self
    }

    /// Sets the menu: a bar in the window, on macOS at the top of the screen.
    pub fn menu(mut self, menu: Menu) -> Self {
        self.menu = Some(menu);
        self
    }

    /// Sets the question before the user ends the application.
    pub fn confirm_close(mut self, question: ConfirmClose) -> Self {
        self.confirm_close = Some(question);
        self
    }

    /// Checks all values. A run with a window calls this before it starts.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) with the invalid value.
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
    use crate::window::MenuItem;

    fn check(options: WindowOptions, expected: &str) {
        let said = options.check().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{said}");
    }

    #[test]
    fn valid_values_are_accepted() {
        let new = WindowOptions::new;
        check(new(), "");
        check(new().size(1.0, 30000.0).position(-500.0, 0.5).zoom(2.5), "");
        check(new().min_size(100.0, 100.0).max_size(100.0, 200.0), "");
    }

    #[test]
    fn invalid_values_are_named() {
        let new = WindowOptions::new;
        check(new().size(-5.0, 600.0), "`-5 × 600` is not a valid value for the window's size");
        check(
            new().size(f64::NAN, 600.0),
            "`NaN × 600` is not a valid value for the window's size",
        );
        check(
            new().min_size(0.0, 10.0),
            "`0 × 10` is not a valid value for the window's smallest size",
        );
        check(
            new().max_size(10.0, f64::INFINITY),
            "`10 × inf` is not a valid value for the window's largest size",
        );
        check(
            new().min_size(800.0, 600.0).max_size(900.0, 500.0),
            "`900 × 500` is not a valid value for the window's largest size",
        );
        check(
            new().position(f64::NAN, 0.0),
            "`NaN, 0` is not a valid value for the window's position",
        );
        check(new().zoom(0.0), "`0` is not a valid value for the window's zoom");
        check(
            new().icon_png(b"GIF89a".as_slice()),
            "`6 bytes` is not a valid value for the window's icon",
        );
        let unnamed = Menu::new().submenu("File", Menu::new().item(MenuItem::new("", "save")));
        check(new().menu(unnamed), "`` is not a valid value for the label of a menu item");
    }
}
