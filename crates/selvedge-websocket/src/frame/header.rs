//! Headers of frames, and the masking of what follows them (RFC 6455, sections 5.2 and 5.3).

use bytes::BytesMut;

use super::{Opcode, broken};
use crate::error::CloseReason;

/// Maximum size in bytes of a header: two, eight of length, four of mask.
pub(super) const MAX_HEADER: usize = 14;

/// The bit of a message's first frame that says that the message is compressed (RFC 7692, section
/// 6). The bits beside it are never set.
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;

/// A header as it is on the wire.
pub(super) struct Head {
    pub(super) opcode: u8,
    pub(super) last: bool,
    pub(super) compressed: bool,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) length: u64,
}

/// Parses a header. Also returns its size in bytes.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, CloseReason> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & RESERVED != 0 {
        return Err(broken("Reserved bits are set"));
    }
    let (length, rest) = match second & 0x7f {
        126 => match rest.split_first_chunk::<2>() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        length => (u64::from(length), rest),
    };
    // Section 5.2: the shortest form must be used, and the highest bit of the long form is 0.
    let shortest = match second & 0x7f {
        126 => length >= 126,
        127 => length > 0xffff && length >> 63 == 0,
        _ => true,
    };
    if !shortest {
        return Err(broken("A length that is not in its shortest form"));
    }
    let (mask, rest) = if second & 0x80 == 0 {
        (None, rest)
    } else {
        match rest.split_first_chunk::<4>() {
            Some((mask, rest)) => (Some(*mask), rest),
            None => return Ok(None),
        }
    };
    let head = Head {
        opcode: first & 0x0f,
        last: first & 0x80 != 0,
        compressed: first & COMPRESSED != 0,
        mask,
        length,
    };
    Ok(Some((head, bytes.len() - rest.len())))
}

/// Writes the header of a frame that is a whole message or control frame.
pub(crate) fn put_header(
    out: &mut BytesMut,
    opcode: Opcode,
    compressed: bool,
    length: usize,
    mask: Option<[u8; 4]>,
) {
    let mut header = [0; MAX_HEADER];
    header[0] = 0x80 | opcode as u8;
    if compressed {
        header[0] |= COMPRESSED;
    }
    let mut size = 2;
    if let Ok(length) = u8::try_from(length)
        && length < 126
    {
        header[1] = length;
    } else if let Ok(length) = u16::try_from(length) {
        header[1] = 126;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        size = 4;
    } else {
        header[1] = 127;
        header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
        size = 10;
    }
    if let Some(mask) = mask {
        header[1] |= 0x80;
        header[size..size + 4].copy_from_slice(&mask);
        size += 4;
    }
    out.extend_from_slice(&header[..size]);
}

/// Masks or unmasks a piece of a payload that starts `offset` bytes into it (section 5.3).
pub(crate) fn apply_mask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset % 4);
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
