//! Frames of WebSocket, without checks: both ends of a measurement are known.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The mask of all clients. A random one costs the server the same.
pub const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Writes the header of a binary frame.
pub fn put_header(out: &mut BytesMut, size: usize, masked: bool) {
    let mask = u8::from(masked) << 7;
    out.put_u8(0x82);
    match size {
        short @ 0..126 => out.put_u8(mask | short as u8),
        size @ 126..65536 => {
            out.put_u8(mask | 126);
            out.put_u16(size as u16);
        }
        size => {
            out.put_u8(mask | 127);
            out.put_u64(size as u64);
        }
    }
    if masked {
        out.extend_from_slice(&MASK);
    }
}

/// A frame from the peer.
#[derive(Debug)]
pub struct Frame {
    /// Without the bits around it; 8 is a close.
    pub opcode: u8,
    /// Unmasked.
    pub payload: Bytes,
}

/// Takes the next frame out of what has arrived; `None` if it is incomplete.
pub fn take(arrived: &mut BytesMut) -> Option<Frame> {
    let [first, second, ..] = arrived[..] else { return None };
    let (mut start, size) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(*arrived.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*arrived.get(2..)?.first_chunk()?) as usize),
        size => (2, usize::from(size)),
    };
    let mask: Option<[u8; 4]> = match second >> 7 {
        0 => None,
        _ => {
            start += 4;
            Some(*arrived.get(start - 4..)?.first_chunk()?)
        }
    };
    if arrived.len() < start + size {
        arrived.reserve((start + size - arrived.len()).min(1 << 20));
        return None;
    }
    arrived.advance(start);
    let mut payload = arrived.split_to(size);
    if let Some(mask) = mask {
        apply_mask(&mut payload, mask);
    }
    Some(Frame { opcode: first & 0x0f, payload: payload.freeze() })
}

/// Masks or unmasks a payload.
pub fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

/// Returns the size in bytes of the HTTP head at the start, with its empty line; `None` if it is
/// incomplete.
pub fn head(arrived: &[u8]) -> Option<usize> {
    arrived.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|end| end + 4)
}
