//! One msgpack value, encoded once and passed on as bytes.
//!
//! State values, arguments and results live in this form: comparing two of them compares bytes, pushing one to many
//! clients copies a pointer, and decoding happens only where a Rust type is asked for. A change of type (1 to true,
//! 1 to 1.0) is a change of bytes and therefore a change.

use std::{any::type_name, borrow::Cow, fmt};

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, DeserializeSeed},
};

use super::scan::MAX_DEPTH;
use crate::{Error, Result};

/// A msgpack value in its encoded form. Cheap to clone.
///
/// ```
/// use selvedge::Packed;
///
/// let value = Packed::encode(&vec![1, 2, 3])?;
/// assert_eq!(value.decode::<Vec<i64>>()?, [1, 2, 3]);
/// assert_ne!(Packed::encode(&1)?, Packed::encode(&1.0)?);
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(Bytes);

impl Packed {
    /// The encoding of nothing: `nil`, which JavaScript sees as `null`.
    pub const fn nil() -> Self {
        Packed(Bytes::from_static(&[0xc0]))
    }

    /// Encodes a value. Structs become maps, byte strings ([`Attachment`]) become *bin*.
    ///
    /// # Errors
    /// [`Error::Encode`] when the value's own `Serialize` fails.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let mut bytes = Vec::with_capacity(32);
        let mut serializer =
            rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable();
        match value.serialize(&mut serializer) {
            Ok(()) => Ok(Packed(bytes.into())),
            Err(error) => {
                Err(Error::Encode { type_name: type_name::<T>(), reason: error.to_string() })
            }
        }
    }

    /// Decodes the value as a Rust type.
    ///
    /// # Errors
    /// [`Error::Decode`] when it is of another type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        self.decode_as("the value")
    }

    /// Like [`decode`](Self::decode), with a name for the value in the error.
    pub(crate) fn decode_as<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        let mut deserializer =
            rmp_serde::Deserializer::from_read_ref(&self.0[..]).with_human_readable();
        deserializer.set_max_depth(MAX_DEPTH + 8);
        T::deserialize(&mut deserializer).map_err(|error| Error::Decode {
            what: what.to_owned(),
            type_name: type_name::<T>(),
            reason: error.to_string(),
        })
    }

    /// Decodes the value through a seed; the reason where that fails.
    pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
        &self,
        seed: S,
    ) -> Result<S::Value, String> {
        let mut deserializer = rmp_serde::Deserializer::new(&self.0[..]).with_human_readable();
        deserializer.set_max_depth(MAX_DEPTH + 8);
        seed.deserialize(&mut deserializer).map_err(|error| error.to_string())
    }

    /// The encoding of a map of values that are encoded already.
    pub(crate) fn encode_map(entries: &IndexMap<String, Packed>) -> Self {
        super::message::map_value(entries)
    }

    /// The encoding of a list of values that are encoded already.
    pub(crate) fn encode_list<'a>(items: impl Iterator<Item = &'a Packed> + Clone) -> Self {
        super::message::list_value(items)
    }

    /// Encodes the arguments of a call, which are a list or nothing.
    ///
    /// # Errors
    /// [`Error::Encode`] when they are something else.
    pub(crate) fn encode_arguments<T: Serialize + ?Sized>(arguments: &T) -> Result<Self> {
        let encoded = Self::encode(arguments)?;
        if encoded.is_nil() {
            return Ok(Self::encode_list(std::iter::empty()));
        }
        match super::message::items(&encoded) {
            Some(_) => Ok(encoded),
            None => Err(Error::Encode {
                type_name: type_name::<T>(),
                reason: "arguments are a tuple, an array or a list".to_owned(),
            }),
        }
    }

    /// Whether this is `nil`.
    pub fn is_nil(&self) -> bool {
        self.0[..] == [0xc0]
    }

    /// The msgpack bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same bytes, shared.
    pub(super) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// Bytes that come from outside, if they are exactly one value.
    pub(crate) fn checked(bytes: Bytes) -> Option<Self> {
        (super::scan::extent(&bytes) == Ok(bytes.len())).then_some(Packed(bytes))
    }

    /// Takes bytes that were checked to be exactly one value.
    pub(super) fn from_checked(bytes: Bytes) -> Self {
        debug_assert_eq!(super::scan::extent(&bytes), Ok(bytes.len()));
        Packed(bytes)
    }

    /// What clients may see of the value: a map that has a list `_filter` loses the keys listed there.
    ///
    /// The rule is trame's, made for uploaded files whose content stays on the server: it looks through lists on the top
    /// level and not into nested maps.
    pub(crate) fn filtered(&self) -> Cow<'_, Packed> {
        const MARK: &[u8] = b"\xa7_filter";
        let marked = matches!(self.0[0], 0x80..=0x9f | 0xdc..=0xdf)
            && self.0.windows(MARK.len()).any(|window| window == MARK);
        if !marked {
            return Cow::Borrowed(self);
        }
        let Ok(mut value) = rmpv::decode::read_value(&mut &self.0[..]) else {
            return Cow::Borrowed(self);
        };
        drop_filtered(&mut value);
        let mut bytes = Vec::with_capacity(self.0.len());
        match rmpv::encode::write_value(&mut bytes, &value) {
            Ok(()) => Cow::Owned(Packed(bytes.into())),
            Err(_) => Cow::Borrowed(self),
        }
    }
}

/// Encodes each field of a struct or entry of a map by itself.
///
/// # Errors
/// [`Error::Encode`] when the value cannot be encoded or is no struct or map.
pub(crate) fn fields<T: Serialize + ?Sized>(value: &T) -> Result<IndexMap<String, Packed>> {
    super::message::entries(&Packed::encode(value)?).ok_or_else(|| Error::Encode {
        type_name: type_name::<T>(),
        reason: "it is neither a struct nor a map".to_owned(),
    })
}

fn drop_filtered(value: &mut rmpv::Value) {
    match value {
        rmpv::Value::Array(items) => items.iter_mut().for_each(drop_filtered),
        rmpv::Value::Map(pairs) => {
            let hidden = pairs.iter().find(|(key, _)| key.as_str() == Some("_filter"));
            let Some(rmpv::Value::Array(hidden)) = hidden.map(|(_, names)| names.clone()) else {
                return;
            };
            pairs.retain(|(key, _)| !hidden.contains(key));
        }
        _ => {}
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match rmpv::decode::read_value(&mut &self.0[..]) {
            Ok(value) => write!(f, "{value}"),
            Err(_) => write!(f, "{:02x?}", &self.0[..]),
        }
    }
}

/// As part of another value. It is decoded and encoded once more on the way; by itself a value is passed on as it is.
impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        rmpv::decode::read_value(&mut &self.0[..])
            .map_err(|error| S::Error::custom(error.to_string()))?
            .serialize(serializer)
    }
}

/// Takes any value.
impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = rmpv::Value::deserialize(deserializer)?;
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &value).map_err(D::Error::custom)?;
        Ok(Packed(bytes.into()))
    }
}

/// Bytes that travel as msgpack *bin*: a `Uint8Array` in the page, without base64.
///
/// A plain `Vec<u8>` would become a list of numbers.
///
/// ```
/// use selvedge::{Attachment, Packed};
///
/// let frame = Packed::encode(&Attachment::from(vec![0, 255]))?;
/// assert_eq!(frame.as_bytes(), [0xc4, 2, 0, 255]);
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment(pub Bytes);

impl<T: Into<Bytes>> From<T> for Attachment {
    fn from(bytes: T) -> Self {
        Attachment(bytes.into())
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Attachment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Attachment, E> {
                Ok(Attachment(Bytes::copy_from_slice(bytes)))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Attachment, E> {
                Ok(Attachment(bytes.into()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

/// A point in time that travels as msgpack's timestamp extension: a `Date` in the page.
///
/// Times before 1970 and after the year 292 billion are out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds since 1970-01-01 UTC.
    pub seconds: i64,
    /// Nanoseconds of the started second, below 1,000,000,000.
    pub nanoseconds: u32,
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp { seconds: since.as_secs() as i64, nanoseconds: since.subsec_nanos() }
    }
}

/// The type number of the timestamp extension (msgpack specification, "Timestamp extension type").
const TIMESTAMP: i8 = -1;

/// The form in which `rmp_serde` knows extensions: a newtype of this name around type and body.
#[derive(Serialize, Deserialize)]
#[serde(rename = "_ExtStruct")]
struct Extension((i8, Attachment));

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = Vec::with_capacity(12);
        body.extend(self.nanoseconds.to_be_bytes());
        body.extend(self.seconds.to_be_bytes());
        Extension((TIMESTAMP, body.into())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let Extension((kind, Attachment(body))) = Extension::deserialize(deserializer)?;
        if kind != TIMESTAMP {
            return Err(D::Error::custom("an extension that is not a timestamp"));
        }
        let number =
            |bytes: &[u8]| bytes.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        match body.len() {
            4 => Ok(Timestamp { seconds: number(&body) as i64, nanoseconds: 0 }),
            8 => {
                let both = number(&body);
                let seconds = (both & 0x3_ffff_ffff) as i64;
                Ok(Timestamp { seconds, nanoseconds: (both >> 34) as u32 })
            }
            12 => Ok(Timestamp {
                seconds: number(&body[4..]) as i64,
                nanoseconds: number(&body[..4]) as u32,
            }),
            _ => Err(D::Error::custom("a timestamp of an unknown length")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn structs_become_maps_and_come_back() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Point {
            x: f64,
            label: Option<String>,
        }
        let point = Point { x: 1.5, label: None };
        let packed = Packed::encode(&point).unwrap();
        assert_eq!(packed.decode::<serde_json::Value>().unwrap(), json!({"x": 1.5, "label": null}));
        assert_eq!(packed.decode::<Point>().unwrap(), point);
    }

    #[test]
    fn numbers_keep_their_64_bits_and_whole_numbers_serve_as_floats() {
        for number in [0, -1, i64::MAX, i64::MIN] {
            assert_eq!(Packed::encode(&number).unwrap().decode::<i64>().unwrap(), number);
        }
        assert_eq!(Packed::encode(&u64::MAX).unwrap().decode::<u64>().unwrap(), u64::MAX);
        assert_eq!(Packed::encode(&3).unwrap().decode::<f64>().unwrap(), 3.0);
        assert!(Packed::encode(&f64::NAN).unwrap().decode::<f64>().unwrap().is_nan());
    }

    #[test]
    fn a_value_keeps_its_form_as_part_of_another() {
        let by_number = std::collections::BTreeMap::from([(1, Attachment::from(vec![7]))]);
        let time = Timestamp { seconds: 1, nanoseconds: 2 };
        let value = Packed::encode(&(by_number, time, u64::MAX, 1.0, 1.0_f32, "é", ())).unwrap();
        let list = Packed::encode(&[value.clone(), Packed::nil()]).unwrap();
        let expected = [&[0x92], value.as_bytes(), &[0xc0]].concat();
        assert_eq!(list.as_bytes(), expected);
        assert_eq!(list.decode::<Vec<Packed>>().unwrap(), [value, Packed::nil()]);
    }

    #[test]
    fn a_wrong_type_is_an_error_that_names_both() {
        let error = Packed::encode("text").unwrap().decode_as::<i64>("`count`").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("`count` is not a i64: "), "{text}");
    }

    #[test]
    fn timestamps_use_the_extension_in_each_of_its_lengths() {
        let packed = Packed::encode(&Timestamp { seconds: 1, nanoseconds: 2 }).unwrap();
        assert_eq!(packed.as_bytes(), [0xc7, 12, 0xff, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(packed.decode::<Timestamp>().unwrap(), Timestamp { seconds: 1, nanoseconds: 2 });
        let short = Packed(Bytes::from_static(&[0xd6, 0xff, 0, 0, 0, 5]));
        assert_eq!(short.decode::<Timestamp>().unwrap().seconds, 5);
        let middle = Packed(Bytes::from_static(&[0xd7, 0xff, 0, 0, 0, 4, 0, 0, 0, 7]));
        assert_eq!(middle.decode::<Timestamp>().unwrap(), Timestamp { seconds: 7, nanoseconds: 1 });
    }

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
    }
}
