//! Lists and maps of values that are already encoded.

use std::any::type_name;

use bytes::{BufMut, Bytes, BytesMut};
use indexmap::IndexMap;
use serde::Serialize;

use crate::{
    error::{Error, Result},
    packed::Packed,
    scan::{Head, Scanner},
    storage::SHARED,
    value::Malformed,
};

impl Packed {
    /// Encodes a map of values that are already encoded.
    pub fn encode_map(entries: &IndexMap<String, Packed>) -> Self {
        map_value(entries)
    }

    /// Encodes a list of values that are already encoded.
    pub fn encode_list<'a>(items: impl Iterator<Item = &'a Packed> + Clone) -> Self {
        list_value(items)
    }

    /// Makes a list of `count` values that are already encoded, one after the other in these parts.
    /// Large parts are not copied.
    pub fn list_of_encoded(count: usize, parts: Vec<Bytes>) -> Self {
        let mut bytes = BytesMut::with_capacity(5);
        put(&mut bytes, |out| rmp::encode::write_array_len(out, count as u32).map(drop));
        if parts.iter().map(Bytes::len).sum::<usize>() < SHARED {
            parts.iter().for_each(|part| bytes.put_slice(part));
            return Packed::from_checked(bytes.freeze());
        }
        Packed::from_parts([bytes.freeze()].into_iter().chain(parts).collect())
    }

    /// Encodes the arguments of a call, which are a list or nothing.
    ///
    /// # Errors
    /// [`Error::Encode`] if they are anything else.
    pub fn encode_arguments<T: Serialize + ?Sized>(arguments: &T) -> Result<Self> {
        let encoded = Self::encode(arguments)?;
        if encoded.is_nil() {
            return Ok(Self::encode_list(std::iter::empty()));
        }
        match encoded.storage().first() {
            0x90..=0x9f | 0xdc | 0xdd => Ok(encoded),
            _ => Err(Error::Encode {
                type_name: type_name::<T>(),
                reason: "arguments are a tuple, an array or a list".to_owned(),
            }),
        }
    }

    /// Encodes each field of a struct or entry of a map separately.
    ///
    /// # Errors
    /// [`Error::Encode`] if the value cannot be encoded, or is not a struct or map.
    pub fn encode_fields<T: Serialize + ?Sized>(value: &T) -> Result<IndexMap<String, Packed>> {
        Packed::encode(value)?.entries().ok_or_else(|| Error::Encode {
            type_name: type_name::<T>(),
            reason: "it is neither a struct nor a map".to_owned(),
        })
    }

    /// Returns the items of an encoded list, or `None` if the value is not a list. Small items of a
    /// large list are copied.
    pub fn items(&self) -> Option<Vec<Packed>> {
        let whole = self.as_bytes().len();
        let mut scanner = Scanner::new(self.bytes());
        match scanner.enter().ok()? {
            Head::Array(items) => {
                (0..items).map(|_| Some(scanner.value().ok()?.apart_from(whole))).collect()
            }
            _ => None,
        }
    }

    /// Returns the value of a key of an encoded map; `None` if there is none, or the value is not a
    /// map.
    pub fn entry(&self, name: &str) -> Option<Packed> {
        let bytes = self.bytes();
        let mut scanner = Scanner::new(bytes.clone());
        let Head::Map(pairs) = scanner.enter().ok()? else {
            return None;
        };
        let mut found = None;
        for _ in 0..pairs {
            let is_named = scanner.text().ok()? == Some(name);
            let place = scanner.skip().ok()?;
            if is_named {
                found = Some(place);
            }
        }
        Some(Packed::piece(&bytes, found?).apart_from(bytes.len()))
    }

    /// Returns the entries of an encoded map, or `None` if the value is not a map. Small entries of
    /// a large map are copied.
    pub fn entries(&self) -> Option<IndexMap<String, Packed>> {
        let bytes = self.bytes();
        let whole = bytes.len();
        let is_map = matches!(Scanner::new(bytes.clone()).enter(), Ok(Head::Map(_)));
        let entries = is_map.then(|| map(&mut Scanner::new(bytes)).ok())??;
        Some(entries.into_iter().map(|(key, value)| (key, value.apart_from(whole))).collect())
    }
}

/// Reads the entries of a map; any other value counts as an empty map. Keys that are not text are
/// skipped.
pub(crate) fn map(scanner: &mut Scanner) -> Result<IndexMap<String, Packed>, Malformed> {
    let mut entries = IndexMap::new();
    match scanner.enter()? {
        Head::Map(pairs) => {
            for _ in 0..pairs {
                let key = scanner.text()?.map(str::to_owned);
                let value = scanner.value()?;
                key.map(|key| entries.insert(key, value));
            }
        }
        Head::Array(items) => {
            for _ in 0..items {
                scanner.value()?;
            }
        }
        Head::Other => {
            scanner.value()?;
        }
    }
    Ok(entries)
}

/// Encodes a list as a separate value.
pub(crate) fn list_value<'a>(items: impl Iterator<Item = &'a Packed> + Clone) -> Packed {
    let mut bytes = BytesMut::new();
    let count = items.clone().count() as u32;
    put(&mut bytes, |out| rmp::encode::write_array_len(out, count).map(drop));
    items.for_each(|item| item.storage().slices().for_each(|slice| bytes.put_slice(slice)));
    Packed::from_checked(bytes.freeze())
}

/// Encodes a map as a separate value.
pub(crate) fn map_value(entries: &IndexMap<String, Packed>) -> Packed {
    let mut bytes = BytesMut::new();
    put_map(&mut bytes, entries.len() as u32);
    for (key, value) in entries {
        put_str(&mut bytes, key);
        value.storage().slices().for_each(|slice| bytes.put_slice(slice));
    }
    Packed::from_checked(bytes.freeze())
}

#[inline]
pub(crate) fn put_str(message: &mut BytesMut, text: &str) {
    put(message, |out| rmp::encode::write_str(out, text).map(drop));
}

#[inline]
pub(crate) fn put_map(message: &mut BytesMut, pairs: u32) {
    put(message, |out| rmp::encode::write_map_len(out, pairs).map(drop));
}

/// Writes into memory, which does not fail.
#[inline]
pub(crate) fn put<E>(
    message: &mut BytesMut,
    write: impl FnOnce(&mut bytes::buf::Writer<&mut BytesMut>) -> Result<(), E>,
) {
    let written = write(&mut message.writer());
    debug_assert!(written.is_ok());
}
