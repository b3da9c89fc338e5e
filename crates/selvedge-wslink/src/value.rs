//! Reads the first msgpack value of some bytes, without looking into lists and maps.

use rmp::Marker;

/// Why bytes are not the expected msgpack.
pub(crate) type Malformed = &'static str;

const CUT_OFF: Malformed = "a value is cut off";

/// A value, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// A negative number, or a positive one that was encoded as signed.
    Signed(i64),
    F32(f32),
    F64(f64),
    /// Text that should be UTF-8, but is not checked.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Extension(i8, &'a [u8]),
    /// The number of items that follow.
    List(u32),
    /// The number of entries, each a key and a value, that follow.
    Map(u32),
}

/// Reads a value. Also returns the number of bytes up to the next value, or up to the first item of
/// a list or map.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Result<(Value<'_>, usize), Malformed> {
    let marker = Marker::from_u8(*bytes.first().ok_or("a value is missing")?);
    let mut reader = Reader { bytes, position: 1 };
    let value = match marker {
        Marker::Null => Value::Nil,
        Marker::True => Value::Bool(true),
        Marker::False => Value::Bool(false),
        Marker::FixPos(number) => Value::Unsigned(number.into()),
        Marker::FixNeg(number) => Value::Signed(number.into()),
        Marker::U8 => Value::Unsigned(reader.u8()?.into()),
        Marker::U16 => Value::Unsigned(reader.u16()?.into()),
        Marker::U32 => Value::Unsigned(reader.u32()?.into()),
        Marker::U64 => Value::Unsigned(reader.u64()?),
        Marker::I8 => Value::Signed(reader.u8()?.cast_signed().into()),
        Marker::I16 => Value::Signed(reader.u16()?.cast_signed().into()),
        Marker::I32 => Value::Signed(reader.u32()?.cast_signed().into()),
        Marker::I64 => Value::Signed(reader.u64()?.cast_signed()),
        Marker::F32 => Value::F32(f32::from_bits(reader.u32()?)),
        Marker::F64 => Value::F64(f64::from_bits(reader.u64()?)),
        Marker::FixStr(length) => Value::Text(reader.take(length.into())?),
        Marker::Str8 => Value::Text(reader.sized_u8()?),
        Marker::Str16 => Value::Text(reader.sized_u16()?),
        Marker::Str32 => Value::Text(reader.sized_u32()?),
        Marker::Bin8 => Value::Bytes(reader.sized_u8()?),
        Marker::Bin16 => Value::Bytes(reader.sized_u16()?),
        Marker::Bin32 => Value::Bytes(reader.sized_u32()?),
        Marker::FixExt1 => reader.extension(1)?,
        Marker::FixExt2 => reader.extension(2)?,
        Marker::FixExt4 => reader.extension(4)?,
        Marker::FixExt8 => reader.extension(8)?,
        Marker::FixExt16 => reader.extension(16)?,
        Marker::Ext8 => {
            let length = reader.u8()?;
            reader.extension(length.into())?
        }
        Marker::Ext16 => {
            let length = reader.u16()?;
            reader.extension(length.into())?
        }
        Marker::Ext32 => {
            let length = reader.u32()?;
            reader.extension(length as usize)?
        }
        Marker::FixArray(items) => Value::List(items.into()),
        Marker::Array16 => Value::List(reader.u16()?.into()),
        Marker::Array32 => Value::List(reader.u32()?),
        Marker::FixMap(pairs) => Value::Map(pairs.into()),
        Marker::Map16 => Value::Map(reader.u16()?.into()),
        Marker::Map32 => Value::Map(reader.u32()?),
        Marker::Reserved => return Err("a byte that msgpack reserves"),
    };
    Ok((value, reader.position))
}

/// Reads the parts of a value. Numbers are big endian.
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.position.checked_add(length).ok_or("a length is out of range")?;
        let taken = self.bytes.get(self.position..end).ok_or(CUT_OFF)?;
        self.position = end;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let rest = self.bytes.get(self.position..).ok_or(CUT_OFF)?;
        let array = rest.first_chunk().ok_or(CUT_OFF)?;
        self.position += N;
        Ok(*array)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads a length and then that many bytes.
    fn sized_u8(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u8()?;
        self.take(length.into())
    }

    fn sized_u16(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn sized_u32(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    fn extension(&mut self, length: usize) -> Result<Value<'a>, Malformed> {
        let kind = self.u8()?.cast_signed();
        Ok(Value::Extension(kind, self.take(length)?))
    }
}

/// Size in bytes, by first byte, of values that are complete in themselves and the same for every
/// client: nil, booleans and numbers. 0 for all others.
pub(crate) const PLAIN: [u8; 256] = {
    let mut lengths = [0; 256];
    let mut first = 0;
    while first < 256 {
        lengths[first] = match first {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xca | 0xce | 0xd2 => 5,
            0xcb | 0xcf | 0xd3 => 9,
            _ => 0,
        };
        first += 1;
    }
    lengths
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_are_as_long_as_they_are_read() {
        for (first, length) in (0..=255).zip(PLAIN) {
            let bytes = [&[first], &[0; 300][..]].concat();
            let plain = match read(&bytes) {
                Ok((
                    Value::Nil
                    | Value::Bool(_)
                    | Value::Unsigned(_)
                    | Value::Signed(_)
                    | Value::F32(_)
                    | Value::F64(_),
                    length,
                )) => length,
                _ => 0,
            };
            assert_eq!(plain, usize::from(length), "{first:02x}");
        }
    }
}
