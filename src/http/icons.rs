//! The icons of the built-in page: `icons/play.svg`.
//!
//! The page's build writes the whole set into one file: a line for each icon, with its name, a tab
//! and its inner SVG. It is unpacked when the first icon is asked for.

use std::sync::OnceLock;

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{etag, page};

/// Opening and end of each icon. The license of the set asks for the notice.
const OPENING: &str = concat!(
    "<!-- Lucide, ISC License. Copyright (c) Lucide Icons and Contributors. https://lucide.dev/license -->",
    r#"<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">"#
);
const END: &str = "</svg>\n";

/// Time in seconds for which a browser does not ask again: icons change only with the program.
const MAX_AGE: &str = "max-age=86400";

/// Answers with the icon at `path`. `None` if the path names none.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.strip_prefix("icons/")?.strip_suffix(".svg")?;
    let body = find(set(), name)?;
    let tag = format!("\"{}-{name}\"", env!("CARGO_PKG_VERSION"));
    let fixed = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, MAX_AGE.to_owned()),
        (header::CONTENT_TYPE, "image/svg+xml".to_owned()),
    ];
    if etag::is_known(headers, &tag) {
        return Some((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Some((fixed, format!("{OPENING}{body}{END}")).into_response())
}

/// The lines of the set. Empty if the page is not part of this build.
fn set() -> &'static str {
    static SET: OnceLock<String> = OnceLock::new();
    SET.get_or_init(|| {
        let content = page::content("icons.tsv").unwrap_or_default();
        String::from_utf8(content).unwrap_or_default()
    })
}

/// Returns the inner SVG of an icon.
fn find<'s>(set: &'s str, name: &str) -> Option<&'s str> {
    set.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_is_found_by_its_whole_name() {
        let set = "play\t<path/>\nplay-circle\t<circle/>\n";
        assert_eq!(find(set, "play"), Some("<path/>"));
        assert_eq!(find(set, "play-circle"), Some("<circle/>"));
        for missing in ["pla", "", "circle", "play\t"] {
            assert_eq!(find(set, missing), None, "{missing:?}");
        }
    }

    #[test]
    fn the_page_brings_its_icons() {
        // The page's own elements show these.
        for name in ["chevron-right", "chevron-down", "ellipsis", "x", "check", "triangle-alert"] {
            assert!(file(&format!("icons/{name}.svg"), &HeaderMap::new()).is_some(), "{name}");
        }
        assert!(file("icons/no-such-icon.svg", &HeaderMap::new()).is_none());
        assert!(file("icons/../icons.tsv", &HeaderMap::new()).is_none());
    }
}
