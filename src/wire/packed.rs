//! One msgpack value, encoded once and passed on as bytes.
//!
//! State values, arguments and results live in this form: comparing two of them compares bytes, pushing one to many
//! clients copies a pointer, and decoding happens only where a Rust type is asked for. A change of type (1 to true,
//! 1 to 1.0) is a change of bytes and therefore a change.

use std::{any::type_name, borrow::Cow, fmt};

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use super::{
    decode::{Decoder, ENCODED, Use},
    fault::Fault,
    value::Value,
};
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

/// The type of a value as JavaScript has it, where all numbers are of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nothing,
    Bool,
    Number,
    Text,
    Bytes,
    Date,
    List,
    Map,
}

impl Packed {
    /// The encoding of nothing: `nil`, which JavaScript sees as `null`.
    pub const fn nil() -> Self {
        Packed(Bytes::from_static(&[0xc0]))
    }

    /// Encodes a value. Structs become maps, keys of maps text, byte strings ([`Attachment`]) *bin*. An `f32` that is not
    /// an item of a list becomes the `f64` that is written the same, so that pages show 0.1 as 0.1.
    ///
    /// # Errors
    /// [`Error::Encode`] when the value's own `Serialize` fails, and when some client could not hold the value: keys of maps
    /// are text or whole numbers, and each is there once; whole numbers have 64 bits; lists and maps are nested at most 95
    /// deep; dates are those of JavaScript. The error has the path to what is wrong.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::try_encode(value).map_err(|fault| encode_error::<T>(&fault, ""))
    }

    /// Encodes a value of a key. The path in an error begins with the key.
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode).
    pub(crate) fn encode_for<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<Self> {
        Self::try_encode(value).map_err(|fault| encode_error::<T>(&fault, key))
    }

    fn try_encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, Fault> {
        let mut bytes = Vec::with_capacity(32);
        super::encode::encode(value, &mut bytes)?;
        super::fit::fitting(Packed(bytes.into()))
    }

    /// Decodes the value as a Rust type.
    ///
    /// # Errors
    /// [`Error::Decode`] when it is of another type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        self.decode_as("the value")
    }

    /// Like [`decode`](Self::decode), with a name for the value in the error.
    pub(crate) fn decode_as<T: DeserializeOwned>(&self, what: impl fmt::Display) -> Result<T> {
        T::deserialize(&mut Decoder::new(&self.0))
            .map_err(|fault| decode_error::<T>(what.to_string(), fault.to_string()))
    }

    /// Like [`decode`](Self::decode), for the value of a key of the state. The path in an error begins with the key.
    pub(crate) fn decode_for<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        T::deserialize(&mut Decoder::new(&self.0))
            .map_err(|fault| decode_error::<T>(format!("state `{key}`"), fault.of(key)))
    }

    /// Like [`decode_as`](Self::decode_as). Also gives what the type makes of a map.
    pub(crate) fn decode_with_use<T: DeserializeOwned>(
        &self,
        what: impl fmt::Display,
    ) -> Result<(T, Use<'_>)> {
        let mut decoder = Decoder::new(&self.0);
        let value = T::deserialize(&mut decoder)
            .map_err(|fault| decode_error::<T>(what.to_string(), fault.to_string()))?;
        Ok((value, decoder.into_use()))
    }

    /// The value in a form that all clients can hold.
    ///
    /// # Errors
    /// What in it some client cannot hold.
    pub(crate) fn fitting(self) -> Result<Self, Fault> {
        super::fit::fitting(self)
    }

    /// What it is in JavaScript.
    pub(crate) fn kind(&self) -> Kind {
        match super::value::read(&self.0) {
            Ok((Value::Bool(_), _)) => Kind::Bool,
            Ok((Value::Unsigned(_) | Value::Signed(_) | Value::F32(_) | Value::F64(_), _)) => {
                Kind::Number
            }
            Ok((Value::Text(_), _)) => Kind::Text,
            Ok((Value::Bytes(_), _)) => Kind::Bytes,
            Ok((Value::Extension(..), _)) => Kind::Date,
            Ok((Value::List(_), _)) => Kind::List,
            Ok((Value::Map(_), _)) => Kind::Map,
            Ok((Value::Nil, _)) | Err(_) => Kind::Nothing,
        }
    }

    /// Whether this is a text of nothing but white space, as that of a field which the user has emptied.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(
            super::value::read(&self.0),
            Ok((Value::Text(text), _)) if text.iter().all(u8::is_ascii_whitespace)
        )
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

fn encode_error<T: ?Sized>(fault: &Fault, root: &str) -> Error {
    Error::Encode { type_name: type_name::<T>(), reason: fault.of(root) }
}

fn decode_error<T>(what: String, reason: String) -> Error {
    Error::Decode { what, type_name: type_name::<T>(), reason }
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
        // Text that is no UTF-8 would become bytes in silence.
        super::fit::check(&self.0).map_err(S::Error::custom)?;
        rmpv::decode::read_value(&mut &self.0[..]).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Takes any value.
impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ENCODED, Encoded)
    }
}

/// Takes the bytes of a value out of our own decoder, and encodes what it gets from another one.
struct Encoded;

impl<'de> serde::de::Visitor<'de> for Encoded {
    type Value = Packed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_bytes<E>(self, encoded: &'de [u8]) -> Result<Packed, E> {
        Ok(Packed(Bytes::copy_from_slice(encoded)))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<Packed, D::Error> {
        use serde::de::Error as _;
        let value = rmpv::Value::deserialize(other)?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{super::Timestamp, *};

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
        let from_json: Packed = serde_json::from_value(json!({"a": [1, null]})).unwrap();
        assert_eq!(from_json, Packed::encode(&json!({"a": [1, null]})).unwrap());
        assert_eq!(serde_json::to_value(&from_json).unwrap(), json!({"a": [1, null]}));
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Layer {
        name: String,
        #[serde(default)]
        opacity: Option<f32>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Mode {
        Off,
        Level(u8),
        Range { from: i8, to: i8 },
    }

    /// Decodes what JSON says; the text of the error where that fails.
    fn told<T: DeserializeOwned + fmt::Debug>(value: serde_json::Value) -> String {
        let packed = Packed::encode(&value).unwrap();
        packed.decode_for::<T>("k").unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_place_the_type_and_the_value_given() {
        #[track_caller]
        fn check<T: DeserializeOwned + fmt::Debug>(value: serde_json::Value, expected: &str) {
            assert_eq!(told::<T>(value), expected);
        }
        check::<i64>(json!(""), r#"state `k` is not an i64: got the text "", expected i64"#);
        check::<i64>(json!("x"), r#"state `k` is not an i64: got the text "x", expected i64"#);
        check::<u8>(json!(null), "state `k` is not a u8: got nothing (null), expected u8");
        check::<u8>(json!(-1), "state `k` is not a u8: got -1, expected u8");
        check::<u8>(json!(300), "state `k` is not a u8: got 300, expected u8");
        check::<i64>(json!(1.5), "state `k` is not an i64: got 1.5, expected i64");
        check::<bool>(json!(1), "state `k` is not a bool: got 1, expected a boolean");
        check::<String>(json!([1]), "state `k` is not a String: got a list, expected a string");
        check::<f64>(json!({}), "state `k` is not an f64: got a map, expected f64");
        check::<Vec<i64>>(
            json!([1, "2"]),
            r#"state `k` is not a Vec<i64>: `k[1]`: got the text "2", expected i64"#,
        );
        check::<[u8; 2]>(json!([1, 2, 3]), "state `k` is not a [u8; 2]: got 3 items, expected 2");
        let layer = |layer| json!([{"name": "a"}, layer]);
        check::<Vec<Layer>>(
            layer(json!({"name": 5})),
            "state `k` is not a Vec<Layer>: `k[1].name`: got 5, expected a string",
        );
        check::<Vec<Layer>>(
            layer(json!({})),
            "state `k` is not a Vec<Layer>: `k[1]`: the field `name` is missing",
        );
        check::<Vec<Layer>>(
            layer(json!({"nmae": "b"})),
            "state `k` is not a Vec<Layer>: `k[1]`: there is no field `nmae`, expected `name`",
        );
        check::<Mode>(json!("of"), r#"state `k` is not a Mode: got "of", expected `Off`"#);
        check::<Mode>(
            json!({"Range": {"from": 1, "to": "2"}}),
            r#"state `k` is not a Mode: `k.to`: got the text "2", expected i8"#,
        );
        let long = told::<i64>(json!("x".repeat(100_000)));
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn enums_come_back() {
        let mode = |value| Packed::encode(&value).unwrap().decode::<Mode>().unwrap();
        assert_eq!(mode(json!("Off")), Mode::Off);
        assert_eq!(mode(json!({"Off": null})), Mode::Off);
        assert_eq!(mode(json!({"Level": 3})), Mode::Level(3));
        assert_eq!(mode(json!({"Range": {"from": 1, "to": 2}})), Mode::Range { from: 1, to: 2 });
        assert_eq!(mode(json!({"Range": [1, 2]})), Mode::Range { from: 1, to: 2 });
    }

    #[test]
    fn whole_floats_are_integers_where_they_are_exact() {
        let exact = 9_007_199_254_740_992_i64;
        let decode = |float: f64| Packed::encode(&float).unwrap().decode::<i64>();
        assert_eq!(decode(exact as f64).unwrap(), exact);
        assert_eq!(decode(-exact as f64).unwrap(), -exact);
        assert_eq!(decode(-0.0).unwrap(), 0);
        let packed = Packed::encode(&(exact as f64)).unwrap();
        assert_eq!(packed.decode::<u64>().unwrap(), exact as u64);
        assert_eq!(packed.decode::<i128>().unwrap(), i128::from(exact));
        let told = decode(1_009_513_310_189_256_287_u64 as f64).unwrap_err().to_string();
        assert!(told.contains("beyond 2^53 a page sends a BigInt"), "{told}");
        for float in [f64::NAN, f64::INFINITY, 1e300, 0.5] {
            assert!(decode(float).is_err(), "{float}");
        }
    }

    #[test]
    fn numbers_as_keys_go_both_ways() {
        use std::collections::{BTreeMap, HashMap};
        let rows = HashMap::from([(7_u32, "a")]);
        let packed = Packed::encode(&rows).unwrap();
        assert_eq!(packed.as_bytes(), b"\x81\xa17\xa1a", "as in JavaScript");
        assert_eq!(packed.decode::<HashMap<u32, String>>().unwrap()[&7], "a");
        assert_eq!(packed.decode::<HashMap<String, String>>().unwrap()["7"], "a");
        let wide = BTreeMap::from([(i128::MIN, 1), (-1, 2), (i128::MAX, 3)]);
        // Keys have as many digits as they need, but pass through 64 bits on their way to text.
        assert!(Packed::encode(&wide).is_err());
        let signed = BTreeMap::from([(i64::MIN, 1), (-1, 2), (i64::MAX, 3)]);
        assert_eq!(Packed::encode(&signed).unwrap().decode::<BTreeMap<i64, u8>>().unwrap(), signed);
        let numbers = Packed(Bytes::from_static(&[0x81, 7, 1]));
        assert_eq!(numbers.decode::<HashMap<u32, u8>>().unwrap()[&7], 1);
        assert_eq!(numbers.decode::<HashMap<String, u8>>().unwrap()["7"], 1);
        assert_eq!(numbers.decode::<serde_json::Value>().unwrap(), json!({"7": 1}));
        let told = packed.decode::<HashMap<u8, u8>>().unwrap_err().to_string();
        assert!(told.ends_with(r#"`7`: got the text "a", expected u8"#), "{told}");
    }

    #[test]
    fn a_date_is_text_for_all_other_types() {
        let time = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };
        let packed = Packed::encode(&BTreeMap::from([("at", time)])).unwrap();
        let text = "2023-11-14T22:13:20Z";
        assert_eq!(packed.decode::<serde_json::Value>().unwrap(), json!({ "at": text }));
        assert_eq!(packed.decode::<BTreeMap<String, String>>().unwrap()["at"], text);
        assert_eq!(packed.decode::<BTreeMap<String, Timestamp>>().unwrap()["at"], time);
        assert_eq!(packed.decode::<Packed>().unwrap(), packed);
        let told = packed.decode::<BTreeMap<String, i64>>().unwrap_err().to_string();
        assert!(told.ends_with("`at`: got the date 2023-11-14T22:13:20Z, expected i64"), "{told}");
        let told = Packed::encode("x").unwrap().decode::<Timestamp>().unwrap_err().to_string();
        assert!(told.ends_with(r#"got the text "x", expected a date"#), "{told}");
    }

    #[test]
    fn what_a_client_could_not_hold_is_not_encoded() {
        #[track_caller]
        fn check<T: Serialize>(value: T, expected: &str) {
            let told = Packed::encode_for("layers", &value).unwrap_err().to_string();
            assert!(told.ends_with(expected), "{told}");
        }
        let keys = "but the keys of a map are text or whole numbers";
        let by_nothing = BTreeMap::from([(None::<u8>, 1)]);
        check(
            [BTreeMap::from([("options", &by_nothing)])],
            &format!("`layers[0].options`: a key is nothing (null), {keys}"),
        );
        check(BTreeMap::from([((1, 2), 1)]), &format!("a key is a list, {keys}"));
        check(BTreeMap::from([(true, 1)]), &format!("a key is true, {keys}"));
        check(
            BTreeMap::from([("a", u128::MAX)]),
            "`layers.a`: 340282366920938463463374607431768211455 does not fit into 64 bits; send it as text",
        );
        check(
            [Timestamp { seconds: i64::MAX, nanoseconds: 0 }],
            "`layers[0]`: a date is out of range: pages know 100 million days before and after 1970",
        );
        let bytes = Packed(Bytes::from_static(&[0x91, 0xa1, 0xff]));
        check(bytes, "`[0]`: a text is not UTF-8; send it as bytes");
    }

    #[test]
    fn an_f32_comes_back_and_looks_as_it_was_written() {
        let packed = Packed::encode(&0.1_f32).unwrap();
        assert_eq!(packed.decode::<f32>().unwrap(), 0.1);
        assert_eq!(packed.decode::<f64>().unwrap(), 0.1);
        let list = Packed::encode(&[0.1_f32]).unwrap();
        assert_eq!(list.as_bytes()[1], 0xca, "four bytes each");
        assert_eq!(list.decode::<Vec<f32>>().unwrap(), [0.1]);
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
