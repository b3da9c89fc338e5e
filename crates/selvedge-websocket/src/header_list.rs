//! Headers whose value is a list.

use http::{HeaderMap, HeaderName};

/// Returns the elements of a comma-separated header, without empty ones (RFC 9110, section
/// 5.6.1.2).
pub(crate) fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
}
