//! Decodes msgpack to Rust values, by serde.
//!
//! The value need not have the exact form of the requested type, since JavaScript has one type of
//! number and its keys are text:
//!
//! - A float with an integer value is accepted as an integer up to 2^53. Beyond that it may have
//!   been rounded, so it is rejected.
//! - A numeric key may be text, and the other way round.
//! - A date is text (RFC 3339) for every type except [`Timestamp`].

mod extension;
mod key;

use extension::Extension;
use key::{Key, key_text};
use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};

use crate::{
    attachment::ATTACHMENT,
    extent::extent,
    fault::Fault,
    handover::{self, ENCODED, EXTENSION},
    storage::{SHARED, Storage},
    timestamp::{TIMESTAMP, Timestamp},
    value::{Value, read},
};

/// 2^53, up to which every integer is exact as an `f64`.
pub(crate) const EXACT: u64 = 1 << 53;

/// Explains an error for a float beyond 2^53 where an integer is expected.
pub const INEXACT: &str =
    "which as a floating-point number may be inexact; beyond 2^53 a page sends a BigInt";

/// Decodes one value from well-formed bytes.
pub(crate) struct Decoder<'de> {
    storage: &'de Storage,
    bytes: &'de [u8],
    position: usize,
    /// Position of the value that was skipped last.
    skipped: Option<usize>,
    outermost: Use<'de>,
}

/// How a type used the map that was decoded.
#[derive(Debug, Default)]
pub struct Use<'de> {
    /// Keys whose values were skipped because the type does not use them.
    pub unused: Vec<&'de str>,
    /// The fields of the type if it is a struct.
    pub fields: &'static [&'static str],
}

impl<'de> Decoder<'de> {
    pub(crate) fn new(storage: &'de Storage) -> Self {
        Decoder {
            storage,
            bytes: storage.as_slice(),
            position: 0,
            skipped: None,
            outermost: Use::default(),
        }
    }

    /// Returns how the decoded type used the value, which is a map.
    pub(crate) fn into_use(self) -> Use<'de> {
        self.outermost
    }

    #[inline]
    fn next(&mut self) -> Result<Value<'de>, Fault> {
        let (value, length) = self.peek()?;
        self.position += length;
        Ok(value)
    }

    #[inline]
    fn peek(&self) -> Result<(Value<'de>, usize), Fault> {
        match read(&self.bytes[self.position..]) {
            Ok(read) => Ok(read),
            Err(reason) => Err(Fault::new(reason)),
        }
    }

    /// Skips the next value and returns its encoding.
    fn skip(&mut self) -> Result<&'de [u8], Fault> {
        let rest = &self.bytes[self.position..];
        let length = extent(rest).map_err(Fault::new)?;
        self.skipped = Some(self.position);
        self.position += length;
        Ok(&rest[..length])
    }

    /// Calls a visitor that may take this part of the value without a copy if it is large.
    fn hand_over<T>(&self, part: &'de [u8], visit: impl FnOnce() -> T) -> T {
        // A small part would keep the whole value in memory.
        let is_large = part.len() >= SHARED && part.len() >= self.bytes.len() / 2;
        match self.storage {
            Storage::Whole(whole) if is_large => {
                handover::offer(Storage::Whole(whole.slice_ref(part)), visit)
            }
            _ => visit(),
        }
    }

    fn list<V: Visitor<'de>>(&mut self, items: u32, visitor: V) -> Result<V::Value, Fault> {
        let mut list = List { decoder: self, left: items, index: 0 };
        let value = visitor.visit_seq(&mut list)?;
        match list.left {
            0 => Ok(value),
            _ => Err(Fault::new(format!("got {items} items, expected {}", list.index))),
        }
    }

    fn map<V: Visitor<'de>>(&mut self, pairs: u32, visitor: V) -> Result<V::Value, Fault> {
        let is_outermost = self.position <= 5 && self.is_outermost();
        let mut map = Map { decoder: self, left: pairs, key: Value::Nil, is_outermost };
        let value = visitor.visit_map(&mut map)?;
        match map.left {
            0 => Ok(value),
            left => Err(Fault::new(format!("got {pairs} entries, expected {}", pairs - left))),
        }
    }

    /// Whether the map whose header was just read is the whole value.
    fn is_outermost(&self) -> bool {
        read(self.bytes).is_ok_and(|(_, header)| header == self.position)
    }

    /// Decodes an integer. A float with an integer value is accepted.
    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        let value = self.next()?;
        let number = match value {
            Value::F64(number) => number,
            Value::F32(number) => number.into(),
            Value::Unsigned(number) => return visitor.visit_u64(number),
            Value::Signed(number) => return visitor.visit_i64(number),
            Value::Extension(..) => return Err(mismatch(value, &visitor)),
            Value::List(items) => return self.list(items, visitor),
            Value::Map(pairs) => return self.map(pairs, visitor),
            other => return visit_leaf(other, visitor),
        };
        if number.fract() != 0.0 {
            return Err(Fault::invalid_type(Unexpected::Float(number), &visitor));
        }
        if number.abs() > EXACT as f64 {
            return Err(Fault::new(format!("got {number}, {INEXACT}")));
        }
        visitor.visit_i64(number as i64)
    }
}

/// Returns the error for a value of another type than the expected one.
fn mismatch(given: Value, expected: &dyn serde::de::Expected) -> Fault {
    match given {
        Value::Nil => Fault::invalid_type(Unexpected::Unit, expected),
        Value::Bool(value) => Fault::invalid_type(Unexpected::Bool(value), expected),
        Value::Unsigned(number) => Fault::invalid_type(Unexpected::Unsigned(number), expected),
        Value::Signed(number) => Fault::invalid_type(Unexpected::Signed(number), expected),
        Value::F32(number) => Fault::invalid_type(Unexpected::Float(number.into()), expected),
        Value::F64(number) => Fault::invalid_type(Unexpected::Float(number), expected),
        Value::Text(text) => {
            Fault::invalid_type(Unexpected::Str(&String::from_utf8_lossy(text)), expected)
        }
        Value::Bytes(bytes) => Fault::invalid_type(Unexpected::Bytes(bytes), expected),
        Value::Extension(TIMESTAMP, body) => {
            let date = Timestamp::from_body(body).map(|time| time.to_string()).unwrap_or_default();
            Fault::invalid_type(Unexpected::Other(&format!("the date {date}")), expected)
        }
        Value::Extension(..) => Fault::invalid_type(Unexpected::NewtypeStruct, expected),
        Value::List(_) => Fault::invalid_type(Unexpected::Seq, expected),
        Value::Map(_) => Fault::invalid_type(Unexpected::Map, expected),
    }
}

/// Visits text, or bytes if the text is not UTF-8.
fn visit_text<'de, V: Visitor<'de>>(text: &'de [u8], visitor: V) -> Result<V::Value, Fault> {
    match str::from_utf8(text) {
        Ok(text) => visitor.visit_borrowed_str(text),
        Err(_) => visitor.visit_borrowed_bytes(text),
    }
}

fn visit_leaf<'de, V: Visitor<'de>>(value: Value<'de>, visitor: V) -> Result<V::Value, Fault> {
    match value {
        Value::Nil => visitor.visit_unit(),
        Value::Bool(value) => visitor.visit_bool(value),
        Value::Unsigned(number) => visitor.visit_u64(number),
        Value::Signed(number) => visitor.visit_i64(number),
        Value::F32(number) => visitor.visit_f32(number),
        Value::F64(number) => visitor.visit_f64(number),
        Value::Text(text) => visit_text(text, visitor),
        Value::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
        Value::Extension(kind, body) => {
            match Timestamp::from_body(body).filter(|_| kind == TIMESTAMP) {
                Some(time) => visitor.visit_string(time.to_string()),
                None => visitor.visit_newtype_struct(Extension { kind, body }),
            }
        }
        Value::List(_) | Value::Map(_) => Err(mismatch(value, &visitor)),
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.integer(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.next()? {
            Value::List(items) => self.list(items, visitor),
            Value::Map(pairs) => self.map(pairs, visitor),
            leaf => visit_leaf(leaf, visitor),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek()? {
            (Value::Nil, length) => {
                self.position += length;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            ENCODED => {
                let value = self.skip()?;
                self.skipped = None;
                self.hand_over(value, || visitor.visit_borrowed_bytes(value))
            }
            ATTACHMENT => match self.next()? {
                Value::Bytes(bytes) => self.hand_over(bytes, || visitor.visit_bytes(bytes)),
                other => visit_leaf(other, visitor),
            },
            EXTENSION => match self.next()? {
                Value::Extension(kind, body) => {
                    visitor.visit_newtype_struct(Extension { kind, body })
                }
                other => Err(mismatch(other, &"a date")),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.next()? {
            Value::Text(text) => {
                let text = str::from_utf8(text).map_err(Fault::custom)?;
                visitor.visit_enum(text.into_deserializer())
            }
            Value::Map(1) => visitor.visit_enum(Variant { decoder: self }),
            other => Err(mismatch(other, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.position == 0 {
            self.outermost.fields = fields;
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit seq tuple tuple_struct map identifier
    }
}

/// The remaining items of a list.
struct List<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
    index: usize,
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        let item =
            seed.deserialize(&mut *self.decoder).map_err(|fault| fault.in_item(self.index))?;
        self.left -= 1;
        self.index += 1;
        Ok(Some(item))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

/// The remaining entries of a map.
struct Map<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: u32,
    /// The key whose value comes next.
    key: Value<'de>,
    is_outermost: bool,
}

impl<'de> MapAccess<'de> for Map<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        let (key, length) = self.decoder.peek()?;
        self.key = key;
        match key {
            Value::Text(_) | Value::Unsigned(_) | Value::Signed(_) => {
                self.decoder.position += length;
                seed.deserialize(Key(key)).map(Some)
            }
            _ => seed.deserialize(&mut *self.decoder).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let begin = self.decoder.position;
        let value = seed
            .deserialize(&mut *self.decoder)
            .map_err(|fault| fault.in_entry(&key_text(self.key)))?;
        self.left -= 1;
        if let (true, Value::Text(key)) = (self.is_outermost, self.key)
            && self.decoder.skipped == Some(begin)
        {
            self.decoder.outermost.unused.extend(str::from_utf8(key));
        }
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

/// An enum variant with content: a map from its name to the content.
struct Variant<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name = self.decoder.next()?;
        Ok((seed.deserialize(Key(name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.decoder.next()? {
            Value::Nil => Ok(()),
            other => Err(mismatch(other, &"nothing beside the name of the variant")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.decoder)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.decoder.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.decoder.deserialize_any(visitor)
    }
}
