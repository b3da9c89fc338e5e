//! Limits where a window may navigate: to its server only. Frames in its page may show pages from
//! anywhere.
//!
//! Tauri asks before each navigation. WebView2 asks for the window only. The other web views also
//! ask for frames and do not distinguish them from the window, so there the window is stopped a
//! step later.

use tauri::{Url, WebviewWindow};

use crate::desktop::Desktop;

/// Whether the web view asks for frames without distinguishing them from their window.
const ASKS_FOR_FRAMES: bool = cfg!(not(windows));

impl Desktop {
    pub(crate) fn is_ours(&self, url: &Url) -> bool {
        Url::parse(&self.session.origin).is_ok_and(|server| server.origin() == url.origin())
    }

    /// Parses an address; `None` if it is the server's.
    #[cfg(target_os = "linux")]
    fn foreign(&self, url: &str) -> Option<Url> {
        Url::parse(url).ok().filter(|url| !self.is_ours(url))
    }

    /// Returns whether a window, or a frame in its page, may load an address. Opens other addresses
    /// outside.
    pub(crate) fn may_load(&self, url: &Url) -> bool {
        let of_frames = match url.scheme() {
            // A frame with an inline document loads about:srcdoc.
            "about" => true,
            "http" | "https" | "data" | "blob" => ASKS_FOR_FRAMES,
            _ => false,
        };
        self.is_ours(url) || of_frames || open_outside(url)
    }

    /// Brings a window back if it shows a page that is not its server's.
    pub(crate) fn keep_home(&self, window: &WebviewWindow, url: &Url) {
        if self.is_ours(url) || !ASKS_FOR_FRAMES {
            return;
        }
        if is_of_the_web(url) {
            open_outside(url);
        } else {
            tracing::warn!("the page wanted to go to {url}, which is refused");
        }
        if let Err(error) = self.sign_in(window) {
            tracing::error!("the window cannot return to its server: {error}");
        }
    }

    /// Makes a window sign in and load the application's page.
    pub(crate) fn sign_in(&self, window: &WebviewWindow) -> selvedge::Result<()> {
        let url = Url::parse(&self.session.sign_in_url()?)
            .map_err(|error| selvedge::Error::Shell(error.to_string()))?;
        window.navigate(url).map_err(crate::desktop::failed)
    }
}

/// Opens an address in the system's browser or mail program. Always returns false: no window may
/// load it.
pub(crate) fn open_outside(url: &Url) -> bool {
    // Other schemes could start anything.
    if !is_of_the_web(url) && url.scheme() != "mailto" {
        tracing::warn!("the page wanted to go to {url}, which is refused");
    } else if let Err(error) = open::that_detached(url.as_str()) {
        tracing::warn!("{url} could not be opened in the system's browser: {error}");
    }
    false
}

fn is_of_the_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Stops a window that navigates away from its server, which only frames may do: when the answer
/// arrives, or when there is none. Nothing of it is shown yet.
#[cfg(target_os = "linux")]
pub(crate) fn confine(desktop: &std::sync::Arc<Desktop>, view: &webkit2gtk::WebView) {
    use gtk::prelude::Cast;
    use webkit2gtk::{
        NetworkError, PolicyDecisionExt, ResponsePolicyDecision, ResponsePolicyDecisionExt,
        URIRequestExt, WebViewExt,
    };

    let asked = desktop.clone();
    view.connect_decide_policy(move |_, decision, _| {
        let answer = decision.downcast_ref::<ResponsePolicyDecision>();
        let answer = answer.filter(|answer| answer.is_main_frame_main_resource());
        let url = answer.and_then(|answer| asked.foreign(&answer.request()?.uri()?));
        url.is_some_and(|url| {
            decision.ignore();
            open_outside(&url);
            true
        })
    });
    let desktop = desktop.clone();
    view.connect_load_failed(move |_, _, url, error| {
        desktop.foreign(url).is_some_and(|url| {
            // Without an answer the address has not been opened yet.
            if !error.matches(NetworkError::Cancelled) && !interrupted(error) {
                open_outside(&url);
            }
            true
        })
    });
}

/// Returns whether a load ended because its answer was ignored or saved as a file.
#[cfg(target_os = "linux")]
pub(crate) fn interrupted(error: &gtk::glib::Error) -> bool {
    error.matches(webkit2gtk::PolicyError::FrameLoadInterruptedByPolicyChange)
}
