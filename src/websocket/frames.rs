//! The frames of a server's WebSocket, for code that has its own queues: nothing is sent
//! automatically, and only the message that is arriving is kept.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{
    Role, Stream,
    frame::{BINARY, CLOSE, Decoder, Event, PING, PONG, close_payload, put_header},
};
use crate::error::CloseReason;

/// Size in bytes at which collected frames are written. Larger payloads are written directly.
const WRITE_BUFFER: usize = 16 * 1024;

/// Creates both halves of a server's WebSocket over a stream whose opening handshake is done.
/// Messages of more than `max_message` bytes are rejected.
pub(crate) fn server_frames<S: Stream>(
    stream: S,
    max_message: usize,
) -> (FrameReader<S>, FrameWriter<S>) {
    let (reader, writer) = tokio::io::split(stream);
    let decoder = Decoder::new(Role::Server, max_message);
    (FrameReader { reader, decoder }, FrameWriter { writer, buffer: BytesMut::new() })
}

/// Why nothing more can be read.
pub(crate) enum ReadError {
    /// The peer broke the protocol; contains the reason to close its connection with.
    Offence(CloseReason),
    /// The stream has failed, or has ended without a close frame.
    Lost(io::Error),
}

/// Reads what the peer sends.
pub(crate) struct FrameReader<S> {
    reader: ReadHalf<S>,
    decoder: Decoder,
}

impl<S: Stream> FrameReader<S> {
    /// Waits for the next message or control frame.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Event, ReadError> {
        loop {
            if let Some(event) = self.decoder.next().map_err(ReadError::Offence)? {
                return Ok(event);
            }
            match self.reader.read_buf(self.decoder.buffer()).await {
                Ok(0) => return Err(ReadError::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(ReadError::Lost(error)),
            }
        }
    }
}

/// Writes what is sent to the peer.
pub(crate) struct FrameWriter<S> {
    writer: WriteHalf<S>,
    buffer: BytesMut,
}

impl<S: Stream> FrameWriter<S> {
    /// Writes a message of bytes, or keeps it for the next write; [`flush`](Self::flush) sends what
    /// is kept.
    pub(crate) async fn feed(&mut self, payload: &Bytes) -> io::Result<()> {
        put_header(&mut self.buffer, BINARY, payload.len(), None);
        if payload.len() > WRITE_BUFFER {
            self.writer.write_all_buf(&mut self.buffer).await?;
            return self.writer.write_all(payload).await;
        }
        self.buffer.extend_from_slice(payload);
        match self.buffer.len() < WRITE_BUFFER {
            true => Ok(()),
            false => self.writer.write_all_buf(&mut self.buffer).await,
        }
    }

    /// Sends what is kept.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all_buf(&mut self.buffer).await?;
        self.writer.flush().await
    }

    /// Adds a ping. Flush afterwards.
    pub(crate) fn ping(&mut self) {
        put_header(&mut self.buffer, PING, 0, None);
    }

    /// Answers a ping. Flush afterwards.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        put_header(&mut self.buffer, PONG, payload.len(), None);
        self.buffer.extend_from_slice(payload);
    }

    /// Sends what is kept, and then a close frame.
    pub(crate) async fn close(&mut self, reason: &CloseReason) -> io::Result<()> {
        let payload = close_payload(reason);
        put_header(&mut self.buffer, CLOSE, payload.len(), None);
        self.buffer.extend_from_slice(&payload);
        self.flush().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;
    use crate::websocket::{Connection, Message, Options};

    #[tokio::test]
    async fn large_messages_leave_no_large_buffers_behind() {
        let size = 8 << 20;
        let (here, there) = duplex(64 * 1024);
        let (mut reader, mut writer) = server_frames(here, size);
        let options = Options::new().max_message_size(size).receive_queue(4, 2 * size);
        let peer = Connection::over(there, Role::Client, options.send_buffer(2 * size));
        let large = Bytes::from(vec![7; size]);
        let sending = async {
            writer.feed(&large).await.unwrap();
            writer.feed(&Bytes::from_static(b"small")).await.unwrap();
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
