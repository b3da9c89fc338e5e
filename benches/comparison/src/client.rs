//! Load clients. They do as little as possible, so that they do not slow the server down.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use selvedge_comparison::{
    msgpack::{field, item, put_integer, put_map, put_text, text},
    script::HEADER,
    websocket::{MASK, apply_mask, head, put_header, take},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Time limit for a message that is expected.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection that has sent its hello.
pub(crate) struct Client {
    stream: TcpStream,
    arrived: BytesMut,
    calls: u64,
}

/// Opens a WebSocket. Also returns what has arrived on it.
pub(crate) async fn upgrade(address: SocketAddr, path: &str) -> io::Result<(TcpStream, BytesMut)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut arrived = BytesMut::with_capacity(8192);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let size = loop {
        if stream.read_buf(&mut arrived).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(size) = head(&arrived) {
            break size;
        }
    };
    if !arrived.split_to(size).starts_with(b"HTTP/1.1 101") {
        return Err(io::Error::other("the server opens no WebSocket"));
    }
    Ok((stream, arrived))
}

/// The beginning of a message.
pub(crate) struct Incoming {
    /// The content of the first chunk, without the header.
    content: Bytes,
}

impl Incoming {
    /// Whether this answers a call.
    pub(crate) fn is_answer(&self) -> bool {
        field(&self.content, "id").and_then(text).is_some_and(|id| !id.starts_with("publish:"))
    }

    /// The value of a key in a change of the state, or in a publication.
    pub(crate) fn value(&self, key: &str) -> Option<&[u8]> {
        let result = field(&self.content, "result")?;
        // trame publishes the arguments as a list.
        let map = if result.first()? >> 4 == 9 { item(result, 0)? } else { result };
        field(map, key)
    }

    /// Size of the content in bytes.
    pub(crate) fn size(&self) -> usize {
        self.content.len()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Client> {
        let (stream, arrived) = upgrade(address, "/ws").await?;
        let mut client = Client { stream, arrived, calls: 0 };
        let hello = client.call("wslink.hello", 1, |out| {
            put_map(out, 1);
            put_text(out, "secret");
            put_text(out, "wslink-secret");
        });
        client.send(&hello).await?;
        client.answer().await?;
        Ok(client)
    }

    /// Returns the frame of a call of a method.
    pub(crate) fn call(
        &mut self,
        method: &str,
        count: u8,
        arguments: impl FnOnce(&mut BytesMut),
    ) -> Bytes {
        self.calls += 1;
        let kind = if method.starts_with("wslink.") { "system" } else { "rpc" };
        let mut content = BytesMut::new();
        content.extend_from_slice(&[0; HEADER]);
        put_map(&mut content, 5);
        put_text(&mut content, "wslink");
        put_text(&mut content, "1.0");
        put_text(&mut content, "id");
        put_text(&mut content, &format!("{kind}:c0:{}", self.calls));
        put_text(&mut content, "method");
        put_text(&mut content, method);
        put_text(&mut content, "args");
        content.extend_from_slice(&[0x90 | count]);
        arguments(&mut content);
        put_text(&mut content, "kwargs");
        put_map(&mut content, 0);
        let size = (content.len() - HEADER) as u32;
        content[..4].copy_from_slice(&(self.calls as u32).to_le_bytes());
        content[8..HEADER].copy_from_slice(&size.to_le_bytes());
        let mut frame = BytesMut::with_capacity(content.len() + 16);
        put_header(&mut frame, content.len(), true);
        let start = frame.len();
        frame.extend_from_slice(&content);
        apply_mask(&mut frame[start..], MASK);
        frame.freeze()
    }

    /// Returns the frame of a call of a trigger with numbers.
    pub(crate) fn trigger(&mut self, name: &str, arguments: &[u64]) -> Bytes {
        self.call("trame.trigger", 3, |out| {
            put_text(out, name);
            out.extend_from_slice(&[0x90 | arguments.len() as u8]);
            arguments.iter().for_each(|number| put_integer(out, *number));
            put_map(out, 0);
        })
    }

    /// Returns the frame of an update of `counter`.
    pub(crate) fn update(&mut self, counter: u64) -> Bytes {
        self.call("trame.state.update", 1, |out| {
            out.extend_from_slice(&[0x91]);
            put_map(out, 2);
            put_text(out, "key");
            put_text(out, "counter");
            put_text(out, "value");
            put_integer(out, counter);
        })
    }

    pub(crate) async fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame).await
    }

    /// Waits for the next message.
    pub(crate) async fn next(&mut self) -> io::Result<Incoming> {
        match timeout(ANSWER_TIMEOUT, self.message()).await {
            Ok(message) => message,
            Err(_) => Err(io::Error::other("an expected message did not come")),
        }
    }

    async fn message(&mut self) -> io::Result<Incoming> {
        let mut first: Option<Incoming> = None;
        loop {
            while let Some(frame) = take(&mut self.arrived) {
                if frame.opcode == 8 {
                    return Err(io::Error::other("the server closed the connection"));
                }
                let Some((header, content)) = frame.payload.split_first_chunk::<HEADER>() else {
                    return Err(io::Error::other("the server sent a frame without a header"));
                };
                let number = |at: usize| {
                    header[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
                };
                let (offset, total) = (number(4), number(8));
                let ends = offset as usize + content.len() >= total as usize;
                let incoming =
                    first.take().unwrap_or(Incoming { content: frame.payload.slice(HEADER..) });
                if ends {
                    return Ok(incoming);
                }
                first = Some(incoming);
            }
            self.arrived.reserve(64 * 1024);
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads until the server closes the connection, and answers its close frame.
    pub(crate) async fn until_closed(mut self) {
        while self.next().await.is_ok() {}
        // An error means that the server has not waited for it.
        drop(self.send(&[0x88, 0x80, 0, 0, 0, 0]).await);
    }

    /// Waits for an answer, and drops the pushes before it.
    pub(crate) async fn answer(&mut self) -> io::Result<Incoming> {
        loop {
            let incoming = self.next().await?;
            if incoming.is_answer() {
                return Ok(incoming);
            }
        }
    }

    /// Waits for a push that has this key, and drops what comes before it.
    pub(crate) async fn push(&mut self, key: &str) -> io::Result<Incoming> {
        loop {
            let incoming = self.next().await?;
            if !incoming.is_answer() && incoming.value(key).is_some() {
                return Ok(incoming);
            }
        }
    }
}
