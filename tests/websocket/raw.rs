//! An in-memory peer that sends arbitrary bytes.

use selvedge::websocket::{Connection, Options, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

pub struct Raw {
    pub stream: DuplexStream,
    masks: bool,
}

impl Raw {
    /// Returns a connection, and the raw peer on the other end.
    pub fn facing(role: Role, options: Options) -> (Connection, Raw) {
        Self::with_buffer(role, options, 1 << 20)
    }

    /// Returns a connection and a raw peer, with a buffer of this many bytes between them.
    pub fn with_buffer(role: Role, options: Options, buffer: usize) -> (Connection, Raw) {
        let (here, stream) = tokio::io::duplex(buffer);
        let connection = Connection::over(here, role, options);
        let masks = role == Role::Server;
        (connection, Raw { stream, masks })
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a whole frame.
    pub async fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.write(&self.frame(true, opcode, payload)).await;
    }

    pub fn frame(&self, last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
        let mut frame = vec![opcode | if last { 0x80 } else { 0 }];
        let masked = if self.masks { 0x80 } else { 0 };
        match payload.len() {
            size @ 0..=125 => frame.push(masked | size as u8),
            size @ 126..=0xffff => {
                frame.push(masked | 126);
                frame.extend_from_slice(&(size as u16).to_be_bytes());
            }
            size => {
                frame.push(masked | 127);
                frame.extend_from_slice(&(size as u64).to_be_bytes());
            }
        }
        if self.masks {
            frame.extend_from_slice(&MASK);
        }
        let mask = if self.masks { MASK } else { [0; 4] };
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    pub async fn close(&mut self, code: u16, reason: &str) {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.send(CLOSE, &payload).await;
    }

    /// Returns opcode and payload of the next frame; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let second = self.stream.read_u8().await.ok()?;
        assert_eq!(second & 0x80 != 0, !self.masks, "only clients mask");
        let size = match second & 0x7f {
            126 => self.stream.read_u16().await.ok()? as usize,
            127 => self.stream.read_u64().await.ok()? as usize,
            size => size as usize,
        };
        let mut mask = [0; 4];
        if second & 0x80 != 0 {
            self.stream.read_exact(&mut mask).await.ok()?;
        }
        let mut payload = vec![0; size];
        self.stream.read_exact(&mut payload).await.ok()?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Some((first & 0x0f, payload))
    }

    /// Returns the code of the next frame, which must be a close frame.
    pub async fn close_code(&mut self) -> u16 {
        let (opcode, payload) = self.next().await.expect("a close frame");
        assert_eq!(opcode, CLOSE);
        u16::from_be_bytes([payload[0], payload[1]])
    }
}
