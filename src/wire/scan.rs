//! Finding where msgpack values begin and end, without decoding them.
//!
//! Input comes from clients: every length is checked against the bytes that are there, and nesting is limited so that
//! no later decoder can run out of stack.

use bytes::Bytes;
use rmp::Marker;

use super::Packed;

/// How deep maps and lists may be nested in a message.
pub(super) const MAX_DEPTH: usize = 128;

/// Why bytes are not the msgpack that was expected.
pub(super) type Malformed = &'static str;

/// Reads one message from front to back, handing out values as slices of it.
pub(super) struct Scanner {
    bytes: Bytes,
    position: usize,
}

/// What a value is, as far as an envelope needs to know.
pub(super) enum Head {
    Map(u32),
    Array(u32),
    Other,
}

impl Scanner {
    pub(super) fn new(bytes: Bytes) -> Self {
        Scanner { bytes, position: 0 }
    }

    pub(super) fn at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Looks at the next value; steps into a map or list, and stays before anything else.
    pub(super) fn enter(&mut self) -> Result<Head, Malformed> {
        let (marker, body) = header(&self.bytes[self.position..])?;
        Ok(match marker {
            Shape::Map(pairs) => {
                self.position += body;
                Head::Map(pairs)
            }
            Shape::Array(items) => {
                self.position += body;
                Head::Array(items)
            }
            Shape::Leaf(_) => Head::Other,
        })
    }

    /// The next value as bytes of its own, checked to its end.
    pub(super) fn value(&mut self) -> Result<Packed, Malformed> {
        let length = extent(&self.bytes[self.position..])?;
        let value = self.bytes.slice(self.position..self.position + length);
        self.position += length;
        Ok(Packed::from_checked(value))
    }

    /// The next value as text, or `None` when it is something else.
    pub(super) fn text(&mut self) -> Result<Option<String>, Malformed> {
        let value = self.value()?;
        Ok(value.decode().ok())
    }
}

/// The number of bytes of the first value in `bytes`.
pub(super) fn extent(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut position = 0;
    // How many values are still to come on each level that is open.
    let mut open: Vec<u64> = Vec::new();
    loop {
        let (shape, body) = header(&bytes[position..])?;
        position += body;
        let children = match shape {
            Shape::Leaf(length) => {
                position = position.checked_add(length).ok_or("a length is out of range")?;
                if position > bytes.len() {
                    return Err("a value is cut off");
                }
                0
            }
            Shape::Array(items) => u64::from(items),
            Shape::Map(pairs) => u64::from(pairs) * 2,
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

enum Shape {
    /// A value without values in it, with the length of its body.
    Leaf(usize),
    Array(u32),
    Map(u32),
}

/// The shape of the first value and the length of its header.
fn header(bytes: &[u8]) -> Result<(Shape, usize), Malformed> {
    let marker = Marker::from_u8(*bytes.first().ok_or("a value is missing")?);
    // The lengths that follow the marker are big endian, 1, 2 or 4 bytes long.
    let length = |width: usize| -> Result<usize, Malformed> {
        let field = bytes.get(1..1 + width).ok_or("a length is cut off")?;
        Ok(field.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
    };
    let count = |width: usize| -> Result<u32, Malformed> {
        length(width).and_then(|count| u32::try_from(count).map_err(|_| "a length is out of range"))
    };
    Ok(match marker {
        Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => {
            (Shape::Leaf(0), 1)
        }
        Marker::U8 | Marker::I8 => (Shape::Leaf(1), 1),
        Marker::U16 | Marker::I16 => (Shape::Leaf(2), 1),
        Marker::U32 | Marker::I32 | Marker::F32 => (Shape::Leaf(4), 1),
        Marker::U64 | Marker::I64 | Marker::F64 => (Shape::Leaf(8), 1),
        Marker::FixStr(length) => (Shape::Leaf(usize::from(length)), 1),
        Marker::Str8 | Marker::Bin8 => (Shape::Leaf(length(1)?), 2),
        Marker::Str16 | Marker::Bin16 => (Shape::Leaf(length(2)?), 3),
        Marker::Str32 | Marker::Bin32 => (Shape::Leaf(length(4)?), 5),
        // The type of an extension is one more byte of its body.
        Marker::FixExt1 => (Shape::Leaf(2), 1),
        Marker::FixExt2 => (Shape::Leaf(3), 1),
        Marker::FixExt4 => (Shape::Leaf(5), 1),
        Marker::FixExt8 => (Shape::Leaf(9), 1),
        Marker::FixExt16 => (Shape::Leaf(17), 1),
        Marker::Ext8 => (Shape::Leaf(length(1)? + 1), 2),
        Marker::Ext16 => (Shape::Leaf(length(2)? + 1), 3),
        Marker::Ext32 => (Shape::Leaf(length(4)? + 1), 5),
        Marker::FixArray(items) => (Shape::Array(u32::from(items)), 1),
        Marker::Array16 => (Shape::Array(count(2)?), 3),
        Marker::Array32 => (Shape::Array(count(4)?), 5),
        Marker::FixMap(pairs) => (Shape::Map(u32::from(pairs)), 1),
        Marker::Map16 => (Shape::Map(count(2)?), 3),
        Marker::Map32 => (Shape::Map(count(4)?), 5),
        Marker::Reserved => return Err("a byte that msgpack reserves"),
    })
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
    fn lies_about_lengths_are_refused() {
        check(&[], Err("a value is missing"));
        check(&[0xc1], Err("a byte that msgpack reserves"));
        check(&[0xa3, b'a'], Err("a value is cut off"));
        check(&[0xdd, 0xff, 0xff, 0xff, 0xff], Err("a value is missing"));
        check(&[0xc6, 0xff, 0xff, 0xff, 0xff, 0], Err("a value is cut off"));
        check(&[0xda, 0], Err("a length is cut off"));
    }

    #[test]
    fn bombs_of_nested_lists_are_refused() {
        let deep = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
        check(&deep(MAX_DEPTH), Ok(MAX_DEPTH + 1));
        check(&deep(MAX_DEPTH + 1), Err("values are nested too deeply"));
        check(&deep(1_000_000), Err("values are nested too deeply"));
    }
}
