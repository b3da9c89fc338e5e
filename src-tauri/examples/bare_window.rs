//! A Tauri window with a small page and nothing else: the limit that the start-up time and memory of
//! an application's window are compared with.

#![forbid(unsafe_code)]

use tauri::{
    Url, WebviewUrl, WebviewWindowBuilder, Wry,
    http::{HeaderValue, Response, header::CONTENT_TYPE},
};

const PAGE: &str = "<!doctype html><title>bare</title>
<div style=\"background: #12ab34; color: #fff; padding: 2rem; font-size: 2rem\">0 × 2 = 0</div>";

fn main() -> tauri::Result<()> {
    let app = tauri::Builder::<Wry>::new()
        .register_uri_scheme_protocol("bare", |_, _| {
            let mut response = Response::new(PAGE.as_bytes().to_vec());
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        })
        .build(tauri::generate_context!("context/tauri.conf.json"))?;
    let page = if cfg!(windows) { "http://bare.localhost/" } else { "bare://localhost/" };
    let page = Url::parse(page).map_err(tauri::Error::InvalidUrl)?;
    WebviewWindowBuilder::new(&app, "main", WebviewUrl::CustomProtocol(page)).build()?;
    app.run(|_, _| {});
    Ok(())
}
