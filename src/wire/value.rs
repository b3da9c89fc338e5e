//! The first msgpack value of some bytes, as far as it can be told without looking into lists and maps.

use rmp::Marker;

use super::scan::Malformed;

/// A value, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// A negative number, or a positive one that was written with a sign.
    Signed(i64),
    F32(f32),
    F64(f64),
    /// Text that should be UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Extension(i8, &'a [u8]),
    /// The number of items that follow.
    List(u32),
    /// The number of keys, each with its value, that follow.
    Map(u32),
}

/// Reads a value, and gives the number of bytes up to the next one or to the first part of this one.
pub(super) fn read(bytes: &[u8]) -> Result<(Value<'_>, usize), Malformed> {
    let marker = Marker::from_u8(*bytes.first().ok_or("a value is missing")?);
    let mut reader = Reader { bytes, position: 1 };
    let value = match marker {
        Marker::Null => Value::Nil,
        Marker::True => Value::Bool(true),
        Marker::False => Value::Bool(false),
        Marker::FixPos(number) => Value::Unsigned(number.into()),
        Marker::FixNeg(number) => Value::Signed(number.into()),
        Marker::U8 => Value::Unsigned(reader.number(1)?),
        Marker::U16 => Value::Unsigned(reader.number(2)?),
        Marker::U32 => Value::Unsigned(reader.number(4)?),
        Marker::U64 => Value::Unsigned(reader.number(8)?),
        Marker::I8 => Value::Signed((reader.number(1)? as i8).into()),
        Marker::I16 => Value::Signed((reader.number(2)? as i16).into()),
        Marker::I32 => Value::Signed((reader.number(4)? as i32).into()),
        Marker::I64 => Value::Signed(reader.number(8)? as i64),
        Marker::F32 => Value::F32(f32::from_bits(reader.number(4)? as u32)),
        Marker::F64 => Value::F64(f64::from_bits(reader.number(8)?)),
        Marker::FixStr(length) => Value::Text(reader.take(length.into())?),
        Marker::Str8 => Value::Text(reader.sized(1)?),
        Marker::Str16 => Value::Text(reader.sized(2)?),
        Marker::Str32 => Value::Text(reader.sized(4)?),
        Marker::Bin8 => Value::Bytes(reader.sized(1)?),
        Marker::Bin16 => Value::Bytes(reader.sized(2)?),
        Marker::Bin32 => Value::Bytes(reader.sized(4)?),
        Marker::FixExt1 => reader.extension(1)?,
        Marker::FixExt2 => reader.extension(2)?,
        Marker::FixExt4 => reader.extension(4)?,
        Marker::FixExt8 => reader.extension(8)?,
        Marker::FixExt16 => reader.extension(16)?,
        Marker::Ext8 => reader.sized_extension(1)?,
        Marker::Ext16 => reader.sized_extension(2)?,
        Marker::Ext32 => reader.sized_extension(4)?,
        Marker::FixArray(items) => Value::List(items.into()),
        Marker::Array16 => Value::List(reader.number(2)? as u32),
        Marker::Array32 => Value::List(reader.number(4)? as u32),
        Marker::FixMap(pairs) => Value::Map(pairs.into()),
        Marker::Map16 => Value::Map(reader.number(2)? as u32),
        Marker::Map32 => Value::Map(reader.number(4)? as u32),
        Marker::Reserved => return Err("a byte that msgpack reserves"),
    };
    Ok((value, reader.position))
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.position.checked_add(length).ok_or("a length is out of range")?;
        let taken = self.bytes.get(self.position..end).ok_or("a value is cut off")?;
        self.position = end;
        Ok(taken)
    }

    /// A big endian number of this many bytes.
    fn number(&mut self, width: usize) -> Result<u64, Malformed> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    /// Bytes behind their length.
    fn sized(&mut self, width: usize) -> Result<&'a [u8], Malformed> {
        let length = self.number(width)?;
        self.take(usize::try_from(length).map_err(|_| "a length is out of range")?)
    }

    fn extension(&mut self, length: usize) -> Result<Value<'a>, Malformed> {
        let kind = self.number(1)? as i8;
        Ok(Value::Extension(kind, self.take(length)?))
    }

    fn sized_extension(&mut self, width: usize) -> Result<Value<'a>, Malformed> {
        let length = self.number(width)?;
        self.extension(usize::try_from(length).map_err(|_| "a length is out of range")?)
    }
}
