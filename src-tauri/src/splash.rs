//! A small window that shows that a slow start is in progress. It needs no server: its page is part
//! of the program.

use std::{future::Future, pin::pin, time::Duration};

use tauri::{
    AppHandle, Manager, Runtime, UriSchemeContext, Url, WebviewUrl, WebviewWindowBuilder,
    http::{Request, Response, header::CONTENT_TYPE},
};

use crate::storage;

/// Time that a start may take before the splash is shown.
const SPLASH_DELAY: Duration = Duration::from_millis(300);

pub(crate) const LABEL: &str = "splash";
/// The scheme of the page's address.
pub(crate) const SCHEME: &str = "splash";
const URL: &str = match cfg!(windows) {
    true => "http://splash.localhost/",
    false => "splash://localhost/",
};

/// Waits for a start, and shows the splash if it takes long. [`end`] removes the splash.
pub(crate) async fn shown_while<T>(
    app: &AppHandle,
    name: &str,
    start: impl Future<Output = T>,
) -> T {
    let show = || {
        if let Err(error) = open(app, name) {
            tracing::warn!("the splash could not be shown: {error}");
        }
    };
    with_delay(start, show).await
}

/// Waits for a start, and calls `late` if it takes long.
async fn with_delay<T>(start: impl Future<Output = T>, late: impl FnOnce()) -> T {
    let mut start = pin!(start);
    tokio::select! {
        biased;
        started = &mut start => return started,
        () = tokio::time::sleep(SPLASH_DELAY) => late(),
    }
    start.await
}

fn open(app: &AppHandle, name: &str) -> tauri::Result<()> {
    let page = Url::parse(URL).map_err(tauri::Error::InvalidUrl)?;
    let builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::CustomProtocol(page));
    storage::place(builder, app)
        .title(name)
        .inner_size(360.0, 150.0)
        .resizable(false)
        .maximizable(false)
        .decorations(false)
        .center()
        .on_navigation(|url| url.scheme() == SCHEME || url.as_str() == URL)
        .build()?;
    Ok(())
}

/// Closes the splash, to make way for the application's window.
pub(crate) fn end(app: &AppHandle) {
    if let Some(splash) = app.get_webview_window(LABEL) {
        // It may be closing, which is no error.
        let _ = splash.destroy();
    }
}

/// Answers with the splash page.
pub(crate) fn page<R: Runtime>(
    context: UriSchemeContext<R>,
    _: Request<Vec<u8>>,
) -> Response<Vec<u8>> {
    let name = &context.app_handle().package_info().name;
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    let page = include_str!("splash.html").replace("{{ name }}", &name);
    let mut response = Response::new(page.into_bytes());
    let kind = tauri::http::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_start_that_takes_long_is_shown() {
        for (milliseconds, expected) in [(0, false), (290, false), (310, true), (60_000, true)] {
            let mut shown = false;
            let start = sleep(Duration::from_millis(milliseconds));
            with_delay(start, || shown = true).await;
            assert_eq!(shown, expected, "{milliseconds} ms");
        }
    }
}
