//! Bytes to frames and frames to bytes (RFC 6455, section 5), without a socket or a clock.
//!
//! What must hold: a limit is checked against the header of a frame, before its payload is read;
//! text is checked as it arrives, so that the first invalid byte ends the connection, and compressed
//! text when it is complete; memory never exceeds what was received, or one message of the maximum
//! size if it is compressed.

mod header;

use bytes::{Buf, Bytes, BytesMut};
use header::{MAX_HEADER, parse};
pub(crate) use header::{apply_mask, put_header};

use crate::{
    Role, deflate,
    error::{CloseReason, too_big},
    message::Message,
};

/// Maximum size in bytes of a control frame's payload (section 5.5).
pub(crate) const MAX_CONTROL: usize = 125;

/// Bytes to read at a time. Every idle connection keeps a buffer of the smallest size. It grows
/// while reads fill it.
const MIN_READ: usize = 512;
const MAX_READ: usize = 16 * 1024;

/// Size in bytes from which a payload is kept as it was read, instead of being copied.
const READ: usize = 4 * 1024;

/// Number of bytes that are inflated before other tasks get a turn, about 200 µs of work.
const MAX_INFLATED: usize = 64 * 1024;

/// Maximum number of bytes reserved for the rest of a large frame: a header that promises much
/// costs nothing.
const RESERVE: usize = 64 * 1024;

const CONTINUATION: u8 = 0;
const TEXT: u8 = Opcode::Text as u8;
const BINARY: u8 = Opcode::Binary as u8;
const CLOSE: u8 = Opcode::Close as u8;
const PING: u8 = Opcode::Ping as u8;
const PONG: u8 = Opcode::Pong as u8;

/// The kind of a frame (RFC 6455, section 5.2). Messages are sent unfragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A message of text.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// The connection is closed.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

/// A complete message or control frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message(Message),
    /// A ping, which has to be answered with a pong that carries the same bytes.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The peer closes; the code is 1005 if it sent none.
    Close(CloseReason),
}

/// Assembles messages from bytes.
#[derive(Debug)]
pub(crate) struct Decoder {
    role: Role,
    max_message: usize,
    /// Whether the peer may compress messages.
    compression: bool,
    /// Bytes that were inflated since the task of the connection last let others run.
    inflated: usize,
    buffer: BytesMut,
    /// Bytes to read at a time.
    read: usize,
    frame: Option<Frame>,
    message: Option<Partial>,
}

/// A frame whose header has been read.
#[derive(Debug)]
struct Frame {
    opcode: u8,
    last: bool,
    mask: Option<[u8; 4]>,
    left: usize,
    /// Number of payload bytes taken so far, which determines the rotation of the mask.
    taken: usize,
    /// The payload of a control frame, which may arrive in the middle of a message.
    control: BytesMut,
}

impl Frame {
    /// Takes the next piece of the payload, and unmasks it.
    fn take(&mut self, piece: &mut [u8]) {
        if let Some(mask) = self.mask {
            apply_mask(piece, mask, self.taken);
        }
        self.left -= piece.len();
        self.taken += piece.len();
    }
}

/// A message that has arrived in part.
#[derive(Debug)]
struct Partial {
    text: bool,
    compressed: bool,
    content: BytesMut,
    /// Number of bytes of the content that are known to be UTF-8.
    checked: usize,
}

impl Decoder {
    /// Creates a decoder for this side of a connection. It rejects messages of more than
    /// `max_message` bytes, and compressed ones.
    pub(crate) fn new(role: Role, max_message: usize) -> Self {
        Decoder {
            role,
            max_message,
            compression: false,
            inflated: 0,
            buffer: BytesMut::new(),
            read: MIN_READ,
            frame: None,
            message: None,
        }
    }

    /// Sets whether the peer may compress messages.
    pub(crate) fn set_compression(&mut self, compression: bool) {
        self.compression = compression;
    }

    /// Whether so much was inflated that other tasks should run. Counts anew after that.
    pub(crate) fn should_yield(&mut self) -> bool {
        let should_yield = self.inflated >= MAX_INFLATED;
        if should_yield {
            self.inflated = 0;
        }
        should_yield
    }

    /// Changes the maximum size of a message.
    pub(crate) fn set_max_message(&mut self, bytes: usize) {
        self.max_message = bytes;
    }

    /// Returns the buffer for arriving bytes, with room for a read of reasonable size.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        let left = self.frame.as_ref().map_or(0, |frame| frame.left);
        if self.buffer.capacity() - self.buffer.len() < MAX_HEADER.max(left.min(READ)) {
            let room = left.clamp(self.read, RESERVE);
            match self.buffer.is_empty() {
                // `reserve` would keep a larger buffer of the past.
                true => self.buffer = BytesMut::with_capacity(room),
                false => self.buffer.reserve(room),
            }
        }
        &mut self.buffer
    }

    /// Chooses the size of later reads by how much of the room in the buffer one has filled.
    pub(crate) fn arrived(&mut self, count: usize, room: usize) {
        if count == room && count >= self.read {
            self.read = (2 * self.read).min(MAX_READ);
        } else if count <= self.read / 8 {
            self.read = MIN_READ;
        }
    }

    /// Returns the content of a large message that is arriving, and how many bytes of it may be
    /// read next, so that they are not copied from the buffer. [`took`](Self::took) follows.
    pub(crate) fn content(&mut self) -> Option<(&mut BytesMut, usize)> {
        let frame =
            self.frame.as_ref().filter(|frame| frame.opcode < CLOSE && frame.left >= READ)?;
        let message = self.message.as_mut().filter(|_| self.buffer.is_empty())?;
        let content = &mut message.content;
        if content.capacity() == content.len() {
            content.reserve(frame.left.min(RESERVE.max(content.len())));
        }
        let room = content.capacity() - content.len();
        Some((content, room.min(frame.left)))
    }

    /// Records that this many bytes were read into the content of the message that is arriving.
    pub(crate) fn took(&mut self, size: usize) {
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else {
            return;
        };
        let start = message.content.len() - size;
        frame.take(&mut message.content[start..]);
    }

    /// Whether something has arrived in part.
    pub(crate) fn in_progress(&self) -> bool {
        !self.buffer.is_empty() || self.frame.is_some() || self.message.is_some()
    }

    /// Returns the next complete event, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// The close frame to send to a peer that broke the protocol. Nothing more can be read from it.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, CloseReason> {
        loop {
            if self.frame.is_none() {
                match self.header()? {
                    Some(frame) => self.frame = Some(frame),
                    None => return Ok(None),
                }
            }
            if !self.payload()? {
                return Ok(None);
            }
            if let Some(frame) = self.frame.take()
                && let Some(event) = self.complete(frame)?
            {
                return Ok(Some(event));
            }
        }
    }

    fn header(&mut self) -> Result<Option<Frame>, CloseReason> {
        let Some((head, size)) = parse(&self.buffer)? else {
            return Ok(None);
        };
        match (self.role, head.mask.is_some()) {
            (Role::Server, false) => return Err(broken("Frames of clients must be masked")),
            (Role::Client, true) => return Err(broken("Frames of servers must not be masked")),
            _ => {}
        }
        let control = head.opcode >= CLOSE;
        if head.compressed && (!self.compression || control || head.opcode == CONTINUATION) {
            return Err(broken("Reserved bits are set"));
        }
        match head.opcode {
            CLOSE | PING | PONG if !head.last => return Err(broken("A fragmented control frame")),
            CLOSE | PING | PONG if head.length > MAX_CONTROL as u64 => {
                return Err(broken("A control frame of more than 125 bytes"));
            }
            CLOSE | PING | PONG => {}
            CONTINUATION if self.message.is_none() => {
                return Err(broken("A continuation without a message"));
            }
            CONTINUATION => {}
            TEXT | BINARY if self.message.is_some() => {
                return Err(broken("A new message inside another"));
            }
            TEXT | BINARY => {
                self.message = Some(Partial {
                    text: head.opcode == TEXT,
                    compressed: head.compressed,
                    content: BytesMut::new(),
                    checked: 0,
                });
            }
            _ => return Err(broken("An unknown opcode")),
        }
        let before = self.message.as_ref().map_or(0, |m| m.content.len());
        let compressed = self.message.as_ref().is_some_and(|message| message.compressed);
        let limit = match compressed {
            true => deflate::max_content(self.max_message),
            false => self.max_message,
        };
        if !control && head.length > limit.saturating_sub(before) as u64 {
            return Err(too_big(self.max_message));
        }
        self.buffer.advance(size);
        Ok(Some(Frame {
            opcode: head.opcode,
            last: head.last,
            mask: head.mask,
            left: head.length as usize,
            taken: 0,
            control: BytesMut::new(),
        }))
    }

    /// Takes what has arrived of the frame's payload. Returns whether the payload is complete.
    fn payload(&mut self) -> Result<bool, CloseReason> {
        let Some(frame) = &mut self.frame else {
            return Ok(false);
        };
        let size = frame.left.min(self.buffer.len());
        let mut piece = self.buffer.split_to(size);
        frame.take(&mut piece);
        if frame.opcode >= CLOSE {
            frame.control.unsplit(piece);
        } else if let Some(message) = &mut self.message {
            append(&mut message.content, piece, frame.left);
            if message.text && !message.compressed {
                let end = frame.last && frame.left == 0;
                message.check(end)?;
            }
        }
        Ok(frame.left == 0)
    }

    fn complete(&mut self, frame: Frame) -> Result<Option<Event>, CloseReason> {
        let payload = frame.control.freeze();
        match frame.opcode {
            PING => return Ok(Some(Event::Ping(payload))),
            PONG => return Ok(Some(Event::Pong(payload))),
            CLOSE => return close_reason(&payload).map(|reason| Some(Event::Close(reason))),
            _ if !frame.last => return Ok(None),
            _ => {}
        }
        let Some(message) = self.message.take() else {
            return Ok(None);
        };
        let compressed = message.compressed;
        let message = message.finish(self.max_message)?;
        if compressed {
            self.inflated += message.len();
        }
        Ok(Some(Event::Message(message)))
    }
}

/// Adds a piece to a message, and reserves room for some of the rest of the frame.
fn append(content: &mut BytesMut, piece: BytesMut, left: usize) {
    // A small piece is copied, so that a stored message does not keep a whole buffer alive.
    if content.is_empty() && left == 0 && piece.len() >= READ {
        *content = piece;
        return;
    }
    if piece.is_empty() {
        return;
    }
    content.reserve(piece.len() + left.min(RESERVE.max(content.len())));
    content.extend_from_slice(&piece);
}

impl Partial {
    /// Checks the new bytes; at the end of the message the last character must be complete.
    fn check(&mut self, end: bool) -> Result<(), CloseReason> {
        match std::str::from_utf8(&self.content[self.checked..]) {
            Ok(_) => self.checked = self.content.len(),
            // No error length: the rest is the beginning of a character.
            Err(error) if error.error_len().is_none() && !end => {
                self.checked += error.valid_up_to();
            }
            Err(_) => return Err(no_text()),
        }
        Ok(())
    }

    fn finish(mut self, max_message: usize) -> Result<Message, CloseReason> {
        if self.compressed {
            self.content = deflate::inflate(&self.content, max_message)?;
        }
        if !self.text {
            return Ok(Message::Binary(self.content.freeze()));
        }
        String::from_utf8(self.content.into()).map(Message::Text).map_err(|_| no_text())
    }
}

fn close_reason(payload: &[u8]) -> Result<CloseReason, CloseReason> {
    let Some((code, text)) = payload.split_first_chunk::<2>() else {
        return match payload {
            [] => Ok(CloseReason::new(1005, "")),
            _ => Err(broken("A close frame of one byte")),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(broken("A close code that must not be sent"));
    }
    let text = std::str::from_utf8(text).map_err(|_| no_text())?;
    Ok(CloseReason::new(code, text.to_owned()))
}

/// Whether a close frame may carry the code (section 7.4, and the IANA registry).
pub(crate) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Returns the payload of a close frame; empty for 1005. A text that does not fit is cut at a
/// character boundary.
pub(crate) fn close_payload(reason: &CloseReason) -> Bytes {
    if reason.code == 1005 {
        return Bytes::new();
    }
    let text = &reason.reason;
    let mut end = text.len().min(MAX_CONTROL - 2);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    [&reason.code.to_be_bytes(), &text.as_bytes()[..end]].concat().into()
}

fn broken(text: &'static str) -> CloseReason {
    CloseReason::new(1002, text)
}

fn no_text() -> CloseReason {
    CloseReason::new(1007, "Text that is not UTF-8")
}

#[cfg(test)]
mod tests;
