//! How a page closes its window: `window.close()` asks the host, which asks the user if the
//! application wants that.
//!
//! The web view's own way would destroy the page first, and leave its window empty if the user
//! refuses.

use std::hash::{BuildHasher, RandomState};

use tauri::{Manager, Url};

use crate::desktop::Desktop;

const SCRIPT: &str = include_str!("browser_habits.js");
const SCHEME: &str = "selvedge-close";

/// The address with which a window's page asks to close it. Frames do not know it.
#[derive(Clone)]
pub(crate) struct CloseAddress(String);

impl CloseAddress {
    pub(crate) fn new(label: &str) -> Self {
        // The keys of a new hasher are random.
        CloseAddress(format!("{SCHEME}:{label}/{:016x}", RandomState::new().hash_one(label)))
    }

    /// Returns the script that makes a page behave as in a browser.
    pub(crate) fn script(&self) -> String {
        SCRIPT.replace("CLOSE_ADDRESS", &self.0)
    }
}

/// Time limit for a page to say whether its window may close. A second attempt to close it does not
/// wait.
#[cfg(target_os = "linux")]
const PAGE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

/// Follows a page's answer when its window is closed: see [`Desktop::close_with_page`].
#[cfg(target_os = "linux")]
pub(crate) fn follow(
    desktop: &std::sync::Arc<Desktop>,
    window: &tauri::WebviewWindow,
    view: &webkit2gtk::WebView,
) {
    use webkit2gtk::{ScriptDialogType, WebViewExt};

    let closing = window.clone();
    // The window may be closed already.
    view.connect_close(move |_| drop(closing.destroy()));
    let (desktop, asked) = (desktop.clone(), window.clone());
    view.connect_script_dialog(move |_, dialog| {
        if dialog.dialog_type() == ScriptDialogType::BeforeUnloadConfirm {
            desktop.windows.keep(&asked);
        }
        false
    });
}

impl Desktop {
    /// Closes a window unless its page objects (`beforeunload`), in which case the user is asked. A
    /// page that does not answer in time is ignored.
    #[cfg(target_os = "linux")]
    pub(crate) fn close_with_page(self: &std::sync::Arc<Self>, window: &tauri::WebviewWindow) {
        let (desktop, closing) = (self.clone(), window.clone());
        let asked = window.with_webview(|view| webkit2gtk::WebViewExt::try_close(&view.inner()));
        gtk::glib::timeout_add_local_once(PAGE_TIMEOUT, move || {
            if desktop.windows.is_leaving(&closing) {
                drop(closing.destroy());
            }
        });
        if asked.is_err() {
            drop(window.destroy());
        }
    }

    /// Closes a window if its page has asked for that with this address. Returns whether the URL
    /// has the scheme of such addresses.
    pub(crate) fn closes(&self, label: &str, address: &CloseAddress, url: &Url) -> bool {
        if url.scheme() != SCHEME {
            return false;
        }
        let window = self.app.get_webview_window(label).filter(|_| url.as_str() == address.0);
        if let Some(Err(error)) = window.map(|window| window.close()) {
            tracing::warn!("the window cannot be closed: {error}");
        }
        true
    }
}
