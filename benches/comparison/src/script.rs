//! What the servers to compare with answer and push: the bytes of the measured application, without
//! its state, listeners and checks.

use std::sync::Mutex;

use bytes::{BufMut, Bytes, BytesMut};

use crate::msgpack::{field, integer, item, put_integer, put_map, put_text, text};

/// Size in bytes of the header of wslink: number, offset, and size of the whole message.
pub const HEADER: usize = 12;

/// A message of wslink in parts, so that large ones are not copied.
pub type Message = Vec<Bytes>;

/// The clients that get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The one that has sent the call.
    Caller,
    /// All others.
    Others,
    /// All of them.
    All,
}

impl To {
    /// Whether a client gets the message.
    pub fn includes(self, is_caller: bool) -> bool {
        match self {
            To::Caller => is_caller,
            To::Others => !is_caller,
            To::All => true,
        }
    }
}

/// The application.
#[derive(Debug)]
pub struct Script {
    /// The answer that has the whole state.
    state: Bytes,
    /// The bytes that `stream` publishes last, which are kept for the next time.
    noise: Mutex<Bytes>,
}

impl Script {
    /// Creates the application with this many keys as ballast.
    pub fn new(keys: usize) -> Self {
        let mut state = BytesMut::new();
        put_map(&mut state, 2);
        put_text(&mut state, "name");
        put_text(&mut state, "bench");
        put_text(&mut state, "state");
        put_map(&mut state, keys + 3);
        for (key, value) in [("counter", 0), ("doubled", 0), ("blob", 0)] {
            put_text(&mut state, key);
            put_integer(&mut state, value);
        }
        for number in 0..keys {
            put_text(&mut state, &format!("item_{number}"));
            put_integer(&mut state, number as u64);
        }
        Script { state: state.freeze(), noise: Mutex::default() }
    }

    /// Handles a message of a client. `send` gets the messages to send, in their order.
    pub fn handle(&self, message: &Bytes, mut send: impl FnMut(To, Message)) -> Option<()> {
        let call = message.get(HEADER..)?;
        let id = field(call, "id")?;
        let args = field(call, "args")?;
        match text(field(call, "method")?)? {
            "trame.trigger" => {
                let arguments = item(args, 1)?;
                match text(item(args, 0)?)? {
                    "echo" => send(To::Caller, answer(id, message.slice_ref(arguments))),
                    name => {
                        let number = |at| integer(item(arguments, at)?);
                        let (size, count, start) = (number(0)? as usize, number(1)?, number(2)?);
                        for number in start..start + count {
                            match name {
                                "broadcast" => send(To::All, blob(number, size)),
                                _ => send(To::All, self.frame(number, size)),
                            }
                        }
                        send(To::Caller, answer(id, Bytes::from_static(&[0xc0])));
                    }
                }
            }
            "trame.state.update" => {
                let counter = field(item(item(args, 0)?, 0)?, "value")?;
                send(To::Caller, answer(id, Bytes::from_static(&[0xc0])));
                send(To::Others, change("counter", integer(counter)?));
                send(To::All, change("doubled", 2 * integer(counter)?));
            }
            "trame.state.get" => send(To::Caller, answer(id, self.state.clone())),
            _ => send(
                To::Caller,
                answer(
                    id,
                    Bytes::from_static(b"\x82\xa8clientID\xa2c0\xaamaxMsgSize\xce\x00\x98\x96\x80"),
                ),
            ),
        }
        Some(())
    }

    fn frame(&self, number: u64, size: usize) -> Message {
        let mut noise = self.noise.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if noise.len() != size {
            *noise =
                (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        }
        let mut start = publication("bench.stream");
        put_map(&mut start, 2);
        put_text(&mut start, "seq");
        put_integer(&mut start, number);
        put_text(&mut start, "data");
        start.put_u8(0xc6);
        start.put_u32(size as u32);
        whole(start, Some(noise.clone()))
    }
}

fn answer(id: &[u8], result: Bytes) -> Message {
    let mut start = opening();
    start.extend_from_slice(id);
    put_text(&mut start, "result");
    // Copying is cheaper than another part of a write.
    if result.len() < 4096 {
        start.extend_from_slice(&result);
        return whole(start, None);
    }
    whole(start, Some(result))
}

fn change(key: &str, value: u64) -> Message {
    let mut start = publication("trame.state.topic");
    put_map(&mut start, 1);
    put_text(&mut start, key);
    put_integer(&mut start, value);
    whole(start, None)
}

fn blob(number: u64, size: usize) -> Message {
    let mut start = publication("trame.state.topic");
    put_map(&mut start, 1);
    put_text(&mut start, "blob");
    let mut content = format!("{number:08}");
    content.extend(std::iter::repeat_n('x', size.saturating_sub(content.len())));
    put_text(&mut start, &content);
    whole(start, None)
}

/// Begins a message, up to the value of its `id`.
fn opening() -> BytesMut {
    let mut start = BytesMut::with_capacity(256);
    start.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    put_map(&mut start, 3);
    put_text(&mut start, "wslink");
    put_text(&mut start, "1.0");
    put_text(&mut start, "id");
    start
}

/// Begins a publication, up to its content.
fn publication(topic: &str) -> BytesMut {
    let mut start = opening();
    put_text(&mut start, &format!("publish:{topic}:0"));
    put_text(&mut start, "result");
    start
}

/// Completes the header.
fn whole(mut start: BytesMut, rest: Option<Bytes>) -> Message {
    let size = start.len() - HEADER + rest.as_ref().map_or(0, Bytes::len);
    start[8..HEADER].copy_from_slice(&(size as u32).to_le_bytes());
    let mut parts = vec![start.freeze()];
    parts.extend(rest);
    parts
}

/// The size of a message in bytes.
pub fn size(message: &Message) -> usize {
    message.iter().map(Bytes::len).sum()
}
