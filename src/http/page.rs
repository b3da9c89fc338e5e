//! The built-in page, which is embedded in the binary.
//!
//! Its files are stored compressed, as `ui` builds them, and sent compressed to clients that accept
//! gzip.

use std::io::{self, Read};

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use rust_embed::RustEmbed;

use super::{Site, error_page, etag, icons, policy};

const NOT_BUILT: &str = "The web page is not part of this build. Install Node.js 20 or newer with npm and build the \
    application again. In the repository of Selvedge itself, run `cargo xtask ui` before that.\n";

#[derive(RustEmbed)]
#[folder = "$SELVEDGE_PAGE"]
#[include = "*.gz"]
#[exclude = "testing.js.gz"]
#[allow_missing = true]
struct Page;

/// Returns the folder that debug builds read the page from, if it exists. A release embeds the
/// files.
#[cfg(feature = "dev")]
pub(crate) fn folder() -> Option<&'static std::path::Path> {
    #[cfg(debug_assertions)]
    return Some(std::path::Path::new(env!("SELVEDGE_PAGE"))).filter(|folder| folder.is_dir());
    #[cfg(not(debug_assertions))]
    None
}

/// Maps the URL of each file of the page to a hash that changes with its content.
#[cfg(feature = "dev")]
pub(crate) fn versions() -> std::collections::BTreeMap<String, [u8; 32]> {
    let version = |name: &str| Some(Page::get(name)?.metadata.sha256_hash());
    let files = Page::iter().filter_map(|name| {
        let url = name.strip_suffix(".gz")?.to_owned();
        Some((url, version(&name)?))
    });
    files.collect()
}

/// Answers with the page's file at `path`, or explains that the page is missing from this build.
/// `None` if the page has no such file.
pub(super) fn file(path: &str, headers: &HeaderMap, site: &Site) -> Option<Response> {
    match Page::get(&format!("{path}.gz")) {
        Some(file) => {
            let mut response = respond(path, &file, headers);
            if path == "index.html" {
                let document = unpacked(&file.data).unwrap_or_default();
                let scripts = policy::inline_hashes(&String::from_utf8_lossy(&document), "script");
                let policy = policy::of_page(site, headers, scripts);
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            }
            Some(response)
        }
        None if path == "index.html" => Some(error_page::text(StatusCode::NOT_FOUND, NOT_BUILT)),
        None => icons::file(path, headers),
    }
}

/// Returns the content of one of the page's files, if the page is part of this build.
pub(super) fn content(path: &str) -> Option<Vec<u8>> {
    unpacked(&Page::get(&format!("{path}.gz"))?.data).ok()
}

fn respond(path: &str, file: &rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String =
        file.metadata.sha256_hash()[..16].iter().map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let fixed = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::VARY, "Accept-Encoding".to_owned()),
        (header::CONTENT_TYPE, content_type(path).to_owned()),
    ];
    if etag::is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, fixed).into_response();
    }
    if takes_gzip(headers) {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        return (fixed, encoding, Body::from(file.data.clone().into_owned())).into_response();
    }
    match unpacked(&file.data) {
        Ok(content) => (fixed, content).into_response(),
        Err(_) => error_page::text(StatusCode::INTERNAL_SERVER_ERROR, NOT_BUILT),
    }
}

fn unpacked(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(data).read_to_end(&mut content)?;
    Ok(content)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING);
    values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |encoding| {
            let mut parts = encoding.split(';').map(str::trim);
            let refused = |part: &str| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
            matches!(parts.next(), Some("gzip" | "x-gzip" | "*")) && !parts.any(refused)
        },
    )
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value| {
            takes_gzip(&HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(takes("gzip, deflate, br"));
        assert!(takes("br;q=1.0, gzip;q=0.8"));
        assert!(takes("*"));
        assert!(!takes("br"));
        assert!(!takes("gzip;q=0"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
