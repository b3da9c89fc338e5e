//! The deaths of a window's processes. Tauri does not tell of them on Linux, so WebKitGTK is asked.
//!
//! The state is on the server, so that nothing of it is lost. What a page needs to get in again may be.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use gtk::gio::Cancellable;
use tauri::{Url, WebviewWindow};
use webkit2gtk::{CookieManagerExt, LoadEvent, WebContextExt, WebView, WebViewExt};

use crate::shell::Desktop;

/// What happens again within this time was not mended by signing in.
const BETWEEN_LOSSES: Duration = Duration::from_secs(60);
/// EX_TEMPFAIL of `sysexits.h`.
const EXIT_CODE: i32 = 75;

pub(crate) fn watch(desktop: Arc<Desktop>, window: WebviewWindow) -> tauri::Result<()> {
    window.clone().with_webview(move |webview| {
        sign_in_without_cookie(&webview.inner(), desktop.clone(), window.clone());
        sign_in_after_death(&webview.inner(), desktop, window);
    })
}

/// Signs in again when the web process has died, and ends the program when that does not help.
fn sign_in_after_death(view: &WebView, desktop: Arc<Desktop>, window: WebviewWindow) {
    let losses = Losses::default();
    view.connect_web_process_terminated(move |_, reason| {
        tracing::error!("the web process died: {reason:?}");
        if losses.again() || sign_in(&window, &desktop).is_none() {
            desktop.ending.end(EXIT_CODE);
        }
    });
}

/// Signs in again when the network process has died, which nobody tells: it takes the cookie along, and the page notices when
/// it is loaded again.
fn sign_in_without_cookie(view: &WebView, desktop: Arc<Desktop>, window: WebviewWindow) {
    let losses = Rc::new(Losses::default());
    view.connect_load_changed(move |view, event| {
        let cookies = view.context().and_then(|context| context.cookie_manager());
        if let (LoadEvent::Finished, Some(cookies)) = (event, cookies) {
            let (desktop, window, losses) = (desktop.clone(), window.clone(), losses.clone());
            let origin = desktop.session.origin.clone();
            cookies.cookies(&origin, None::<&Cancellable>, move |found| {
                if found.is_ok_and(|found| found.is_empty()) && !losses.again() {
                    tracing::warn!("the window has lost its cookie, and signs in again");
                    let _ = sign_in(&window, &desktop);
                }
            });
        }
    });
}

/// When something was lost last.
#[derive(Default)]
struct Losses(Cell<Option<Instant>>);

impl Losses {
    /// Notes that it was lost. Says whether that is no news.
    fn again(&self) -> bool {
        let last = self.0.replace(Some(Instant::now()));
        last.is_some_and(|last| last.elapsed() < BETWEEN_LOSSES)
    }
}

fn sign_in(window: &WebviewWindow, desktop: &Desktop) -> Option<()> {
    let url = Url::parse(&desktop.session.sign_in_url().ok()?).ok()?;
    window.navigate(url).ok()
}
