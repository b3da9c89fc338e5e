//! Messages on their way to clients: written once, cut into chunks, and shared by all recipients.
//!
//! Large values are part of a message by reference. Neither writing a message nor cutting it copies
//! them.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::OnceCell;

use crate::{
    chunk::{HEADER, header},
    packed::Packed,
    storage::SHARED,
};

/// Minimum size in bytes of a frame that may be compressed. `selvedge_websocket` compresses nothing
/// smaller.
const COMPRESSED: usize = 1024;

/// One message, ready to be sent to any number of clients.
#[derive(Clone, Debug)]
pub struct Outgoing {
    frames: Frames,
    size: usize,
}

#[derive(Clone, Debug)]
enum Frames {
    One(Frame),
    Many(Arc<[Frame]>),
}

impl Outgoing {
    /// Cuts content into chunks of at most `max_frame` bytes, header included.
    ///
    /// # Panics
    /// If `max_frame` is not more than [`HEADER`], or if the content exceeds 4 GiB.
    pub fn new(content: &[u8], max_frame: usize) -> Self {
        let mut draft = Draft::new(content.len());
        draft.out().put_slice(content);
        draft.finish(max_frame)
    }

    /// The chunks in order, each the content of one WebSocket message.
    pub fn frames(&self) -> &[Frame] {
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

/// The content of one WebSocket message. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Frame(Content);

#[derive(Clone, Debug)]
enum Content {
    /// In one part, and too small to be compressed, as most frames are.
    Small(Bytes),
    Large(Arc<Large>),
}

#[derive(Debug)]
struct Large {
    parts: Vec<Bytes>,
    compressed: OnceCell<Option<Bytes>>,
}

impl Frame {
    fn new(parts: Vec<Bytes>) -> Self {
        match <[Bytes; 1]>::try_from(parts) {
            Ok([single]) if single.len() < COMPRESSED => Frame(Content::Small(single)),
            Ok(single) => Self::large(single.into()),
            Err(parts) => Self::large(parts),
        }
    }

    fn large(parts: Vec<Bytes>) -> Self {
        Frame(Content::Large(Arc::new(Large { parts, compressed: OnceCell::new() })))
    }

    /// The parts that the content is made of, in order.
    pub fn parts(&self) -> &[Bytes] {
        match &self.0 {
            Content::Small(part) => std::slice::from_ref(part),
            Content::Large(large) => &large.parts,
        }
    }

    /// Size of the content in bytes.
    pub fn size(&self) -> usize {
        self.parts().iter().map(Bytes::len).sum()
    }

    /// Returns the content in one piece, which is a copy if there are several parts.
    pub fn to_bytes(&self) -> Bytes {
        match self.parts() {
            [part] => part.clone(),
            parts => parts.concat().into(),
        }
    }

    /// Returns the compressed content. The first recipient compresses it, and all others wait for
    /// that. `None` if `compress` returned that, or if the frame is too small to be compressed, in
    /// which case `compress` is not called.
    ///
    /// # Cancellation
    /// The next recipient compresses it.
    pub async fn compressed<F>(&self, compress: impl FnOnce(Frame) -> F) -> Option<Bytes>
    where
        F: Future<Output = Option<Bytes>>,
    {
        match &self.0 {
            Content::Small(_) => None,
            Content::Large(large) => {
                large.compressed.get_or_init(|| compress(self.clone())).await.clone()
            }
        }
    }
}

/// A message that is being written.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Begins with room for the header.
    start: BytesMut,
    shared: Vec<Bytes>,
    /// What follows the last shared part.
    end: BytesMut,
}

impl Draft {
    /// Starts a message with room for this many bytes that are copied into it.
    pub(crate) fn new(capacity: usize) -> Self {
        let mut start = BytesMut::with_capacity(HEADER + capacity);
        start.extend_from_slice(&[0; HEADER]);
        Draft { start, shared: Vec::new(), end: BytesMut::new() }
    }

    /// Starts a part of a message, which [`into_parts`](Self::into_parts) returns.
    pub(crate) fn without_header(capacity: usize) -> Self {
        Draft { start: BytesMut::with_capacity(capacity), shared: Vec::new(), end: BytesMut::new() }
    }

    /// The place for what comes next.
    pub(crate) fn out(&mut self) -> &mut BytesMut {
        if self.shared.is_empty() { &mut self.start } else { &mut self.end }
    }

    /// Adds a value.
    pub(crate) fn put_value(&mut self, value: &Packed) {
        match value.storage().shared() {
            None => self.out().put_slice(value.as_bytes()),
            Some(parts) => parts.iter().for_each(|part| self.put_part(part)),
        }
    }

    /// Adds bytes, by reference if they are many.
    pub(crate) fn put_part(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED {
            return self.out().put_slice(bytes);
        }
        if !self.end.is_empty() {
            self.shared.push(self.end.split().freeze());
        }
        self.shared.push(bytes.clone());
    }

    /// Cuts the message into chunks of at most `max_frame` bytes, header included.
    ///
    /// # Panics
    /// If `max_frame` leaves no room for content, or if the content exceeds 4 GiB.
    pub(crate) fn finish(mut self, max_frame: usize) -> Outgoing {
        assert!(max_frame > HEADER, "a frame of {max_frame} bytes has no room for content");
        let id = next_id();
        let shared: usize = self.shared.iter().map(Bytes::len).sum();
        let size = self.start.len() + shared + self.end.len();
        assert!(size - HEADER <= u32::MAX as usize, "a message of {size} bytes cannot be sent");
        let total = (size - HEADER) as u32;
        if size <= max_frame {
            self.start[..HEADER].copy_from_slice(&header(id, 0, total));
            return Outgoing { frames: Frames::One(self.into_frame()), size };
        }
        drop(self.start.split_to(HEADER));
        let frames = cut(self.into_parts(), id, total, max_frame - HEADER);
        let size = total as usize + frames.len() * HEADER;
        Outgoing { frames: Frames::Many(frames.into()), size }
    }

    fn into_frame(self) -> Frame {
        match self.shared.is_empty() && self.start.len() < COMPRESSED {
            // Most messages are small, and need no list of parts.
            true => Frame(Content::Small(self.start.freeze())),
            false => Frame::new(self.into_parts()),
        }
    }

    pub(crate) fn into_parts(self) -> Vec<Bytes> {
        let mut parts = Vec::with_capacity(self.shared.len() + 2);
        parts.push(self.start.freeze());
        parts.extend(self.shared);
        parts.push(self.end.freeze());
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// Cuts content into frames, each with at most this many bytes of it.
fn cut(parts: Vec<Bytes>, id: u32, total: u32, max_content: usize) -> Vec<Frame> {
    let begin = |offset: usize| vec![Bytes::copy_from_slice(&header(id, offset as u32, total))];
    let (mut frames, mut frame) = (Vec::new(), begin(0));
    let (mut offset, mut room) = (0, max_content);
    for mut part in parts {
        while !part.is_empty() {
            if room == 0 {
                frames.push(Frame::new(mem::replace(&mut frame, begin(offset))));
                room = max_content;
            }
            let piece = part.split_to(room.min(part.len()));
            room -= piece.len();
            offset += piece.len();
            frame.push(piece);
        }
    }
    frames.push(Frame::new(frame));
    frames
}

/// Returns the next message id. Ids must differ only among the messages that are on their way to
/// one client.
fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attachment, chunk::Assembler};

    /// Joins frames, the last first.
    fn joined(outgoing: &Outgoing) -> Bytes {
        let mut assembler = Assembler::new(100_000_000);
        let mut whole = None;
        for frame in outgoing.frames().iter().rev() {
            assert!(whole.is_none());
            whole = assembler.accept(frame.to_bytes()).unwrap();
        }
        whole.unwrap()
    }

    #[test]
    fn a_small_message_is_one_frame() {
        let outgoing = Outgoing::new(b"hello", 100);
        assert_eq!(outgoing.frames().len(), 1);
        let frame = outgoing.frames()[0].to_bytes();
        assert_eq!(frame[4..], [0, 0, 0, 0, 5, 0, 0, 0, b'h', b'e', b'l', b'l', b'o']);
        assert_eq!(outgoing.size(), 17);
    }

    #[test]
    fn chunks_in_any_order_are_joined() {
        let content: Vec<u8> = (0..=255).collect();
        for max_frame in [13, 20, 100, 267, 268] {
            let outgoing = Outgoing::new(&content, max_frame);
            assert!(outgoing.frames().iter().all(|frame| frame.size() <= max_frame));
            let sizes: usize = outgoing.frames().iter().map(Frame::size).sum();
            assert_eq!(sizes, outgoing.size());
            assert_eq!(joined(&outgoing), content, "frames of {max_frame}");
        }
    }

    #[test]
    fn large_values_are_part_of_each_chunk_by_reference() {
        let contents = [5, 100_000, 200_000, 7].map(|size| Bytes::from(vec![size as u8; size]));
        let values = contents.clone().map(|bytes| Packed::encode(&Attachment(bytes)).unwrap());
        let expected: Vec<u8> = values.iter().flat_map(|value| value.as_bytes().to_vec()).collect();
        for max_frame in [1_000_000, 150_000, 30_000] {
            let mut draft = Draft::new(0);
            values.iter().for_each(|value| draft.put_value(value));
            let outgoing = draft.finish(max_frame);
            assert_eq!(joined(&outgoing), expected);
            let parts = outgoing.frames().iter().flat_map(Frame::parts);
            let copied = parts.filter(|part| {
                let large = contents.iter().filter(|content| content.len() >= SHARED);
                !large.into_iter().any(|content| content.as_ptr_range().contains(&part.as_ptr()))
            });
            assert!(copied.map(Bytes::len).sum::<usize>() < 500, "chunks of {max_frame}");
        }
    }
}
