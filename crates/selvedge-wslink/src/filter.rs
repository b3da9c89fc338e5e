//! Filters what clients may see of a value: a map with a list `_filter` loses the keys listed
//! there.
//!
//! The rule is trame's, made for uploaded files whose content stays on the server: it looks into
//! top-level lists and not into nested maps.
//!
//! It is applied each time a value is sent, under the lock of the state. So it costs no more than
//! the copy into the message: nothing is decoded, and contents are skipped by their lengths.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;
use rmp::encode::{write_array_len, write_map_len};

use crate::{
    packed::Packed,
    scan::{Head, Scanner},
    value::Malformed,
};

/// The key of the list of hidden keys.
const FILTER: &str = "_filter";

impl Packed {
    /// Returns what clients may see of the value; see the module `filter`.
    #[inline]
    pub fn filtered(&self) -> Cow<'_, Packed> {
        match may_hide(self.storage().first()) {
            true => without_hidden(self).map_or(Cow::Borrowed(self), Cow::Owned),
            false => Cow::Borrowed(self),
        }
    }
}

/// Returns whether a value with this first byte is a list or a map; others hide nothing.
#[inline]
fn may_hide(first: u8) -> bool {
    matches!(first, 0x80..=0x9f | 0xdc..=0xdf)
}

/// Returns a list or map without what clients may not see; `None` if they may see all of it.
fn without_hidden(value: &Packed) -> Option<Packed> {
    // A key is never cut: parts begin and end with a value.
    value.storage().slices().find_map(|slice| memmem::find(slice, FILTER.as_bytes()))?;
    let mut shown = Vec::new();
    // Values are well-formed: they were checked when they came in.
    put_shown(&value.bytes(), &mut shown).ok()?;
    Some(Packed::from_checked(shown.into()))
}

fn put_shown(value: &Bytes, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut scanner = Scanner::new(value.clone());
    match scanner.enter()? {
        Head::Array(items) => {
            write_array_len(out, items).map_err(|_| UNWRITTEN)?;
            for _ in 0..items {
                put_shown(&scanner.value()?.bytes(), out)?;
            }
        }
        Head::Map(pairs) => {
            let pairs: Vec<(Packed, Packed)> = (0..pairs)
                .map(|_| Ok((scanner.value()?, scanner.value()?)))
                .collect::<Result<_, Malformed>>()?;
            let hidden = hidden(&pairs);
            let shown = || pairs.iter().filter(|(key, _)| !hidden.contains(&name(key)));
            write_map_len(out, shown().count() as u32).map_err(|_| UNWRITTEN)?;
            for (key, value) in shown() {
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(value.as_bytes());
            }
        }
        Head::Other => out.extend_from_slice(value),
    }
    Ok(())
}

const UNWRITTEN: Malformed = "memory cannot be written";

/// Returns the names that a map hides.
fn hidden(pairs: &[(Packed, Packed)]) -> Vec<Name> {
    let filter =
        pairs.iter().find(|(key, _)| matches!(name(key), Name::Text(text) if text == FILTER));
    let names = filter.and_then(|(_, names)| names.items());
    names.unwrap_or_default().iter().map(name).collect()
}

/// A key in a form that can be compared: the same text has several encodings.
#[derive(PartialEq)]
enum Name {
    Text(String),
    Other(Packed),
}

fn name(key: &Packed) -> Name {
    key.decode().map_or_else(|_| Name::Other(key.clone()), Name::Text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filtered_keys_stay_on_the_server() {
        let check = |value: serde_json::Value, expected: serde_json::Value| {
            let packed = Packed::encode(&value).unwrap();
            assert_eq!(packed.filtered().decode::<serde_json::Value>().unwrap(), expected);
        };
        check(
            json!({"name": "n", "content": [1], "_filter": ["content"]}),
            json!({"name": "n", "_filter": ["content"]}),
        );
        check(json!([{"_filter": ["a"], "a": 1, "b": 2}]), json!([{"_filter": ["a"], "b": 2}]));
        let nested = json!({"in": {"_filter": ["a"], "a": 1}});
        check(nested.clone(), nested);
        check(json!("_filter"), json!("_filter"));
        check(json!({"_filter": "a", "a": 1}), json!({"_filter": "a", "a": 1}));
        check(json!([[{"_filter": ["a"], "a": 1}], 5]), json!([[{"_filter": ["a"]}], 5]));
        let long = "k".repeat(300);
        let mut map = serde_json::Map::new();
        map.insert("_filter".to_owned(), json!([long]));
        map.insert("b".to_owned(), json!("_filter"));
        let expected = json!(map.clone());
        map.insert(long, json!(1));
        check(json!(map), expected);
        // The same text in a longer encoding.
        let odd = [&b"\x82\xd9\x07_filter\x91\xd9\x01a\xa1a\x05"[..]].concat();
        let shown = Packed::checked(odd.into()).unwrap().filtered().into_owned();
        assert!(
            !shown.decode::<serde_json::Value>().unwrap().as_object().unwrap().contains_key("a")
        );
    }
}
