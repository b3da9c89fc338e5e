//! Encodes Rust values as msgpack, by serde.
//!
//! Structs and enums look as in JSON: maps with the names of the fields, and variants by name.
//! Differences from other encoders:
//!
//! - An `f32` outside of a list is sent as the `f64` with the same decimal form, so that a page
//!   shows 0.1 as 0.1. In a list, items keep their four bytes.
//! - A number that does not fit into 64 bits is rejected, since msgpack has none.
//! - The length of a list or map is the number of items that were written, even if `Serialize`
//!   announced another one.

mod output;

pub(crate) use output::Output;
use output::put;
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use crate::{
    attachment::ATTACHMENT,
    fault::Fault,
    fit::{self, MAX_NESTING, check_name, put_text},
    handover::{self, ENCODED, EXTENSION},
    value::{Value, read},
};

/// Encodes a value.
///
/// # Errors
/// If its `Serialize` fails, or if msgpack cannot represent it.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Output, Fault> {
    let mut out = Output::with_capacity(32);
    value.serialize(Encoder { out: &mut out, nesting: 0, is_item: false })?;
    out.check_size()?;
    Ok(out)
}

/// Writes one value.
struct Encoder<'a> {
    out: &'a mut Output,
    /// Number of lists and maps around the value.
    nesting: usize,
    /// Whether the value is an item of a list.
    is_item: bool,
}

/// Whether a compound is a list or a map.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    List,
    Map,
}

/// A list or map that is being written.
struct Compound<'a> {
    out: &'a mut Output,
    nesting: usize,
    shape: Shape,
    /// Start and end of its header.
    header: (usize, usize),
    announced: usize,
    count: usize,
    /// Position of the key whose value comes next.
    key: usize,
}

impl<'a> Encoder<'a> {
    fn begin(self, shape: Shape, announced: Option<usize>) -> Result<Compound<'a>, Fault> {
        if self.nesting >= MAX_NESTING {
            return Err(Fault::new(format!(
                "lists and maps are nested more than {MAX_NESTING} deep"
            )));
        }
        let begin = self.out.bytes.len();
        let announced = announced.unwrap_or(0);
        put_header(&mut self.out.bytes, shape, announced);
        Ok(Compound {
            header: (begin, self.out.bytes.len()),
            key: begin,
            out: self.out,
            nesting: self.nesting + 1,
            shape,
            announced,
            count: 0,
        })
    }

    /// Begins a list or map as the content of an enum variant: the value of a map with the
    /// variant's name as its key.
    fn begin_variant(
        self,
        variant: &'static str,
        shape: Shape,
        announced: usize,
    ) -> Result<Compound<'a>, Fault> {
        put_header(&mut self.out.bytes, Shape::Map, 1);
        put_text(&mut self.out.bytes, variant);
        let inner = Encoder { out: self.out, nesting: self.nesting + 1, is_item: false };
        inner.begin(shape, Some(announced))
    }

    fn whole(self, number: Option<Whole>, text: impl ToString) -> Result<(), Fault> {
        match number {
            Some(Whole::Unsigned(number)) => {
                put(rmp::encode::write_uint(&mut self.out.bytes, number))
            }
            Some(Whole::Signed(number)) => {
                put(rmp::encode::write_sint(&mut self.out.bytes, number))
            }
            None => {
                let text = text.to_string();
                return Err(Fault::new(text + " does not fit into 64 bits; send it as text"));
            }
        }
        Ok(())
    }
}

/// A 64-bit integer.
enum Whole {
    Unsigned(u64),
    Signed(i64),
}

fn put_header(out: &mut Vec<u8>, shape: Shape, count: usize) {
    match shape {
        Shape::List => put(rmp::encode::write_array_len(out, count as u32)),
        Shape::Map => put(rmp::encode::write_map_len(out, count as u32)),
    }
}

impl Compound<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
        let encoder = Encoder { out: self.out, nesting: self.nesting, is_item: true };
        item.serialize(encoder).map_err(|fault| fault.in_item(self.count))?;
        self.count += 1;
        Ok(())
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Fault> {
        self.out.is_doubtful |= check_name(key).is_err();
        put_text(&mut self.out.bytes, key);
        let encoder = Encoder { out: self.out, nesting: self.nesting, is_item: false };
        value.serialize(encoder).map_err(|fault| fault.in_entry(key))?;
        self.count += 1;
        Ok(())
    }

    fn finish(self) -> Result<(), Fault> {
        if self.count != self.announced {
            let mut header = Vec::with_capacity(5);
            put_header(&mut header, self.shape, self.count);
            self.out.replace(self.header.0..self.header.1, header);
        }
        Ok(())
    }

    /// Returns the key whose value comes next, for an error.
    fn current_key(&self) -> String {
        match read(&self.out.bytes[self.key..]) {
            Ok((Value::Text(text), _)) => String::from_utf8_lossy(text).into_owned(),
            Ok((Value::Unsigned(number), _)) => number.to_string(),
            Ok((Value::Signed(number), _)) => number.to_string(),
            _ => String::new(),
        }
    }
}

impl<'a> Serializer for Encoder<'a> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Fault> {
        put(rmp::encode::write_bool(&mut self.out.bytes, value));
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Result<(), Fault> {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<(), Fault> {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<(), Fault> {
        self.serialize_i64(number.into())
    }

    fn serialize_i64(self, number: i64) -> Result<(), Fault> {
        put(rmp::encode::write_sint(&mut self.out.bytes, number));
        Ok(())
    }

    fn serialize_i128(self, number: i128) -> Result<(), Fault> {
        let signed = i64::try_from(number).map(Whole::Signed);
        self.whole(signed.or(u64::try_from(number).map(Whole::Unsigned)).ok(), number)
    }

    fn serialize_u8(self, number: u8) -> Result<(), Fault> {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Fault> {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<(), Fault> {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Fault> {
        put(rmp::encode::write_uint(&mut self.out.bytes, number));
        Ok(())
    }

    fn serialize_u128(self, number: u128) -> Result<(), Fault> {
        self.whole(u64::try_from(number).map(Whole::Unsigned).ok(), number)
    }

    fn serialize_f32(self, number: f32) -> Result<(), Fault> {
        match self.is_item {
            true => put(rmp::encode::write_f32(&mut self.out.bytes, number)),
            false => put(rmp::encode::write_f64(&mut self.out.bytes, written_the_same(number))),
        }
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Fault> {
        put(rmp::encode::write_f64(&mut self.out.bytes, number));
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Fault> {
        put_text(&mut self.out.bytes, character.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Fault> {
        put_text(&mut self.out.bytes, text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Fault> {
        put(rmp::encode::write_bin(&mut self.out.bytes, bytes));
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        put(rmp::encode::write_nil(&mut self.out.bytes));
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Fault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        if name == EXTENSION {
            let parts = encode(value)?.into_storage();
            let (kind, body) = extension_parts(parts.as_slice()).ok_or_else(|| {
                Fault::new("an extension of msgpack is a number of 8 bits and bytes")
            })?;
            put(rmp::encode::write_ext_meta(&mut self.out.bytes, body.len() as u32, kind));
            self.out.bytes.extend(body);
            self.out.is_doubtful = true;
            return Ok(());
        }
        let is_ours = matches!(name, ATTACHMENT | ENCODED);
        let Some(storage) = is_ours.then(handover::take).flatten() else {
            return value.serialize(self);
        };
        match name {
            ATTACHMENT => self.out.put_bin_header(storage.size()),
            _ => {
                self.out.is_doubtful |=
                    fit::check_nested(storage.joined().as_slice(), self.nesting)?
            }
        }
        self.out.put(&storage);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        let mut map = self.begin(Shape::Map, Some(1))?;
        map.entry(variant, value)?;
        map.finish()
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, Fault> {
        self.begin(Shape::List, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'a>, Fault> {
        self.begin(Shape::List, Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Compound<'a>, Fault> {
        self.begin(Shape::List, Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, Fault> {
        self.begin_variant(variant, Shape::List, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'a>, Fault> {
        self.begin(Shape::Map, length)
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Compound<'a>, Fault> {
        self.begin(Shape::Map, Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, Fault> {
        self.begin_variant(variant, Shape::Map, length)
    }
}

impl SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
        self.item(item)
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl SerializeTuple for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
        self.item(item)
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl SerializeTupleStruct for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
        self.item(item)
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl SerializeTupleVariant for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
        self.item(item)
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.out.is_doubtful = true;
        self.key = self.out.bytes.len();
        key.serialize(Encoder { out: self.out, nesting: self.nesting, is_item: false })
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let encoder = Encoder { out: self.out, nesting: self.nesting, is_item: false };
        value.serialize(encoder).map_err(|fault| fault.in_entry(&self.current_key()))?;
        self.count += 1;
        Ok(())
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.entry(key, value)
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = Fault;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.entry(key, value)
    }
    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

/// Returns the `f64` with the same decimal form.
fn written_the_same(number: f32) -> f64 {
    let exact = f64::from(number);
    if exact.fract() == 0.0 || !exact.is_finite() {
        return exact;
    }
    // Fast path, without a conversion to text, for decimals of up to three places, which most
    // numbers in applications are. Below 8000 they are farther apart than neighbouring f32 values,
    // so at most one of them rounds to this f32.
    let rounded = (exact * 1000.0).round() / 1000.0;
    if exact.abs() < 8000.0 && rounded as f32 == number {
        return rounded;
    }
    number.to_string().parse().unwrap_or(exact)
}

/// Returns the type and body of an extension, from a list of the two.
fn extension_parts(list: &[u8]) -> Option<(i8, &[u8])> {
    let (Value::List(2), begin) = read(list).ok()? else { return None };
    let (kind, length) = read(&list[begin..]).ok()?;
    let kind = match kind {
        Value::Unsigned(kind) => i8::try_from(kind).ok()?,
        Value::Signed(kind) => i8::try_from(kind).ok()?,
        _ => return None,
    };
    match read(&list[begin + length..]).ok()? {
        (Value::Bytes(body), _) => Some((kind, body)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
