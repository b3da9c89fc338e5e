//! The messages and control frames of a WebSocket, for servers that have queues of their own.
//!
//! Nothing is sent automatically, and only the message that is arriving is kept. A
//! [`Connection`](crate::Connection) is made of these parts.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    task::yield_now,
};

use crate::{
    Role, Stream,
    error::CloseReason,
    frame::{Decoder, MAX_CONTROL, apply_mask, close_payload, may_be_sent, put_header},
    heartbeat::Measured,
};

pub use crate::{
    deflate::Deflated,
    frame::{Event, Opcode},
    gate::Gate,
    heartbeat::{Heartbeat, Traffic},
};

/// Size in bytes at which collected frames are written. Larger payloads are not copied.
const WRITE_BUFFER: usize = 16 * 1024;

/// Number of parts that are written at once.
const MAX_SLICES: usize = 32;

/// Splits a stream whose opening handshake is done. `ahead` contains bytes that were already read
/// from it. A message of more than `max_message` bytes is a [`ReadError::Protocol`] with code 1009.
///
/// `traffic` counts what is read and written, for a [`Heartbeat`].
pub fn split<S: Stream>(
    stream: S,
    ahead: BytesMut,
    role: Role,
    max_message: usize,
    traffic: Arc<Traffic>,
) -> (Reader<S>, Writer<S>) {
    let (reader, writer) = tokio::io::split(Measured::new(stream, traffic));
    let mut decoder = Decoder::new(role, max_message);
    decoder.buffer().extend_from_slice(&ahead);
    let writer = Writer {
        writer,
        masks: Masks::new(role),
        queue: VecDeque::new(),
        queued: 0,
        buffer: BytesMut::new(),
    };
    (Reader { reader, decoder }, writer)
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The peer broke the protocol. The connection must be closed with this reason.
    #[error("the peer broke the WebSocket protocol ({0})")]
    Protocol(CloseReason),
    /// The stream has failed, or has ended without a close frame.
    #[error("the connection was lost: {0}")]
    Lost(io::Error),
}

/// Reads what the peer sends.
#[derive(Debug)]
pub struct Reader<S> {
    reader: ReadHalf<Measured<S>>,
    decoder: Decoder,
}

impl<S: Stream> Reader<S> {
    /// Waits for the next message or control frame.
    ///
    /// # Errors
    /// A [`ReadError`], after which nothing more can be read.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Event, ReadError> {
        self.give_way().await;
        loop {
            if let Some(event) = self.buffered().map_err(ReadError::Protocol)? {
                return Ok(event);
            }
            if self.fill().await.map_err(ReadError::Lost)? == 0 {
                return Err(ReadError::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Sets whether both ends agreed to compression ([`Handshake::accept_compression`]): the peer
    /// may then compress its messages. The maximum size applies to the inflated message.
    ///
    /// [`Handshake::accept_compression`]: crate::Handshake::accept_compression
    pub fn set_compression(&mut self, compression: bool) {
        self.decoder.set_compression(compression);
    }

    /// Changes the maximum size in bytes of a message, from the next frame on.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.decoder.set_max_message(bytes);
    }

    /// Lets other tasks run after much was inflated: the bytes of many messages may have arrived at
    /// once.
    pub(crate) async fn give_way(&mut self) {
        if self.decoder.should_yield() {
            yield_now().await;
        }
    }

    /// Returns the next message or control frame of the bytes that were read.
    pub(crate) fn buffered(&mut self) -> Result<Option<Event>, CloseReason> {
        self.decoder.next()
    }

    /// Whether a message has begun to arrive.
    pub(crate) fn in_progress(&self) -> bool {
        self.decoder.in_progress()
    }

    /// Reads more bytes, and returns how many; 0 at the end of the stream.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        let Some((content, room)) = self.decoder.content() else {
            let buffer = self.decoder.buffer();
            let room = buffer.capacity() - buffer.len();
            let count = self.reader.read_buf(buffer).await?;
            self.decoder.arrived(count, room);
            return Ok(count);
        };
        let count = self.reader.read_buf(&mut content.limit(room)).await?;
        self.decoder.took(count);
        Ok(count)
    }

    /// Reads and drops everything until the end of the stream.
    pub(crate) async fn drain(&mut self) {
        let mut rest = [0; 1024];
        while self.reader.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }
}

/// Writes what is sent to the peer.
///
/// Small frames are collected. Large payloads are written from where they are, together with what
/// was collected before them.
#[derive(Debug)]
pub struct Writer<S> {
    writer: WriteHalf<Measured<S>>,
    masks: Masks,
    /// What is written first.
    queue: VecDeque<Bytes>,
    /// Bytes in the queue.
    queued: usize,
    /// What follows the queue.
    buffer: BytesMut,
}

impl<S: Stream> Writer<S> {
    /// Writes a message, a ping or a pong, or keeps it for the next write; [`flush`](Self::flush)
    /// sends what is kept. The parts of the payload are sent one after another, by reference if
    /// they are large. Text is not checked: it must be UTF-8.
    ///
    /// # Errors
    /// Those of the stream; [`io::ErrorKind::InvalidInput`] for a ping or pong of more than 125
    /// bytes, or for a close frame, which [`close`](Self::close) sends.
    ///
    /// # Cancellation
    /// The frame is kept, and [`flush`](Self::flush) sends it.
    pub async fn feed(&mut self, opcode: Opcode, parts: &[Bytes]) -> io::Result<()> {
        let size = parts.iter().map(Bytes::len).sum();
        match opcode {
            Opcode::Text | Opcode::Binary => {}
            Opcode::Ping | Opcode::Pong if size <= MAX_CONTROL => {}
            Opcode::Ping | Opcode::Pong => {
                return Err(invalid("a ping or pong has at most 125 bytes"));
            }
            Opcode::Close => return Err(invalid("a close frame is sent with `close`")),
        }
        self.put(opcode, false, parts, size)?;
        self.write_if_full().await
    }

    /// Writes a compressed message like [`feed`](Self::feed). The peer must have agreed to
    /// compression. With [`Opcode::Text`], the inflated message must be UTF-8; this is not checked.
    ///
    /// # Errors
    /// Those of the stream; [`io::ErrorKind::InvalidInput`] for control frames.
    ///
    /// # Cancellation
    /// The frame is kept, and [`flush`](Self::flush) sends it.
    pub async fn feed_deflated(&mut self, opcode: Opcode, message: &Deflated) -> io::Result<()> {
        if !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(invalid("only messages are compressed"));
        }
        let content = message.content();
        self.put(opcode, true, std::slice::from_ref(content), content.len())?;
        self.write_if_full().await
    }

    async fn write_if_full(&mut self) -> io::Result<()> {
        if self.queued + self.buffer.len() >= WRITE_BUFFER {
            self.write().await?;
        }
        Ok(())
    }

    /// Keeps a frame for the next write.
    fn put(
        &mut self,
        opcode: Opcode,
        compressed: bool,
        parts: &[Bytes],
        size: usize,
    ) -> io::Result<()> {
        let mask = self.masks.next()?;
        put_header(&mut self.buffer, opcode, compressed, size, mask);
        if mask.is_none() && size > WRITE_BUFFER {
            let before = self.buffer.split().freeze();
            self.queued += before.len() + size;
            self.queue.push_back(before);
            self.queue.extend(parts.iter().cloned());
            return Ok(());
        }
        let start = self.buffer.len();
        parts.iter().for_each(|part| self.buffer.extend_from_slice(part));
        if let Some(mask) = mask {
            apply_mask(&mut self.buffer[start..], mask, 0);
        }
        Ok(())
    }

    /// Whether nothing is kept for the next write.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.queue.is_empty()
    }

    /// Sends what is kept.
    ///
    /// # Errors
    /// Those of the stream.
    ///
    /// # Cancellation
    /// What was not sent is kept.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.write().await?;
        self.writer.flush().await
    }

    /// Sends what is kept, and then a close frame. The stream stays open. Code 1005 sends a frame
    /// without code and text; a text of more than 123 bytes is cut.
    ///
    /// # Errors
    /// Those of the stream; [`io::ErrorKind::InvalidInput`] for a code that must not be sent, such
    /// as 1006 (RFC 6455, section 7.4).
    ///
    /// # Cancellation
    /// The close frame is kept. Only [`flush`](Self::flush) may follow, which sends it.
    pub async fn close(&mut self, reason: &CloseReason) -> io::Result<()> {
        if reason.code != 1005 && !may_be_sent(reason.code) {
            return Err(invalid("a close code that must not be sent"));
        }
        let payload = close_payload(reason);
        self.put(Opcode::Close, false, std::slice::from_ref(&payload), payload.len())?;
        self.flush().await
    }

    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }

    /// Writes what is kept. Cancellation loses nothing: what was written is taken away at once.
    async fn write(&mut self) -> io::Result<()> {
        while !self.queue.is_empty() {
            let written = poll_fn(|context| self.poll_write(context)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.advance(written);
        }
        self.writer.write_all_buf(&mut self.buffer).await?;
        if self.buffer.capacity() > 4 * WRITE_BUFFER {
            self.buffer = BytesMut::new();
        }
        Ok(())
    }

    /// Writes the first parts of the queue.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let parts = self.queue.iter().map(|part| &part[..]).chain([&self.buffer[..]]);
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        let count = MAX_SLICES.min(self.queue.len() + 1);
        Pin::new(&mut self.writer).poll_write_vectored(context, &slices[..count])
    }

    /// Takes away what was written.
    fn advance(&mut self, mut written: usize) {
        while let Some(part) = self.queue.front_mut() {
            if written < part.len() {
                part.advance(written);
                self.queued -= written;
                return;
            }
            written -= part.len();
            self.queued -= part.len();
            self.queue.pop_front();
        }
        self.buffer.advance(written);
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// The masks of a client's frames, which must be unpredictable (RFC 6455, section 5.3).
#[derive(Debug)]
struct Masks {
    /// Random bytes from the system, for many frames at a time; `None` for a server.
    pool: Option<Box<[u8; 256]>>,
    used: usize,
}

impl Masks {
    fn new(role: Role) -> Self {
        Masks { pool: (role == Role::Client).then(|| Box::new([0; 256])), used: 256 }
    }

    fn next(&mut self) -> io::Result<Option<[u8; 4]>> {
        let Some(pool) = &mut self.pool else {
            return Ok(None);
        };
        if self.used == pool.len() {
            getrandom::fill(&mut pool[..]).map_err(|error| io::Error::other(error.to_string()))?;
            self.used = 0;
        }
        let at = self.used;
        self.used += 4;
        Ok(Some([pool[at], pool[at + 1], pool[at + 2], pool[at + 3]]))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;
    use crate::{Connection, Message, Options};

    #[tokio::test]
    async fn frames_that_no_peer_accepts_are_not_sent() {
        let (here, mut there) = duplex(1024);
        let (reader, mut writer) =
            split(here, BytesMut::new(), Role::Server, 1024, Traffic::new(None));
        let long = Bytes::from_static(&[0; MAX_CONTROL + 1]);
        for opcode in [Opcode::Ping, Opcode::Pong] {
            let error = writer.feed(opcode, std::slice::from_ref(&long)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        assert!(writer.feed(Opcode::Close, &[]).await.is_err());
        for code in [0, 999, 1004, 1006, 1015, 2000, 5000] {
            assert!(writer.close(&CloseReason::new(code, "")).await.is_err(), "{code}");
        }
        writer.close(&CloseReason::new(1005, "")).await.unwrap();
        drop((reader, writer));
        let mut sent = Vec::new();
        there.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, [0x88, 0]);
    }

    #[tokio::test]
    async fn large_messages_leave_no_large_buffers_behind() {
        let size = 8 << 20;
        let (here, there) = duplex(64 * 1024);
        let (mut reader, mut writer) =
            split(here, BytesMut::new(), Role::Server, size, Traffic::new(None));
        let options = Options::new().max_message_size(size).receive_queue(4, 2 * size);
        let peer = Connection::over(there, Role::Client, options.send_buffer(2 * size));
        let large: Bytes = (0..size).map(|at| (at / 7) as u8).collect();
        let sending = async {
            writer.feed(Opcode::Binary, std::slice::from_ref(&large)).await.unwrap();
            writer.feed(Opcode::Binary, &[Bytes::from_static(b"small")]).await.unwrap();
            writer.flush().await.unwrap();
        };
        let receiving = async {
            assert!(peer.receive().await.unwrap() == Message::Binary(large.clone()));
            assert_eq!(
                peer.receive().await.unwrap(),
                Message::Binary(Bytes::from_static(b"small"))
            );
        };
        tokio::join!(sending, receiving);
        assert!(writer.buffer.capacity() <= 4 * WRITE_BUFFER, "{}", writer.buffer.capacity());

        let answering = async {
            peer.send(large.clone()).await.unwrap();
            peer.send(Bytes::from_static(b"small")).await.unwrap();
        };
        let reading = async {
            let mut messages = Vec::new();
            while messages.len() < 2 {
                if let Ok(Event::Message(message)) = reader.next().await {
                    messages.push(message);
                }
            }
            messages
        };
        let (messages, ()) = tokio::join!(reading, answering);
        assert!(messages[0] == Message::Binary(large));
        assert_eq!(messages[1].len(), 5);
        let kept = reader.decoder.buffer().capacity();
        assert!(kept <= 256 * 1024, "{kept}");
    }
}
