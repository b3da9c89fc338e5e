//! Lets the application's code change and query its window.

use std::sync::{Arc, Weak, mpsc};

use selvedge::{
    Ctx, Error, Result,
    window::{WindowChange, WindowControl, WindowOptions, WindowProgress, WindowState},
};
use tauri::{
    LogicalPosition, LogicalSize, Size, Theme, WebviewWindow,
    window::{ProgressBarState, ProgressBarStatus},
};

use crate::{
    desktop::{Desktop, Kept, failed},
    native_menu::ItemChange,
    window_list,
};

/// Factor between two zoom levels of the page.
const ZOOM_STEP: f64 = 1.1;

/// Gives the application's code access to its window while it is shown.
pub(crate) struct Control(pub(crate) Weak<Desktop>);

impl Control {
    /// Runs `act` with the front window on the thread of the event loop, where calls to the window
    /// need not wait. Returns its result.
    fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Arc<Desktop>, &WebviewWindow) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let desktop = self.0.upgrade().ok_or(Error::NoWindow)?;
        let app = desktop.app.clone();
        let (answer, done) = mpsc::channel();
        let act = move || {
            let window = window_list::front(&desktop.app).ok_or(Error::NoWindow);
            drop(answer.send(window.and_then(|window| act(&desktop, &window))));
        };
        app.run_on_main_thread(act).map_err(|_| Error::NoWindow)?;
        // Fails if the event loop has ended.
        done.recv().map_err(|_| Error::NoWindow)?
    }
}

impl WindowControl for Control {
    fn state(&self) -> Result<WindowState> {
        self.with(|desktop, window| desktop.state_of(window).map_err(failed))
    }

    fn change(&self, change: WindowChange) -> Result<()> {
        self.with(|desktop, window| desktop.change(window, change))
    }
}

fn bar(progress: WindowProgress) -> ProgressBarState {
    let (status, progress) = match progress {
        WindowProgress::Hidden => (ProgressBarStatus::None, None),
        WindowProgress::Unknown => (ProgressBarStatus::Indeterminate, None),
        // The window system counts in hundredths.
        WindowProgress::Part(part) => (ProgressBarStatus::Normal, Some((part * 100.0) as u64)),
    };
    ProgressBarState { status: Some(status), progress }
}

impl Desktop {
    fn state_of(&self, window: &WebviewWindow) -> tauri::Result<WindowState> {
        let scale = window.scale_factor()?;
        let size = window.inner_size()?.to_logical(scale);
        let position = window.outer_position()?.to_logical(scale);
        Ok(WindowState {
            size: (size.width, size.height),
            position: (position.x, position.y),
            scale,
            zoom: self.zoom_of(window),
            title: window.title()?,
            maximized: window.is_maximized()?,
            minimized: window.is_minimized()?,
            fullscreen: window.is_fullscreen()?,
            visible: window.is_visible()?,
            focused: window.is_focused()?,
            on_top: window.is_always_on_top()?,
            resizable: window.is_resizable()?,
        })
    }

    fn change(self: &Arc<Self>, window: &WebviewWindow, change: WindowChange) -> Result<()> {
        let size = |(width, height)| Size::Logical(LogicalSize { width, height });
        match change {
            WindowChange::ItemEnabled(id, enabled) => {
                return self.change_items(&id, &ItemChange::Enabled(enabled));
            }
            WindowChange::ItemChecked(id, checked) => {
                return self.change_items(&id, &ItemChange::Checked(checked));
            }
            WindowChange::ItemLabel(id, label) => {
                return self.change_items(&id, &ItemChange::Label(label));
            }
            WindowChange::Size(width, height) => window.set_size(LogicalSize { width, height }),
            WindowChange::MinSize(least) => window.set_min_size(least.map(size)),
            WindowChange::MaxSize(largest) => window.set_max_size(largest.map(size)),
            WindowChange::Position(x, y) => window.set_position(LogicalPosition { x, y }),
            WindowChange::Center => window.center(),
            WindowChange::Title(title) => self.set_own_title(window, title),
            // Windows shows it for each window.
            WindowChange::Progress(progress) => window_list::all(&self.app)
                .iter()
                .try_for_each(|window| window.set_progress_bar(bar(progress))),
            WindowChange::Resizable(resizable) => window.set_resizable(resizable),
            WindowChange::Fullscreen(fullscreen) => window.set_fullscreen(fullscreen),
            WindowChange::Maximize => window.maximize(),
            WindowChange::Minimize => window.minimize(),
            WindowChange::Restore => window.unminimize().and_then(|()| window.unmaximize()),
            WindowChange::Visible(true) => window.show(),
            WindowChange::Visible(false) => window.hide(),
            WindowChange::Focus => {
                window_list::bring_up(window);
                Ok(())
            }
            WindowChange::OnTop(on_top) => window.set_always_on_top(on_top),
            WindowChange::Frameless(frameless) => window.set_decorations(!frameless),
            WindowChange::Zoom(zoom) => self.set_zoom(window, zoom),
            WindowChange::Menu(menu) => self.set_menu(&menu),
            WindowChange::Close => window.close(),
        }
        .map_err(failed)
    }

    fn zoom_of(&self, window: &WebviewWindow) -> f64 {
        self.windows.of().get(window.label()).and_then(|kept| kept.zoom).unwrap_or(1.0)
    }

    pub(crate) fn zoom_in(&self, window: &WebviewWindow) -> tauri::Result<()> {
        self.zoom_by(window, ZOOM_STEP)
    }

    pub(crate) fn zoom_out(&self, window: &WebviewWindow) -> tauri::Result<()> {
        self.zoom_by(window, 1.0 / ZOOM_STEP)
    }

    pub(crate) fn reset_zoom(&self, window: &WebviewWindow) -> tauri::Result<()> {
        self.set_zoom(window, 1.0)
    }

    /// Multiplies the zoom of the page by this factor, within the limits that also apply to code.
    fn zoom_by(&self, window: &WebviewWindow, factor: f64) -> tauri::Result<()> {
        let (least, most) = WindowOptions::ZOOM_RANGE.into_inner();
        self.set_zoom(window, (self.zoom_of(window) * factor).clamp(least, most))
    }

    pub(crate) fn set_zoom(&self, window: &WebviewWindow, zoom: f64) -> tauri::Result<()> {
        window.set_zoom(zoom)?;
        self.windows.of().entry(window.label().to_owned()).or_default().zoom = Some(zoom);
        Ok(())
    }

    pub(crate) fn set_own_title(
        &self,
        window: &WebviewWindow,
        title: Option<String>,
    ) -> tauri::Result<()> {
        self.retitle(window, |kept| kept.own_title = title)
    }

    /// Shows the title of the page. It is empty for a moment while a page is loaded or lost, which
    /// is ignored.
    pub(crate) fn set_page_title(&self, window: &WebviewWindow, title: String) {
        if !title.is_empty() {
            // The window may be closing.
            let _ = self.retitle(window, |kept| kept.page_title = title);
        }
    }

    fn retitle(&self, window: &WebviewWindow, change: impl FnOnce(&mut Kept)) -> tauri::Result<()> {
        let title = {
            let mut windows = self.windows.of();
            let kept = windows.entry(window.label().to_owned()).or_default();
            change(kept);
            kept.own_title.clone().unwrap_or_else(|| kept.page_title.clone())
        };
        window.set_title(&title)
    }

    /// Follows `trame__title` even while there is no page to set the title.
    pub(crate) fn follow_title(self: &Arc<Self>) {
        let desktop = Arc::downgrade(self);
        self.session.server.on_change("trame__title", move |_: Ctx, title: Option<String>| {
            let Some(desktop) = desktop.upgrade() else { return };
            for window in window_list::all(&desktop.app) {
                desktop.set_page_title(&window, title.clone().unwrap_or_default());
            }
        });
    }

    /// Makes the frames and menus of windows light or dark, as the application has chosen for its
    /// pages.
    pub(crate) fn follow_scheme(self: &Arc<Self>) {
        let (desktop, server) = (Arc::downgrade(self), &self.session.server);
        let follow = move |scheme: Option<String>| {
            if let Some(desktop) = desktop.upgrade() {
                desktop.app.set_theme(theme(scheme.as_deref()));
            }
        };
        follow(server.state().get(COLOR_SCHEME).unwrap_or_default());
        server.on_change(COLOR_SCHEME, move |_: Ctx, scheme: Option<String>| follow(scheme));
    }
}

/// The key of the scheme that an application has chosen for its pages.
const COLOR_SCHEME: &str = "trame__color_scheme";

/// Returns the theme of windows; `None` is that of the system.
fn theme(scheme: Option<&str>) -> Option<Theme> {
    match scheme {
        Some("light") => Some(Theme::Light),
        Some("dark") => Some(Theme::Dark),
        _ => None,
    }
}
