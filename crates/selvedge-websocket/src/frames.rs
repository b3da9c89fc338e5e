//! The messages and control frames of a WebSocket, for servers that have queues of their own.
//!
//! Nothing is sent automatically, and only the message that is arriving is kept. A
//! [`Connection`](crate::Connection) is made of these parts.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::{
    Role, Stream,
    error::CloseReason,
    frame::{Decoder, MAX_CONTROL, apply_mask, close_payload, may_be_sent, put_header},
    heartbeat::Measured,
};

pub use crate::{
    frame::{Event, Opcode},
    heartbeat::{Heartbeat, Traffic},
};

/// Size in bytes at which collected frames are written. Larger payloads are written directly.
const WRITE_BUFFER: usize = 16 * 1024;

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
    let writer = Writer { writer, masks: Masks::new(role), buffer: BytesMut::new() };
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
        loop {
            if let Some(event) = self.buffered().map_err(ReadError::Protocol)? {
                return Ok(event);
            }
            if self.fill().await.map_err(ReadError::Lost)? == 0 {
                return Err(ReadError::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
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
        self.reader.read_buf(self.decoder.buffer()).await
    }

    /// Reads and drops everything until the end of the stream.
    pub(crate) async fn drain(&mut self) {
        let mut rest = [0; 1024];
        while self.reader.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    }
}

/// Writes what is sent to the peer.
#[derive(Debug)]
pub struct Writer<S> {
    writer: WriteHalf<Measured<S>>,
    masks: Masks,
    buffer: BytesMut,
}

impl<S: Stream> Writer<S> {
    /// Writes a message, a ping or a pong, or keeps it for the next write; [`flush`](Self::flush)
    /// sends what is kept. Text is not checked: its bytes must be UTF-8.
    ///
    /// # Errors
    /// Those of the stream; [`io::ErrorKind::InvalidInput`] for a ping or pong of more than 125
    /// bytes, or for a close frame, which [`close`](Self::close) sends.
    ///
    /// # Cancellation
    /// A payload may then be written in part, and nothing more can be sent.
    pub async fn feed(&mut self, opcode: Opcode, payload: &Bytes) -> io::Result<()> {
        match opcode {
            Opcode::Text | Opcode::Binary => {}
            Opcode::Ping | Opcode::Pong if payload.len() <= MAX_CONTROL => {}
            Opcode::Ping | Opcode::Pong => {
                return Err(invalid("a ping or pong has at most 125 bytes"));
            }
            Opcode::Close => return Err(invalid("a close frame is sent with `close`")),
        }
        self.put(opcode, payload).await
    }

    async fn put(&mut self, opcode: Opcode, payload: &Bytes) -> io::Result<()> {
        let mask = self.masks.next()?;
        put_header(&mut self.buffer, opcode, payload.len(), mask);
        if mask.is_none() && payload.len() > WRITE_BUFFER {
            self.writer.write_all_buf(&mut self.buffer).await?;
            return self.writer.write_all(payload).await;
        }
        let start = self.buffer.len();
        self.buffer.extend_from_slice(payload);
        if let Some(mask) = mask {
            apply_mask(&mut self.buffer[start..], mask, 0);
        }
        if self.buffer.len() >= WRITE_BUFFER {
            self.write_buffer().await?;
        }
        Ok(())
    }

    /// Whether nothing is kept for the next write.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Sends what is kept.
    ///
    /// # Errors
    /// Those of the stream.
    ///
    /// # Cancellation
    /// What was not sent is kept.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.write_buffer().await?;
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
    /// The close frame may have been sent or kept. Only [`flush`](Self::flush) may follow.
    pub async fn close(&mut self, reason: &CloseReason) -> io::Result<()> {
        if reason.code != 1005 && !may_be_sent(reason.code) {
            return Err(invalid("a close code that must not be sent"));
        }
        self.put(Opcode::Close, &close_payload(reason)).await?;
        self.flush().await
    }

    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }

    async fn write_buffer(&mut self) -> io::Result<()> {
        self.writer.write_all_buf(&mut self.buffer).await?;
        if self.buffer.capacity() > 4 * WRITE_BUFFER {
            self.buffer = BytesMut::new();
        }
        Ok(())
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
            let error = writer.feed(opcode, &long).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        assert!(writer.feed(Opcode::Close, &Bytes::new()).await.is_err());
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
        let large = Bytes::from(vec![7; size]);
        let sending = async {
            writer.feed(Opcode::Binary, &large).await.unwrap();
            writer.feed(Opcode::Binary, &Bytes::from_static(b"small")).await.unwrap();
            writer.flush().await.unwrap();
        };
        let receiving = async {
            assert_eq!(peer.receive().await.unwrap().len(), size);
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
            let mut sizes = Vec::new();
            while sizes.len() < 2 {
                if let Ok(Event::Message(message)) = reader.next().await {
                    sizes.push(message.len());
                }
            }
            sizes
        };
        let (sizes, ()) = tokio::join!(reading, answering);
        assert_eq!(sizes, [size, 5]);
        let kept = reader.decoder.buffer().capacity();
        assert!(kept <= 256 * 1024, "{kept}");
    }
}
