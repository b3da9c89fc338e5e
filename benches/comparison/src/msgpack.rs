//! The part of msgpack that is needed to find and to write a few fields.

use bytes::{BufMut, BytesMut};

/// Returns the size in bytes of the value at the start; `None` if it is incomplete or unknown.
pub fn size(bytes: &[u8]) -> Option<usize> {
    let number = |at: usize, width: usize| -> Option<usize> {
        let digits = bytes.get(at..at + width)?;
        Some(digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit)))
    };
    let items = |start: usize, count: usize| {
        let mut end = start;
        for _ in 0..count {
            end += size(bytes.get(end..)?)?;
        }
        Some(end)
    };
    match *bytes.first()? {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some(1),
        first @ 0x80..=0x8f => items(1, 2 * usize::from(first & 0x0f)),
        first @ 0x90..=0x9f => items(1, usize::from(first & 0x0f)),
        first @ 0xa0..=0xbf => Some(1 + usize::from(first & 0x1f)),
        0xc4 | 0xd9 => Some(2 + number(1, 1)?),
        0xc5 | 0xda => Some(3 + number(1, 2)?),
        0xc6 | 0xdb => Some(5 + number(1, 4)?),
        0xcc | 0xd0 => Some(2),
        0xcd | 0xd1 => Some(3),
        0xca | 0xce | 0xd2 => Some(5),
        0xcb | 0xcf | 0xd3 => Some(9),
        0xdc => items(3, number(1, 2)?),
        0xdd => items(5, number(1, 4)?),
        0xde => items(3, 2 * number(1, 2)?),
        0xdf => items(5, 2 * number(1, 4)?),
        _ => None,
    }
}

/// Returns the value of a key of the map at the start.
pub fn field<'a>(map: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let first = *map.first()?;
    let mut rest = map.get(1..)?;
    for _ in 0..first & 0x0f {
        let (name, after) = split(rest)?;
        let (value, after) = split(after)?;
        if text(name) == Some(key) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// Returns an item of the list of fewer than 16 at the start.
pub fn item(list: &[u8], number: usize) -> Option<&[u8]> {
    let mut rest = list.get(1..)?;
    for _ in 0..number {
        rest = split(rest)?.1;
    }
    Some(split(rest)?.0)
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(size(bytes)?)
}

/// Returns the text at the start.
pub fn text(bytes: &[u8]) -> Option<&str> {
    let end = size(bytes)?;
    let start = match *bytes.first()? {
        0xa0..=0xbf => 1,
        0xd9 => 2,
        0xda => 3,
        0xdb => 5,
        _ => return None,
    };
    std::str::from_utf8(&bytes[start..end]).ok()
}

/// Returns the whole number at the start.
pub fn integer(bytes: &[u8]) -> Option<u64> {
    let end = size(bytes)?;
    match *bytes.first()? {
        small @ 0..=0x7f => Some(small.into()),
        0xcc..=0xcf => {
            Some(bytes[1..end].iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
        }
        _ => None,
    }
}

/// Writes a text.
pub fn put_text(out: &mut BytesMut, text: &str) {
    match text.len() {
        short @ 0..32 => out.put_u8(0xa0 | short as u8),
        size @ 32..256 => {
            out.put_u8(0xd9);
            out.put_u8(size as u8);
        }
        size => {
            out.put_u8(0xdb);
            out.put_u32(size as u32);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// Writes the header of a map of fewer than 2^32 entries.
pub fn put_map(out: &mut BytesMut, entries: usize) {
    match entries {
        few @ 0..16 => out.put_u8(0x80 | few as u8),
        many => {
            out.put_u8(0xdf);
            out.put_u32(many as u32);
        }
    }
}

/// Writes a whole number.
pub fn put_integer(out: &mut BytesMut, number: u64) {
    match number {
        small @ 0..128 => out.put_u8(small as u8),
        large => {
            out.put_u8(0xcf);
            out.put_u64(large);
        }
    }
}
