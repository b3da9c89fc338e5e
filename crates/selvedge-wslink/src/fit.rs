//! Checks whether every client can hold a value.
//!
//! msgpack can represent more than a JavaScript object: keys of any type, duplicate keys,
//! extensions, text that is not Unicode. A page's decoder rejects the whole message if it contains
//! any of these, even the snapshot with which the page starts. So a value that a client or the
//! application sets is checked before others get it.
//!
//! The check is one pass over the value. The path to a fault is computed only if there is one.

use std::collections::HashSet;

use crate::{
    error::Error,
    extent::skip_plain,
    fault::{Fault, entry},
    text::shortened,
    timestamp::{TIMESTAMP, Timestamp},
    value::{Value, read},
};

/// Maximum nesting of lists and maps in a value. The encoder of npm `wslink` stops at 100, of which
/// a message uses five.
pub(crate) const MAX_NESTING: usize = 95;

/// The key that a JavaScript object cannot have as its own property.
const PROTOTYPE: &str = "__proto__";

/// Up to this many keys are compared with each other; more are put into a set.
const FEW_KEYS: usize = 12;

const KEYS_ARE: &str = "the keys of a map are text or whole numbers";

/// Checks whether a name can be a key of the state, which is a map that pages get.
///
/// # Errors
/// [`Error::Encode`] with the reason why it cannot.
pub fn check_key(key: &str) -> Result<(), Error> {
    check_name(key).map_err(|fault| Error::Encode { type_name: "key", reason: fault.to_string() })
}

/// Checks whether a name can be a key of a map.
pub(crate) fn check_name(key: &str) -> Result<(), Fault> {
    match key == PROTOTYPE {
        true => Err(Fault::new("`__proto__` cannot be a key in a page; choose another name")),
        false => Ok(()),
    }
}

/// Returns the value in a form that all clients can hold, if it has to change: integer keys become
/// text, as they are in JavaScript, since Python's decoder accepts nothing else.
///
/// # Errors
/// The part that some client cannot hold.
pub(crate) fn fitting(value: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    if !check(value)? {
        return Ok(None);
    }
    let value = with_text_keys(value);
    check(&value)?;
    Ok(Some(value))
}

/// Checks one well-formed value. Returns whether it contains a map with numeric keys.
pub(crate) fn check(bytes: &[u8]) -> Result<bool, Fault> {
    check_nested(bytes, 0)
}

/// Checks one well-formed value that stands in this many lists and maps.
pub(crate) fn check_nested(bytes: &[u8], nesting: usize) -> Result<bool, Fault> {
    Check { nesting, ..Check::default() }
        .run(bytes)
        .map_err(|(position, reason)| Fault::at(path(bytes, position), reason))
}

/// Position of the fault in bytes, and the reason.
type Misfit = (usize, String);

/// A list or map that has begun.
struct Open {
    /// Number of values still to come, keys included.
    left: u64,
    is_map: bool,
    /// Index of its first key among the keys of all open maps.
    keys: usize,
    begin: usize,
}

impl Open {
    fn expects_key(&self) -> bool {
        self.is_map && self.left.is_multiple_of(2)
    }
}

#[derive(Default)]
struct Check<'a> {
    /// Number of lists and maps around the value.
    nesting: usize,
    open: Vec<Open>,
    keys: Vec<&'a [u8]>,
    has_number_keys: bool,
}

impl<'a> Check<'a> {
    fn run(mut self, bytes: &'a [u8]) -> Result<bool, Misfit> {
        let mut position = 0;
        while position < bytes.len() {
            if let Some(last) = self.open.last_mut().filter(|last| !last.is_map) {
                skip_plain(bytes, &mut position, &mut last.left);
            }
            let begin = position;
            let (value, length) = read(bytes.get(position..).unwrap_or_default())
                .map_err(|reason| (begin, reason.to_owned()))?;
            position += length;
            let at = |reason: String| (begin, reason);
            if self.open.last().is_some_and(Open::expects_key) {
                self.key(value).map_err(at)?;
            } else {
                fits(value).map_err(at)?;
            }
            let (left, is_map) = match value {
                Value::List(items) => (u64::from(items), false),
                Value::Map(pairs) => (u64::from(pairs) * 2, true),
                _ => (0, false),
            };
            if left == 0 {
                self.close()?;
                continue;
            }
            if self.nesting + self.open.len() >= MAX_NESTING {
                return Err(at(format!("lists and maps are nested more than {MAX_NESTING} deep")));
            }
            self.open.push(Open { left, is_map, keys: self.keys.len(), begin });
        }
        Ok(self.has_number_keys)
    }

    /// Checks and records a key.
    #[inline]
    fn key(&mut self, key: Value<'a>) -> Result<(), String> {
        match key {
            Value::Text(text) => {
                match str::from_utf8(text) {
                    Err(_) => return Err(NOT_UNICODE.to_owned()),
                    Ok(text) => check_name(text).map_err(|fault| fault.to_string())?,
                }
                self.keys.push(text);
                Ok(())
            }
            Value::Unsigned(_) | Value::Signed(_) => {
                self.has_number_keys = true;
                Ok(())
            }
            other => Err(format!("a key is {}, but {KEYS_ARE}", named(other))),
        }
    }

    /// Counts a complete value, and closes the lists and maps that end with it.
    fn close(&mut self) -> Result<(), Misfit> {
        while let Some(last) = self.open.last_mut() {
            last.left -= 1;
            if last.left > 0 {
                return Ok(());
            }
            let (keys, begin) = (last.keys, last.begin);
            if let Some(twice) = repeated(&self.keys[keys..]) {
                let key = shortened(&String::from_utf8_lossy(twice), 40);
                return Err((begin, format!("the key `{key}` appears twice")));
            }
            self.keys.truncate(keys);
            self.open.pop();
        }
        Ok(())
    }
}

/// Returns a key that occurs more than once.
fn repeated<'a>(keys: &[&'a [u8]]) -> Option<&'a [u8]> {
    if keys.len() <= FEW_KEYS {
        let earlier = |(index, key): &(usize, &&[u8])| keys[..*index].contains(key);
        return keys.iter().enumerate().find(earlier).map(|(_, key)| *key);
    }
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().find(|key| !seen.insert(**key)).copied()
}

const NOT_UNICODE: &str = "a text is not UTF-8; send it as bytes";

/// Checks whether a value other than a key can be held; for a list or map, whether it can begin.
#[inline]
fn fits(value: Value) -> Result<(), String> {
    match value {
        Value::Text(text) if str::from_utf8(text).is_err() => Err(NOT_UNICODE.to_owned()),
        Value::Extension(TIMESTAMP, body) => match Timestamp::from_body(body) {
            Some(time) if time.is_a_date() => Ok(()),
            Some(_) => Err("a date is out of range: pages know 100 million days before and after \
                            1970"
                .to_owned()),
            None => Err("a timestamp is malformed".to_owned()),
        },
        Value::Extension(kind, _) => {
            Err(format!("it is an extension of msgpack, number {kind}, which pages do not know"))
        }
        _ => Ok(()),
    }
}

/// Describes a value, for an error.
fn named(value: Value) -> String {
    match value {
        Value::Nil => "nothing (null)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::F32(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::Text(_) => "a text".to_owned(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Extension(TIMESTAMP, _) => "a date".to_owned(),
        Value::Extension(kind, _) => format!("an extension of msgpack, number {kind}"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
    }
}

/// Returns the path to the value that begins at `target`, such as `[3].options`. A key has the path
/// of its map.
fn path(bytes: &[u8], target: usize) -> String {
    /// A list or map on the path: the number of its remaining values, and the index or key of the
    /// next one.
    struct Step {
        left: u64,
        is_map: bool,
        index: usize,
        key: String,
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut position = 0;
    while position < target {
        let Ok((value, length)) = read(&bytes[position..]) else { break };
        position += length;
        match (value, steps.last_mut()) {
            (key, Some(step)) if step.is_map && step.left.is_multiple_of(2) => {
                step.key = match key {
                    Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => named(other),
                };
            }
            _ => {}
        }
        match value {
            Value::List(items) if items > 0 => {
                let left = u64::from(items);
                steps.push(Step { left, is_map: false, index: 0, key: String::new() });
                continue;
            }
            Value::Map(pairs) if pairs > 0 => {
                let left = u64::from(pairs) * 2;
                steps.push(Step { left, is_map: true, index: 0, key: String::new() });
                continue;
            }
            _ => {}
        }
        while let Some(step) = steps.last_mut() {
            step.left -= 1;
            step.index += 1;
            if step.left > 0 {
                break;
            }
            steps.pop();
        }
    }
    let part = |step: &Step| match step.is_map {
        false => format!("[{}]", step.index),
        // The fault is in a key, so it belongs to the map.
        true if step.left.is_multiple_of(2) => String::new(),
        true => entry(&step.key),
    };
    steps.iter().map(part).collect()
}

/// Returns a value with its numeric keys as text.
fn with_text_keys(bytes: &[u8]) -> Vec<u8> {
    let mut text_keys = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    // For each open level, whether it is a map, and the number of values still to come.
    let mut open: Vec<(bool, u64)> = Vec::new();
    let mut position = 0;
    while position < bytes.len() {
        let Ok((value, length)) = read(&bytes[position..]) else { break };
        let is_key = open.last().is_some_and(|(is_map, left)| *is_map && left.is_multiple_of(2));
        let number = match value {
            Value::Unsigned(number) if is_key => Some(i128::from(number)),
            Value::Signed(number) if is_key => Some(i128::from(number)),
            _ => None,
        };
        match number {
            Some(number) => put_text(&mut text_keys, &number.to_string()),
            None => text_keys.extend_from_slice(&bytes[position..position + length]),
        }
        position += length;
        match value {
            Value::List(items) if items > 0 => {
                open.push((false, items.into()));
                continue;
            }
            Value::Map(pairs) if pairs > 0 => {
                open.push((true, u64::from(pairs) * 2));
                continue;
            }
            _ => {}
        }
        while let Some((_, left)) = open.last_mut() {
            *left -= 1;
            if *left > 0 {
                break;
            }
            open.pop();
        }
    }
    text_keys
}

/// Appends a text.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    // Writing into memory does not fail.
    let written = rmp::encode::write_str(out, text);
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the encoding of a map from the key `a` to this value.
    fn in_a(value: &[u8]) -> Vec<u8> {
        [&[0x81, 0xa1, b'a'], value].concat()
    }

    #[track_caller]
    fn check_value(bytes: &[u8], expected: Result<(), &str>) {
        assert_eq!(crate::extent::extent(bytes), Ok(bytes.len()), "not one value");
        let told = check(bytes).map(drop).map_err(|fault| fault.of("k"));
        assert_eq!(told, expected.map_err(str::to_owned), "{bytes:02x?}");
    }

    #[test]
    fn values_that_every_client_can_hold_fit() {
        for bytes in [
            &[0xc0][..],
            &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
            &[0x80],
            &[0x90],
            &[0x93, 0x80, 0x90, 0xa0],
            &[0xc4, 2, 0xff, 0xfe],
            &[0xd6, 0xff, 0, 0, 0, 1],
            // Two maps may have the same key, nested or side by side.
            &[0x92, 0x81, 0xa1, b'a', 0x81, 0xa1, b'a', 1, 0x81, 0xa1, b'a', 1],
        ] {
            check_value(bytes, Ok(()));
        }
    }

    #[test]
    fn keys_that_are_neither_text_nor_whole_numbers_do_not_fit() {
        for (key, told) in [
            (&[0xc0][..], "nothing (null)"),
            (&[0xc3], "true"),
            (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5"),
            (&[0xca, 0x3f, 0xc0, 0, 0], "1.5"),
            (&[0x90], "a list"),
            (&[0x91, 1], "a list"),
            (&[0x80], "a map"),
            (&[0xc4, 1, 0], "1 bytes"),
            (&[0xd6, 0xff, 0, 0, 0, 1], "a date"),
            (&[0xd4, 5, 0], "an extension of msgpack, number 5"),
        ] {
            let map = [&[0x81], key, &[1]].concat();
            let reason = format!("a key is {told}, but {KEYS_ARE}");
            check_value(&map, Err(&reason));
            let deep = [&[0x92, 0], &in_a(&map)[..]].concat();
            check_value(&deep, Err(&format!("`k[1].a`: {reason}")));
        }
    }

    #[test]
    fn duplicate_keys_and_proto_are_refused() {
        check_value(&[0x82, 0xa1, b'x', 1, 0xa1, b'x', 1], Err("the key `x` appears twice"));
        let prototype = [&[0x81, 0xa9], "__proto__".as_bytes(), &[1]].concat();
        let told = "`__proto__` cannot be a key in a page; choose another name";
        check_value(&prototype, Err(told));
        check_value(&in_a(&prototype), Err(&format!("`k.a`: {told}")));
        // `__proto__` is allowed as a value.
        check_value(&in_a(&[&[0xa9], "__proto__".as_bytes()].concat()), Ok(()));
        let many = |last: &str| {
            let keys: Vec<String> = (0..99).map(|n| format!("{n:02}")).collect();
            let keys = keys.iter().map(String::as_str).chain([last]);
            let pairs =
                keys.flat_map(|key| [&[0xa0 | key.len() as u8], key.as_bytes(), &[1]].concat());
            [vec![0xde, 0, 100], pairs.collect()].concat()
        };
        check_value(&many("99"), Ok(()));
        check_value(&many("50"), Err("the key `50` appears twice"));
    }

    #[test]
    fn text_is_unicode_and_extensions_are_dates() {
        check_value(&in_a(&[0xa1, 0xff]), Err(&format!("`k.a`: {NOT_UNICODE}")));
        check_value(&[0x81, 0xa1, 0xff, 1], Err(NOT_UNICODE));
        check_value(
            &[0x91, 0xd4, 5, 0],
            Err("`k[0]`: it is an extension of msgpack, number 5, which pages do not know"),
        );
        for malformed in [
            &[0xd4, 0xff, 0][..],
            &[0xd5, 0xff, 0, 0],
            &[0xc7, 0, 0xff],
            &[0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
            &[0xc7, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            check_value(malformed, Err("a timestamp is malformed"));
        }
        let out_of_range =
            "a date is out of range: pages know 100 million days before and after 1970";
        check_value(
            &[0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            Err(out_of_range),
        );
    }

    #[test]
    fn nesting_ends_where_a_page_could_not_send_the_value_back() {
        let lists = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
        check_value(&lists(MAX_NESTING), Ok(()));
        let told = check(&lists(MAX_NESTING + 1)).unwrap_err().to_string();
        assert!(told.ends_with("lists and maps are nested more than 95 deep"), "{told}");
    }

    #[test]
    fn numbers_as_keys_become_text() {
        let fit = |bytes: &'static [u8]| {
            let value = crate::Packed::checked(bytes.into()).unwrap();
            value
                .fitting()
                .map(|value| value.as_bytes().to_vec())
                .map_err(|fault| fault.to_string())
        };
        assert_eq!(
            fit(&[0x92, 0x82, 7, 1, 0xd0, 0x80, 0x81, 5, 6, 9]),
            Ok(vec![
                0x92, 0x82, 0xa1, b'7', 1, 0xa4, b'-', b'1', b'2', b'8', 0x81, 0xa1, b'5', 6, 9
            ])
        );
        assert_eq!(fit(&[0x82, 1, 0, 0xa1, b'1', 0]), Err("the key `1` appears twice".to_owned()));
        assert_eq!(fit(&[0x91, 1]), Ok(vec![0x91, 1]));
    }
}
