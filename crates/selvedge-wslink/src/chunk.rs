//! Chunks of messages, and how they are reassembled.
//!
//! Every WebSocket message of wslink 2 is binary and contains one chunk: a header of three
//! little-endian 32-bit numbers (message id, offset of this chunk, size of the whole message) and a
//! part of the message. The chunks of a message may arrive in any order and between those of other
//! messages. The memory for unfinished messages never exceeds what was received: a header that
//! promises 4 GiB costs nothing.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Result};

pub use crate::outgoing::{Frame, Outgoing};

/// Size in bytes of the header of a chunk.
pub const HEADER: usize = 12;

/// Maximum number of unfinished messages of one client.
const MAX_UNFINISHED: usize = 64;

/// Bytes counted for a stored chunk beside its content, so that a flood of tiny chunks is bounded
/// too.
const CHUNK_COST: usize = 64;

pub(crate) fn header(id: u32, offset: u32, total: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[0..4].copy_from_slice(&id.to_le_bytes());
    bytes[4..8].copy_from_slice(&offset.to_le_bytes());
    bytes[8..12].copy_from_slice(&total.to_le_bytes());
    bytes
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

    fn frame(id: u32, offset: u32, total: u32, content: &[u8]) -> Bytes {
        [&header(id, offset, total)[..], content].concat().into()
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
