//! What a window shows and where it may go.

use std::{
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tauri::{
    AppHandle, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, async_runtime,
    image::Image,
    webview::{NewWindowResponse, PageLoadEvent},
    window::Color,
};

use crate::{place, shell::Desktop, splash};

/// How long a window waits for its page before it shows itself.
const PATIENCE: Duration = Duration::from_millis(300);
/// What a window shows before its page, on a dark desktop.
const DARK: Color = Color(30, 30, 30, 255);

impl Desktop {
    /// Opens a window on a page of the server.
    pub(crate) fn open(self: &Arc<Self>, url: &str) -> tauri::Result<()> {
        let window = self.build(Url::parse(url).map_err(tauri::Error::InvalidUrl)?)?;
        if window.theme()? == Theme::Dark {
            window.set_background_color(Some(DARK))?;
        }
        if self.session.server.options().desktop_debug == Some(true) {
            window.open_devtools();
        }
        #[cfg(target_os = "linux")]
        crate::web_process::watch(self.clone(), window)?;
        Ok(())
    }

    fn build(self: &Arc<Self>, url: Url) -> tauri::Result<WebviewWindow> {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let options = &self.session.window;
        let label = match OPENED.fetch_add(1, Ordering::Relaxed) {
            0 if options.remember_place => place::REMEMBERED.to_owned(),
            opened => format!("window-{opened}"),
        };
        let debug = self.session.server.options().desktop_debug == Some(true);
        let (navigation, new_window) = (self.clone(), self.clone());
        let shown = Arc::new(Once::new());
        let loaded = shown.clone();
        let mut builder = WebviewWindowBuilder::new(&self.app, label, WebviewUrl::External(url))
            .title(&self.session.title)
            .inner_size(options.size.0, options.size.1)
            .visible(false)
            .devtools(debug)
            // A file dropped on the page is the page's business.
            .disable_drag_drop_handler()
            // Frames ask as well, and one with a page of its own goes to about:srcdoc.
            .on_navigation(move |url| {
                navigation.is_ours(url) || url.scheme() == "about" || open_outside(url)
            })
            .on_new_window(move |url, _| {
                new_window.clone().open_beside(url);
                NewWindowResponse::Deny
            })
            .on_document_title_changed(|window, title| drop(window.set_title(&title)))
            .on_page_load(move |window, page| {
                if page.event() == PageLoadEvent::Finished {
                    loaded.call_once(|| reveal(&window));
                }
            });
        if let Some((width, height)) = options.min_size {
            builder = builder.min_inner_size(width, height);
        }
        if let Some(png) = &options.icon_png {
            builder = builder.icon(Image::from_bytes(png)?)?;
        }
        let window = builder.build()?;
        if window.label() == place::REMEMBERED {
            place::keep_within_reach(&window)?;
        }
        let waiting = window.clone();
        async_runtime::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            shown.call_once(|| reveal(&waiting));
        });
        Ok(window)
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

/// A window to attach a dialog to, or to show to a user who launches the application again.
pub(crate) fn front(app: &AppHandle) -> Option<WebviewWindow> {
    let mut windows = app.webview_windows().into_iter().filter(|(label, _)| label != splash::LABEL);
    windows.next().map(|(_, window)| window)
}

/// Shows a window for the first time.
fn reveal(window: &WebviewWindow) {
    bring_up(window);
    splash::end(window.app_handle());
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
    } else if let Err(error) = tauri_plugin_opener::open_url(url, None::<&str>) {
        tracing::warn!("{url} could not be opened in the system's browser: {error}");
    }
    false
}
