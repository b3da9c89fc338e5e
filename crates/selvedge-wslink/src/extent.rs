//! Finds where msgpack values end, without decoding them.
//!
//! Input comes from clients: every length is checked against the bytes that are present, and
//! nesting is limited so that no later decoder can overflow its stack.

use crate::value::{Malformed, PLAIN, Value, read};

/// Maximum nesting of maps and lists in a message.
pub(crate) const MAX_DEPTH: usize = 128;

/// Skips plain values, except the last one of those that are left.
pub(crate) fn skip_plain(bytes: &[u8], position: &mut usize, left: &mut u64) {
    let (mut at, mut still) = (*position, *left);
    while let Some(first) = bytes.get(at)
        && let length @ 1.. = usize::from(PLAIN[usize::from(*first)])
        && still > 1
    {
        // Lists often contain values of one kind, so their length is looked up only once.
        while still > 1 && bytes.get(at) == Some(first) {
            at += length;
            still -= 1;
        }
    }
    (*position, *left) = (at, still);
}

/// Returns the size in bytes of the first value in `bytes`.
pub(crate) fn extent(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut position = 0;
    // Number of values still to come on each open level.
    let mut open: Vec<u64> = Vec::new();
    loop {
        if let Some(left) = open.last_mut() {
            skip_plain(bytes, &mut position, left);
        }
        let (value, length) = read(bytes.get(position..).unwrap_or_default())?;
        position += length;
        let children = match value {
            Value::List(items) => u64::from(items),
            Value::Map(pairs) => u64::from(pairs) * 2,
            _ => 0,
        };
        if children > 0 {
            if open.len() == MAX_DEPTH {
                return Err("values are nested too deeply");
            }
            open.push(children);
            continue;
        }
        loop {
            match open.last_mut() {
                None => return Ok(position),
                Some(1) => {
                    open.pop();
                }
                Some(left) => {
                    *left -= 1;
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<usize, Malformed>) {
        assert_eq!(extent(bytes), expected, "{bytes:02x?}");
    }

    #[test]
    fn extents_cover_each_kind_of_value() {
        check(&[0xc0], Ok(1));
        check(&[0x93, 1, 2, 3, 0xff], Ok(4));
        check(&[0x82, 0xa1, b'a', 0x91, 0x01, 0xa1, b'b', 0xc3], Ok(8));
        check(&[0x90], Ok(1));
        check(&[0x91, 0x80, 7], Ok(2));
        check(&[0xc4, 2, 9, 9, 9], Ok(4));
        check(&[0xc7, 1, 0xff, 9], Ok(4));
        check(&[0xd6, 0xff, 0, 0, 0, 0], Ok(6));
        check(&[0xcb, 0, 0, 0, 0, 0, 0, 0, 0], Ok(9));
    }

    #[test]
    fn wrong_lengths_are_refused() {
        check(&[], Err("a value is missing"));
        check(&[0xc1], Err("a byte that msgpack reserves"));
        check(&[0xa3, b'a'], Err("a value is cut off"));
        check(&[0xdd, 0xff, 0xff, 0xff, 0xff], Err("a value is missing"));
        check(&[0xc6, 0xff, 0xff, 0xff, 0xff, 0], Err("a value is cut off"));
        check(&[0xda, 0], Err("a value is cut off"));
        check(&[0xcb, 0, 0], Err("a value is cut off"));
    }

    #[test]
    fn deeply_nested_lists_are_refused() {
        let deep = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
        check(&deep(MAX_DEPTH), Ok(MAX_DEPTH + 1));
        check(&deep(MAX_DEPTH + 1), Err("values are nested too deeply"));
        check(&deep(1_000_000), Err("values are nested too deeply"));
    }
}
