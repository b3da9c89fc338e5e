//! Reads the values of a message, without decoding them.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    extent::extent,
    packed::Packed,
    value::{Malformed, Value, read},
};

/// Reads one message from front to back, and returns values as slices of it.
pub(crate) struct Scanner {
    bytes: Bytes,
    position: usize,
}

/// The kind of a value, as far as an envelope needs it.
pub(crate) enum Head {
    Map(u32),
    Array(u32),
    Other,
}

impl Scanner {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Scanner { bytes, position: 0 }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Reads the head of the next value; steps into a map or list, and stays before any other
    /// value.
    pub(crate) fn enter(&mut self) -> Result<Head, Malformed> {
        let (value, length) = read(&self.bytes[self.position..])?;
        let head = match value {
            Value::Map(pairs) => Head::Map(pairs),
            Value::List(items) => Head::Array(items),
            _ => return Ok(Head::Other),
        };
        self.position += length;
        Ok(head)
    }

    /// Returns the next value as a slice of the message, checked to its end.
    pub(crate) fn value(&mut self) -> Result<Packed, Malformed> {
        let place = self.skip()?;
        Ok(Packed::piece(&self.bytes, place))
    }

    /// Skips the next value, and returns its place.
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, Malformed> {
        let begin = self.position;
        self.position += extent(&self.bytes[begin..])?;
        Ok(begin..self.position)
    }

    /// Returns the next value as text, or `None` if it is not text.
    pub(crate) fn text(&mut self) -> Result<Option<&str>, Malformed> {
        let place = self.skip()?;
        Ok(match read(&self.bytes[place])? {
            (Value::Text(text), _) => str::from_utf8(text).ok(),
            _ => None,
        })
    }
}
