//! Cuts messages into chunks and reassembles them.
//!
//! Every WebSocket message of wslink 2 is binary and contains one chunk: a header of three
//! little-endian 32-bit numbers (message id, offset of this chunk, size of the whole message) and a
//! part of the message. The chunks of a message may arrive in any order and between those of other
//! messages. The memory for unfinished messages never exceeds what was received: a header that
//! promises 4 GiB costs nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Result};

/// Size in bytes of the header of a chunk.
pub const HEADER: usize = 12;

/// Maximum number of unfinished messages of one client.
const MAX_UNFINISHED: usize = 64;

/// Bytes counted for a stored chunk beside its content, so that a flood of tiny chunks is bounded
/// too.
const CHUNK_COST: usize = 64;

/// One message, ready to be sent to any number of clients.
#[derive(Clone, Debug)]
pub struct Outgoing {
    frames: Frames,
    size: usize,
}

#[derive(Clone, Debug)]
enum Frames {
    One(Bytes),
    Many(Arc<[Bytes]>),
}

impl Outgoing {
    /// The chunks in order, each the content of one WebSocket message.
    pub fn frames(&self) -> &[Bytes] {
        match &self.frames {
            Frames::One(frame) => std::slice::from_ref(frame),
            Frames::Many(frames) => frames,
        }
    }

    /// Size in bytes of all chunks together.
    pub fn size(&self) -> usize {
        self.size
    }
}

/// Starts a message: reserves the header, which the content follows.
pub fn new_message(capacity: usize) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(HEADER + capacity);
    buffer.extend_from_slice(&[0; HEADER]);
    buffer
}

/// Cuts a message made with [`new_message`] into chunks of at most `max_frame` bytes, header
/// included.
///
/// # Panics
/// If `max_frame` leaves no room for content.
pub fn finish(mut buffer: BytesMut, max_frame: usize) -> Outgoing {
    assert!(max_frame > HEADER, "a frame of {max_frame} bytes has no room for content");
    let id = next_id();
    let total = (buffer.len() - HEADER) as u32;
    if buffer.len() <= max_frame {
        buffer[..HEADER].copy_from_slice(&header(id, 0, total));
        let size = buffer.len();
        return Outgoing { frames: Frames::One(buffer.freeze()), size };
    }
    let content = buffer.split_off(HEADER);
    let mut frames = Vec::new();
    let mut offset = 0;
    for piece in content.chunks(max_frame - HEADER) {
        let mut frame = BytesMut::with_capacity(HEADER + piece.len());
        frame.extend_from_slice(&header(id, offset, total));
        frame.extend_from_slice(piece);
        frames.push(frame.freeze());
        offset += piece.len() as u32;
    }
    let size = content.len() + frames.len() * HEADER;
    Outgoing { frames: Frames::Many(frames.into()), size }
}

fn header(id: u32, offset: u32, total: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[0..4].copy_from_slice(&id.to_le_bytes());
    bytes[4..8].copy_from_slice(&offset.to_le_bytes());
    bytes[8..12].copy_from_slice(&total.to_le_bytes());
    bytes
}

/// Returns the next message id. Ids must differ only among the messages that are on their way to
/// one client.
fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Reassembles the messages of one client.
#[derive(Debug)]
pub struct Assembler {
    unfinished: HashMap<u32, Unfinished>,
    kept: usize,
    max_message: usize,
}

#[derive(Debug)]
struct Unfinished {
    total: usize,
    received: usize,
    pieces: Vec<(usize, Bytes)>,
}

impl Assembler {
    /// Creates an assembler that rejects messages of more than `max_message` bytes.
    pub fn new(max_message: usize) -> Self {
        Assembler { unfinished: HashMap::new(), kept: 0, max_message }
    }

    /// Changes the limit, which is low until the client has sent its hello.
    pub fn set_max_message(&mut self, max_message: usize) {
        self.max_message = max_message;
    }

    /// Adds a chunk and returns the message that it completes.
    ///
    /// # Errors
    /// [`Error::Protocol`] if the bytes are not a chunk or do not fit the other chunks of the
    /// message, [`Error::MessageTooLarge`] if the message is too large. The connection cannot
    /// continue after an error.
    pub fn accept(&mut self, frame: Bytes) -> Result<Option<Bytes>> {
        if frame.len() < HEADER {
            return Err(broken(format!("a frame of {} bytes has no header", frame.len())));
        }
        let field = |at: usize| {
            u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
        };
        let (id, offset, total) = (field(0), field(4) as usize, field(8) as usize);
        let content = frame.slice(HEADER..);
        if total > self.max_message {
            return Err(Error::MessageTooLarge { size: total, limit: self.max_message });
        }
        if offset + content.len() > total || (content.is_empty() && total > 0) {
            return Err(broken(format!(
                "a chunk of {} bytes at {offset} in a message of {total}",
                content.len()
            )));
        }
        if content.len() == total && !self.unfinished.contains_key(&id) {
            return Ok(Some(content));
        }
        self.keep(id, offset, total, content)
    }

    fn keep(
        &mut self,
        id: u32,
        offset: usize,
        total: usize,
        content: Bytes,
    ) -> Result<Option<Bytes>> {
        if !self.unfinished.contains_key(&id) && self.unfinished.len() == MAX_UNFINISHED {
            return Err(broken(format!("more than {MAX_UNFINISHED} unfinished messages")));
        }
        self.kept += content.len() + CHUNK_COST;
        if self.kept > self.max_message.saturating_mul(2) {
            return Err(broken("too many bytes in unfinished messages".to_owned()));
        }
        let message = self.unfinished.entry(id).or_insert_with(|| Unfinished {
            total,
            received: 0,
            pieces: Vec::new(),
        });
        if message.total != total {
            return Err(broken("chunks of one message that differ in its size".to_owned()));
        }
        message.received += content.len();
        message.pieces.push((offset, content));
        if message.received < total {
            return Ok(None);
        }
        let Some(message) = self.unfinished.remove(&id) else {
            return Ok(None);
        };
        self.kept -= message.received + message.pieces.len() * CHUNK_COST;
        message.join().map(Some)
    }
}

impl Unfinished {
    fn join(mut self) -> Result<Bytes> {
        self.pieces.sort_by_key(|(offset, _)| *offset);
        let mut whole = BytesMut::with_capacity(self.total);
        for (offset, piece) in &self.pieces {
            if *offset != whole.len() {
                return Err(broken("chunks that overlap".to_owned()));
            }
            whole.extend_from_slice(piece);
        }
        Ok(whole.freeze())
    }
}

fn broken(what: String) -> Error {
    Error::Protocol(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &[u8]) -> BytesMut {
        let mut buffer = new_message(content.len());
        buffer.extend_from_slice(content);
        buffer
    }

    fn frame(id: u32, offset: u32, total: u32, content: &[u8]) -> Bytes {
        [&header(id, offset, total)[..], content].concat().into()
    }

    #[test]
    fn a_small_message_is_one_frame() {
        let outgoing = finish(message(b"hello"), 100);
        assert_eq!(outgoing.frames().len(), 1);
        assert_eq!(
            outgoing.frames()[0][4..],
            [0, 0, 0, 0, 5, 0, 0, 0, b'h', b'e', b'l', b'l', b'o']
        );
        assert_eq!(outgoing.size(), 17);
    }

    #[test]
    fn chunks_in_any_order_are_joined() {
        let content: Vec<u8> = (0..=255).collect();
        for max_frame in [13, 20, 100, 267, 268] {
            let outgoing = finish(message(&content), max_frame);
            assert!(outgoing.frames().iter().all(|frame| frame.len() <= max_frame));
            let mut assembler = Assembler::new(100_000);
            let mut whole = None;
            for frame in outgoing.frames().iter().rev() {
                assert!(whole.is_none());
                whole = assembler.accept(frame.clone()).unwrap();
            }
            assert_eq!(whole.unwrap(), content, "frames of {max_frame}");
        }
    }

    #[test]
    fn messages_may_be_interleaved() {
        let mut assembler = Assembler::new(1000);
        assert_eq!(assembler.accept(frame(1, 0, 4, b"ab")).unwrap(), None);
        assert_eq!(assembler.accept(frame(2, 2, 4, b"yz")).unwrap(), None);
        assert_eq!(assembler.accept(frame(3, 0, 1, b"!")).unwrap().unwrap(), "!");
        assert_eq!(assembler.accept(frame(2, 0, 4, b"wx")).unwrap().unwrap(), "wxyz");
        assert_eq!(assembler.accept(frame(1, 2, 4, b"cd")).unwrap().unwrap(), "abcd");
    }

    #[test]
    fn invalid_chunks_are_refused() {
        let refuse = |frames: &[Bytes]| {
            let mut assembler = Assembler::new(1000);
            let (last, before) = frames.split_last().unwrap();
            for frame in before {
                assembler.accept(frame.clone()).unwrap();
            }
            assert!(assembler.accept(last.clone()).is_err());
        };
        refuse(&[Bytes::from_static(b"short")]);
        refuse(&[frame(1, 0, 1001, b"a")]);
        refuse(&[frame(1, 0, u32::MAX, b"a")]);
        refuse(&[frame(1, u32::MAX, 10, b"a")]);
        refuse(&[frame(1, 0, 10, b"")]);
        refuse(&[frame(1, 0, 10, b"aaaaa"), frame(1, 5, 11, b"bbbbb")]);
        refuse(&[frame(1, 0, 10, b"aaaaa"), frame(1, 3, 10, b"bbbbb")]);
    }

    #[test]
    fn unfinished_messages_are_bounded_in_number_and_bytes() {
        let mut assembler = Assembler::new(100_000);
        let refused = (0..1000).find(|id| assembler.accept(frame(*id, 0, 2, b"a")).is_err());
        assert_eq!(refused, Some(MAX_UNFINISHED as u32));

        let mut assembler = Assembler::new(1000);
        let flood = (0..1000).find(|at| assembler.accept(frame(1, *at, 1000, b"a")).is_err());
        assert!(flood.unwrap() < 40, "tiny chunks are counted with their cost");
    }
}
