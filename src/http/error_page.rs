//! Errors of the server: as plain text for programs, as a page for people who opened an address in a browser. The page
//! looks like the messages of the application's own page (`ui/src/style/notices.css`).

use super::policy;
use crate::pages::escape::escaped;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};

const PAGE: &str = include_str!("error_page.html");

/// What an answer says about its error. Answers without it are left as they are.
#[derive(Clone)]
struct Reason(String);

/// An answer in plain text that [`for_people`] turns into a page where one is wanted.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    let text = text.into();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response = (status, [(header::CONTENT_TYPE, kind)], text.clone()).into_response();
    response.extensions_mut().insert(Reason(text));
    response
}

/// Shows errors as a page to browsers that open an address.
pub(super) async fn for_people(request: Request, next: Next) -> Response {
    let wanted = request.method() == Method::GET && takes_pages(request.headers());
    let response = next.run(request).await;
    match response.extensions().get::<Reason>() {
        Some(Reason(text)) if wanted => page(response.status(), text, response.headers()),
        _ => response,
    }
}

/// Whether a client names HTML among what it takes, as browsers do where they open a page.
fn takes_pages(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
    })
}

fn page(status: StatusCode, text: &str, headers: &HeaderMap) -> Response {
    let title = match status {
        StatusCode::FORBIDDEN => "No access",
        StatusCode::NOT_FOUND => "Nothing here",
        _ => "This page cannot be shown",
    };
    let content = PAGE.replace("{title}", title).replace("{text}", &marked_up(text.trim_end()));
    let mut response = (status, Html(content)).into_response();
    for (name, value) in headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if let Ok(policy) = HeaderValue::try_from(style_only()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Returns the text with its command-line options as code, which is not broken across lines.
fn marked_up(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.strip_prefix("--") {
        Some(_) => {
            let option = word.trim_end_matches(['.', ',', '\n']);
            format!("<code>{}</code>{}", escaped(option), &word[option.len()..])
        }
        None => escaped(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Allows the style sheet of the page, and nothing else.
fn style_only() -> String {
    let styles = policy::inline_hashes(PAGE, "style").join(" ");
    format!("default-src 'none'; style-src {styles}; frame-ancestors 'none'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_those_who_name_html() {
        let takes = |value| {
            takes_pages(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]))
        };
        assert!(takes("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(takes("application/json, Text/HTML;q=0.5"));
        assert!(!takes("*/*"));
        assert!(!takes("image/avif,image/webp,*/*;q=0.8"));
        assert!(!takes_pages(&HeaderMap::new()));
    }
}
