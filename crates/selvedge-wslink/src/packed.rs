//! One msgpack value, encoded once and passed on as bytes.
//!
//! State values, arguments and results are kept in this form: comparing two values compares bytes,
//! pushing a value to many clients copies a pointer, and values are decoded only where a Rust type
//! is needed. A change of type (1 to true, 1 to 1.0) is a change of bytes and therefore a change.

use std::{any::type_name, fmt, ops::Range};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::{
    decode::{Decoder, EXACT, Use},
    encode::encode,
    error::{Error, Result},
    extent::extent,
    fault::Fault,
    fit,
    handover::{self, ENCODED},
    storage::Storage,
    value::{Value, read},
};

/// A msgpack value in its encoded form. Cheap to clone.
///
/// ```
/// use selvedge_wslink::Packed;
///
/// let value = Packed::encode(&vec![1, 2, 3])?;
/// assert_eq!(value.decode::<Vec<i64>>()?, [1, 2, 3]);
/// assert_ne!(Packed::encode(&1)?, Packed::encode(&1.0)?);
/// # Ok::<(), selvedge_wslink::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(Storage);

/// The type of a value in JavaScript, which has one type of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Nothing,
    /// `true` or `false`.
    Bool,
    /// A number or a `BigInt`.
    Number,
    /// A string.
    Text,
    /// A `Uint8Array`.
    Bytes,
    /// A `Date`.
    Date,
    /// An array.
    List,
    /// An object.
    Map,
}

impl Packed {
    /// The encoding of nothing: `nil`, which is `null` in JavaScript.
    pub const fn nil() -> Self {
        Packed(Storage::inline(&[0xc0]))
    }

    /// Encodes a value. Structs become maps, keys of maps become text, and byte strings
    /// ([`Attachment`](crate::Attachment)) become *bin*. An `f32` outside of a list becomes the
    /// `f64` with the same decimal form, so that pages show 0.1 as 0.1.
    ///
    /// # Errors
    /// [`Error::Encode`] if the value's `Serialize` fails, or if some client could not hold the
    /// value: keys of maps must be text or integers, without duplicates; integers have at most 64
    /// bits; lists and maps are nested at most 95 deep; dates must be in JavaScript's range. The
    /// error contains the path to the fault.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Self::try_encode(value).map_err(|fault| encode_error::<T>(&fault, ""))
    }

    /// Encodes the value of a key. The path in an error begins with the key.
    ///
    /// # Errors
    /// Those of [`encode`](Self::encode).
    pub fn encode_for<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<Self> {
        Self::try_encode(value).map_err(|fault| encode_error::<T>(&fault, key))
    }

    fn try_encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, Fault> {
        let encoded = encode(value)?;
        let is_doubtful = encoded.is_doubtful;
        let packed = Packed(encoded.into_storage());
        if is_doubtful { packed.fitting() } else { Ok(packed) }
    }

    /// Decodes the value as a Rust type.
    ///
    /// # Errors
    /// [`Error::Decode`] if it is of another type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        self.decode_as("the value")
    }

    /// Decodes the value like [`decode`](Self::decode), with a name for the value in the error.
    pub fn decode_as<T: DeserializeOwned>(&self, what: impl fmt::Display) -> Result<T> {
        self.try_decode().map_err(|fault| decode_error::<T>(what.to_string(), fault.to_string()))
    }

    /// Decodes the value of a key of the state like [`decode`](Self::decode). The path in an error
    /// begins with the key.
    pub fn decode_for<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.try_decode()
            .map_err(|fault| decode_error::<T>(format!("state `{key}`"), fault.of(key)))
    }

    fn try_decode<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(&mut Decoder::new(&self.0.joined()))
    }

    /// Decodes the value like [`decode_as`](Self::decode_as), and also returns how the type used
    /// the map.
    pub fn decode_with_use<T: DeserializeOwned>(
        &self,
        what: impl fmt::Display,
    ) -> Result<(T, Use<'_>)> {
        let mut decoder = Decoder::new(&self.0);
        let value = T::deserialize(&mut decoder)
            .map_err(|fault| decode_error::<T>(what.to_string(), fault.to_string()))?;
        Ok((value, decoder.into_use()))
    }

    /// Returns the value in a form that all clients can hold.
    ///
    /// # Errors
    /// The part that some client cannot hold.
    pub fn fitting(self) -> Result<Self, Fault> {
        // The check needs the value in one piece, which is then kept.
        let whole = self.0.joined();
        Ok(Packed(match fit::fitting(whole.as_slice())? {
            Some(fitting) => fitting.into(),
            None => whole.into_owned(),
        }))
    }

    /// Returns the value's type in JavaScript.
    pub fn kind(&self) -> Kind {
        match read(self.as_bytes()) {
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

    /// Whether this is an integer beyond 2^53, which a float may not represent exactly.
    pub fn is_wide(&self) -> bool {
        match read(self.as_bytes()) {
            Ok((Value::Unsigned(number), _)) => number > EXACT,
            Ok((Value::Signed(number), _)) => number.unsigned_abs() > EXACT,
            _ => false,
        }
    }

    /// Whether this is a float beyond 2^53, which may stand for more than one integer.
    pub fn is_inexact(&self) -> bool {
        match read(self.as_bytes()) {
            Ok((Value::F64(number), _)) => number.abs() > EXACT as f64,
            Ok((Value::F32(number), _)) => f64::from(number.abs()) > EXACT as f64,
            _ => false,
        }
    }

    /// Whether this is an empty or blank text, such as that of a field which the user has emptied.
    pub fn is_blank(&self) -> bool {
        matches!(
            read(self.as_bytes()),
            Ok((Value::Text(text), _)) if text.iter().all(u8::is_ascii_whitespace)
        )
    }

    /// Whether this is `nil`.
    #[inline]
    pub fn is_nil(&self) -> bool {
        self.0.first() == 0xc0
    }

    /// Size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// The msgpack bytes. The first call copies large byte strings inside of the value, and the
    /// value keeps the copy.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The msgpack bytes, shared. Each call copies large byte strings inside of the value.
    #[inline]
    pub fn bytes(&self) -> Bytes {
        self.0.to_bytes()
    }

    #[inline]
    pub(crate) fn storage(&self) -> &Storage {
        &self.0
    }

    /// Returns bytes from outside as a value, if they are exactly one.
    pub fn checked(bytes: Bytes) -> Option<Self> {
        (extent(&bytes) == Ok(bytes.len())).then(|| Packed(bytes.into()))
    }

    /// Wraps bytes that were checked to be exactly one value.
    #[inline]
    pub fn from_checked(bytes: Bytes) -> Self {
        debug_assert_eq!(extent(&bytes), Ok(bytes.len()));
        Packed(bytes.into())
    }

    /// Wraps parts that were checked to be exactly one value, without copying them.
    pub(crate) fn from_parts(parts: Vec<Bytes>) -> Self {
        Packed(Storage::parts(parts))
    }

    /// Returns a part of checked bytes as a value.
    #[inline]
    pub(crate) fn piece(whole: &Bytes, place: Range<usize>) -> Self {
        Packed(Storage::piece(whole, place))
    }

    /// Returns the value if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match read(self.as_bytes()) {
            Ok((Value::Text(text), _)) => str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// Returns the value detached from the `whole` bytes that it is a slice of, and so keeps in
    /// memory: a copy if they are much more than its own.
    pub fn apart_from(self, whole: usize) -> Self {
        // Size in bytes up to which a copy is not worth it.
        const SMALL: usize = 4 * 1024;
        match &self.0 {
            Storage::Whole(bytes) if whole > SMALL && bytes.len() < whole / 2 => {
                Packed(bytes.to_vec().into())
            }
            _ => self,
        }
    }
}

fn encode_error<T: ?Sized>(fault: &Fault, root: &str) -> Error {
    Error::Encode { type_name: type_name::<T>(), reason: fault.of(root) }
}

fn decode_error<T>(what: String, reason: String) -> Error {
    Error::Decode { what, type_name: type_name::<T>(), reason }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match rmpv::decode::read_value(&mut self.as_bytes()) {
            Ok(value) => write!(f, "{value}"),
            Err(_) => write!(f, "{:02x?}", self.as_bytes()),
        }
    }
}

/// Becomes a part of another value unchanged. Other serializers get it decoded.
impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let serialize = || serializer.serialize_newtype_struct(ENCODED, &Decoded(self));
        handover::offer(self.0.clone(), serialize)
    }
}

/// A value as it is passed to another serializer than our own.
struct Decoded<'a>(&'a Packed);

impl Serialize for Decoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        let bytes = self.0.as_bytes();
        // Text that is not UTF-8 would silently become bytes.
        fit::check(bytes).map_err(S::Error::custom)?;
        rmpv::decode::read_value(&mut &bytes[..]).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Accepts any value.
impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ENCODED, Encoded)
    }
}

/// Takes the encoded bytes from our own decoder, and encodes what another deserializer provides.
struct Encoded;

impl<'de> serde::de::Visitor<'de> for Encoded {
    type Value = Packed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_bytes<E>(self, encoded: &'de [u8]) -> Result<Packed, E> {
        Ok(Packed(handover::take_same(encoded).unwrap_or_else(|| encoded.to_vec().into())))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<Packed, D::Error> {
        use serde::de::Error as _;
        let value = rmpv::Value::deserialize(other)?;
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &value).map_err(D::Error::custom)?;
        Ok(Packed(bytes.into()))
    }
}

#[cfg(test)]
mod tests;
