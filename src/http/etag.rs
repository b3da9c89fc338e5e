//! Tags of content that clients may have already.

use axum::http::{HeaderMap, HeaderValue, header};

/// Returns whether the client already has the content with this tag.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let is_known = |value: &HeaderValue| value.to_str().is_ok_and(|known| known.contains(tag));
    headers.get_all(header::IF_NONE_MATCH).iter().any(is_known)
}
