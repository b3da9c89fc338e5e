//! What a window shows and where it may go.

use std::{
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tauri::{
    AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
    async_runtime,
    webview::{NewWindowResponse, PageLoadEvent},
};

use crate::{appearance, control::Control, place, shell::Desktop};

/// How long a window waits for its page before it shows itself.
const PATIENCE: Duration = Duration::from_millis(300);
/// What a window is called inside of the program, before its number.
const LABEL: &str = "window-";

impl Desktop {
    /// Opens the application's window, with all that belongs to it.
    pub(crate) fn open_first(self: &Arc<Self>) -> tauri::Result<()> {
        if let Some(menu) = &self.session.window.menu {
            self.set_menu(menu)?;
        }
        self.follow_title();
        self.open(&self.session.url)?;
        let control = Control(Arc::downgrade(self));
        self.session.server.set_window_control(Arc::new(control));
        Ok(())
    }

    /// Opens a window on a page of the server.
    pub(crate) fn open(self: &Arc<Self>, url: &str) -> tauri::Result<()> {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let first = number == 0;
        let label = match first && self.session.window.remember_place {
            true => place::REMEMBERED.to_owned(),
            false => format!("{LABEL}{number}"),
        };
        let url = Url::parse(url).map_err(tauri::Error::InvalidUrl)?;
        let shown = Arc::new(Once::new());
        let window = self.build(url, label, first, shown.clone())?;
        self.set_page_title(&window, self.session.title.clone());
        if let Some(title) = &self.session.window.title {
            self.set_own_title(&window, Some(title.clone()))?;
        }
        self.adjust(&window)?;
        if window.label() == place::REMEMBERED {
            place::follow(&window)?;
        }
        if self.session.server.options().desktop_debug == Some(true) {
            window.open_devtools();
        }
        self.watch_closing(&window);
        let (desktop, waiting) = (self.clone(), window.clone());
        async_runtime::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            shown.call_once(|| desktop.reveal(&waiting, first));
        });
        #[cfg(target_os = "linux")]
        crate::web_process::watch(self.clone(), window)?;
        Ok(())
    }

    fn build(
        self: &Arc<Self>,
        url: Url,
        label: String,
        first: bool,
        shown: Arc<Once>,
    ) -> tauri::Result<WebviewWindow> {
        let debug = self.session.server.options().desktop_debug == Some(true);
        let (navigation, titles, loads) = (self.clone(), self.clone(), self.clone());
        let (new_window, opener) = (self.clone(), label.clone());
        let builder = WebviewWindowBuilder::new(&self.app, label, WebviewUrl::External(url))
            .title(&self.session.title)
            .visible(false)
            .devtools(debug)
            // A file dropped on the page is the page's business.
            .disable_drag_drop_handler()
            // Frames ask as well, and one with a page of its own goes to about:srcdoc.
            .on_navigation(move |url| {
                navigation.is_ours(url) || url.scheme() == "about" || open_outside(url)
            })
            .on_new_window(move |url, _| {
                match appearance::is_drag(&url) {
                    true => new_window.drag(&opener),
                    false => new_window.clone().open_beside(url),
                }
                NewWindowResponse::Deny
            })
            .on_document_title_changed(move |window, title| titles.set_page_title(&window, title))
            .on_page_load(move |window, page| {
                if page.event() == PageLoadEvent::Finished {
                    shown.call_once(|| loads.reveal(&window, first));
                }
            });
        let builder = appearance::prepare(builder, &self.app, &self.session.window, first)?;
        #[cfg(not(target_os = "macos"))]
        if let Some(bar) = self.menu.bar() {
            return builder.menu(bar).build();
        }
        builder.build()
    }

    fn watch_closing(self: &Arc<Self>, window: &WebviewWindow) {
        let (desktop, closing) = (self.clone(), window.clone());
        window.on_window_event(move |event| match event {
            WindowEvent::CloseRequested { api, .. } => desktop.close_requested(&closing, api),
            WindowEvent::Destroyed => desktop.windows.forget(&closing),
            _ => {}
        });
    }

    /// Moves a window with the mouse, whose button is pressed.
    fn drag(&self, label: &str) {
        if let Some(window) =
            self.app.get_webview_window(label).filter(|_| self.session.window.frameless)
            && let Err(error) = window.start_dragging()
        {
            tracing::warn!("the window cannot be dragged: {error}");
        }
    }

    fn is_ours(&self, url: &Url) -> bool {
        Url::parse(&self.session.origin).is_ok_and(|server| server.origin() == url.origin())
    }

    /// A page asked for a new window: it gets one on this server; other places open in the system's browser.
    fn open_beside(self: Arc<Self>, url: Url) {
        if self.is_ours(&url) || open_outside(&url) {
            // Not here and now: the web view is waiting for an answer.
            async_runtime::spawn(async move {
                if let Err(error) = self.open(url.as_str()) {
                    tracing::error!("a new window could not be opened: {error}");
                }
            });
        }
    }
}

/// All windows of the application, in the order in which they were opened.
pub(crate) fn all(app: &AppHandle) -> Vec<WebviewWindow> {
    let number = |window: &WebviewWindow| match window.label() {
        place::REMEMBERED => Some(0),
        label => label.strip_prefix(LABEL)?.parse::<usize>().ok(),
    };
    let windows = app.webview_windows().into_values();
    let mut windows: Vec<_> =
        windows.filter_map(|window| Some((number(&window)?, window))).collect();
    windows.sort_by_key(|(number, _)| *number);
    windows.into_iter().map(|(_, window)| window).collect()
}

/// The window that its user works in, or else the one that was opened first: to attach a dialog to, to change, or to
/// show to a user who launches the application again.
pub(crate) fn front(app: &AppHandle) -> Option<WebviewWindow> {
    front_of(all(app))
}

/// The same among some of the windows.
pub(crate) fn front_of(mut windows: Vec<WebviewWindow>) -> Option<WebviewWindow> {
    let focused = windows.iter().position(|window| window.is_focused().unwrap_or(false));
    (!windows.is_empty()).then(|| windows.swap_remove(focused.unwrap_or(0)))
}

/// Shows a window above the others. It may be closing, which is no error.
pub(crate) fn bring_up(window: &WebviewWindow) {
    let _ = window.unminimize();
    let _ = window.show();
    let _ = window.set_focus();
}

/// Gives an address to the system's browser or mail program, and is always false: no window goes there.
fn open_outside(url: &Url) -> bool {
    // Other schemes could start anything.
    if !matches!(url.scheme(), "http" | "https" | "mailto") {
        tracing::warn!("the page wanted to go to {url}, which is refused");
    } else if let Err(error) = open::that_detached(url.as_str()) {
        tracing::warn!("{url} could not be opened in the system's browser: {error}");
    }
    false
}
