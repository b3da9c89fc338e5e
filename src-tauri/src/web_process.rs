//! The death of a window's web process. Tauri does not tell of it on Linux, so WebKitGTK is asked.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use tauri::{Url, WebviewWindow};
use webkit2gtk::WebViewExt;

use crate::shell::Desktop;

/// A page whose web process dies again within this time is not loaded again.
const BETWEEN_LOSSES: Duration = Duration::from_secs(60);
/// EX_TEMPFAIL of `sysexits.h`.
const EXIT_CODE: i32 = 75;

/// Signs in again when the web process has died, and ends the program when that does not help.
///
/// The state is on the server, so that nothing of it is lost.
pub(crate) fn watch(desktop: Arc<Desktop>, window: WebviewWindow) -> tauri::Result<()> {
    let last_loss = Cell::new(None::<Instant>);
    window.clone().with_webview(move |webview| {
        webview.inner().connect_web_process_terminated(move |_, reason| {
            tracing::error!("the web process died: {reason:?}");
            let last = last_loss.replace(Some(Instant::now()));
            let again = last.is_some_and(|last| last.elapsed() < BETWEEN_LOSSES);
            if again || load(&window, &desktop).is_none() {
                desktop.ending.end(EXIT_CODE);
            }
        });
    })
}

fn load(window: &WebviewWindow, desktop: &Desktop) -> Option<()> {
    let url = Url::parse(&desktop.session.sign_in_url().ok()?).ok()?;
    window.navigate(url).ok()
}
