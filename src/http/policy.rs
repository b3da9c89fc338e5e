//! Security headers of the server's answers: which scripts its page may run, which pages may show
//! it in a frame, and which may load from it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use selvedge_wslink::words::key;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Names, Site};
use crate::app::Source;

const FALLBACK: HeaderValue = HeaderValue::from_static("script-src 'self'; frame-ancestors 'none'");

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Returns the policy of the built-in page. Its scripts come from this server and from where the
/// application has the page load scripts. Vue compiles templates in the page, which needs
/// `unsafe-eval`. A script may also run code that it created, as widgets with workers do: `blob:`
/// allows nothing that `unsafe-eval` does not.
///
/// `inline` are the hashes of the document's own scripts; no other inline script runs.
///
/// WebSockets lead to this server only: templates, which run in the page, come over them, and a
/// link can name any server for the page to connect to (`?sessionURL=`).
pub(super) fn of_page(site: &Site, request: &HeaderMap, inline: Vec<String>) -> HeaderValue {
    let state = site.server.state();
    let mut sources = ["'self'", "'unsafe-eval'", "blob:"].map(str::to_owned).to_vec();
    sources.extend(inline);
    for key in [key::SCRIPTS, key::MODULE_SCRIPTS] {
        let entries: Vec<Value> = state.get(key).unwrap_or_default();
        for source in entries.iter().filter_map(script_source) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    let allowed = site.server.settings().allowed_sources.clone();
    let extra = |kind| -> Vec<&str> {
        allowed.get(&kind).into_iter().flatten().map(String::as_str).collect()
    };
    sources.extend(extra(Source::Script).into_iter().map(str::to_owned));
    let mut directives = vec![format!("script-src {}", sources.join(" "))];
    let workers = extra(Source::Worker);
    if !workers.is_empty() {
        // Without this directive the script sources also apply to workers.
        directives.push(format!("worker-src {} {}", sources.join(" "), workers.join(" ")));
    }
    let connect = [&["'self' http: https: data: blob:"], &extra(Source::Connect)[..]].concat();
    let own = websocket_sources(&site.names, request);
    directives.push(format!("connect-src {}{own}", connect.join(" ")));
    let objects = extra(Source::Object);
    let objects = if objects.is_empty() { vec!["'none'"] } else { objects };
    directives.push(format!("object-src {}", objects.join(" ")));
    directives.push("base-uri 'self'".to_owned());
    directives.push(frame_ancestors(site));
    HeaderValue::try_from(directives.join("; ")).unwrap_or(FALLBACK)
}

/// Lists the server's own WebSocket origins, for browsers in which `'self'` covers HTTP alone, and
/// those of allowed proxies.
fn websocket_sources(names: &Names, request: &HeaderMap) -> String {
    let own = names.session_url(request, "", "");
    let proxied = names.allowed_origins().iter().map(|origin| origin.replacen("http", "ws", 1));
    let sources = [own].into_iter().chain(proxied).filter_map(|url| {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split('/').next().filter(|authority| is_plain(authority))?;
        Some(format!(" {scheme}://{authority}"))
    });
    sources.collect()
}

/// Returns whether this is a plain name. Other characters could begin another directive or be a
/// wildcard.
fn is_plain(authority: &str) -> bool {
    authority.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
}

/// Returns the hash of each inline script or style sheet of a document: of the elements with this name
/// and without attributes (Content Security Policy Level 3, section 2.3.1).
pub(super) fn inline_hashes(document: &str, element: &str) -> Vec<String> {
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let contents = document.split(&begin).skip(1);
    let contents = contents.filter_map(|rest| Some(rest.split_once(&end)?.0));
    let hash = |content| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content)));
    contents.map(hash).collect()
}

/// Adds the headers that all answers carry. An answer keeps its own content security policy.
pub(super) fn complete(headers: &mut HeaderMap, site: &Site) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Pages of other origins may not load scripts or pictures from here.
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| HeaderValue::try_from(frame_ancestors(site)).unwrap_or(FALLBACK));
}

/// Returns the directive that limits who may show the application in a frame: a foreign page could
/// trick the user into clicking in it. `SameSite` does not prevent that, since all ports of a host
/// share their cookies.
fn frame_ancestors(site: &Site) -> String {
    let allowed = site.names.allowed_origins().iter();
    let settings = site.server.settings();
    let further = settings.allowed_sources.get(&Source::FrameAncestor).into_iter().flatten();
    allowed
        .chain(further)
        .fold("frame-ancestors 'self'".to_owned(), |text, origin| text + " " + origin)
}

/// Returns the origin of an absolute URL in a list of scripts, whose entries are URLs or lists that
/// begin with one.
fn script_source(entry: &Value) -> Option<String> {
    let url = match entry {
        Value::Array(parts) => parts.first()?.as_str()?,
        url => url.as_str()?,
    };
    let (scheme, rest) = match url.strip_prefix("//") {
        Some(rest) => (None, rest),
        None => {
            let (scheme, rest) = url.split_once("://")?;
            (Some(scheme.to_ascii_lowercase()), rest)
        }
    };
    let absolute: Uri = format!("https://{rest}").parse().ok()?;
    let authority = absolute.authority()?;
    if !is_plain(authority.as_str()) {
        return None;
    }
    match scheme.as_deref() {
        None => Some(authority.to_string()),
        Some(scheme @ ("http" | "https")) => Some(format!("{scheme}://{authority}")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scripts_in_the_document_are_named_by_their_hashes() {
        // The example from the specification.
        let hash = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        let document = "<script src=x.js></script><script>alert('Hello, world.');</script>";
        assert_eq!(inline_hashes(document, "script"), [hash]);
        assert!(inline_hashes("<main>no script</main><script>without an end", "script").is_empty());
    }

    #[test]
    fn absolute_urls_have_an_origin_and_others_have_none() {
        let source = |entry: Value| script_source(&entry);
        let cdn = || Some("https://cdn.example".to_owned());
        assert_eq!(source(json!("https://cdn.example/npm/vue@3/x.js?a#b")), cdn());
        assert_eq!(source(json!(["https://cdn.example/x.js", {"serial": "a"}])), cdn());
        assert_eq!(source(json!("HTTPS://cdn.example/x.js")), cdn());
        let with_port = source(json!("http://127.0.0.1:9000/x.js"));
        assert_eq!(with_port.as_deref(), Some("http://127.0.0.1:9000"));
        let of_the_pages_scheme = source(json!("//cdn.example/x.js"));
        assert_eq!(of_the_pages_scheme.as_deref(), Some("cdn.example"));
        for entry in [
            json!("__module/x.js"),
            json!("/__module/x.js"),
            json!("x.js?from=https://cdn.example/"),
            json!("data:text/javascript,alert(1)"),
            json!("blob:https://cdn.example/1"),
            json!("https://*/x.js"),
            json!("https://*.example/x.js"),
            json!("https://a;script-src-elem/x.js"),
            json!("https://a b/x.js"),
            json!("https://user@cdn.example/x.js"),
            json!("https://"),
            json!(5),
            json!([]),
        ] {
            assert_eq!(script_source(&entry), None, "{entry}");
        }
    }
}
