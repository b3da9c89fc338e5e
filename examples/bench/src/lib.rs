//! The application that load clients measure, so that each server is measured with the same work: a
//! counter with a derived value, a text that the server changes for all clients, and a stream of
//! binary messages.
#![forbid(unsafe_code)]

mod arguments;

use std::sync::{Mutex, PoisonError};

pub use arguments::arguments;
use bytes::Bytes;
use selvedge::{
    Ctx, Failure, Result, Server,
    calls::Rest,
    values::{Attachment, Packed},
};
use serde::Serialize;

/// Topic on which `stream` publishes.
const STREAM_TOPIC: &str = "bench.stream";

/// Number of digits at the start of each text that `broadcast` sets.
const DIGITS: usize = 8;

/// Maximum size of one text or message, in bytes.
const MAX_SIZE: usize = 1 << 30;

/// Returns the application, with this many further state keys as ballast.
///
/// # Errors
/// None at present; the signature is that of every application.
pub fn app(keys: usize) -> Result<Server> {
    let server = Server::new("bench");
    let state = server.state();
    state.set("counter", 0).set("doubled", 0).set("blob", "");
    for number in 0..keys {
        state.set(format!("item_{number}"), number);
    }
    server.on_change("counter", |cx: Ctx, counter: i64| {
        cx.state().set("doubled", counter.wrapping_mul(2));
    });
    server.trigger("echo", |_: Ctx, arguments: Rest| -> Vec<Packed> { arguments.0 });
    server.trigger("broadcast", broadcast);
    server.trigger("stream", stream);
    server.template("main", include_str!("page.html"));
    Ok(server)
}

/// Sets `blob` to `count` texts one after another, each in a separate push.
fn broadcast(cx: Ctx, size: usize, count: u64, start: u64) -> Result<(), Failure> {
    check(size)?;
    for number in start..start.saturating_add(count) {
        let mut text = format!("{number:0DIGITS$}");
        text.extend(std::iter::repeat_n('x', size.saturating_sub(text.len())));
        cx.state().set("blob", text).flush();
    }
    Ok(())
}

/// Publishes `count` messages of `size` incompressible bytes.
fn stream(cx: Ctx, size: usize, count: u64, start: u64) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Frame {
        seq: u64,
        data: Attachment,
    }
    check(size)?;
    let data = noise(size);
    for seq in start..start.saturating_add(count) {
        let data = data.clone();
        cx.server.publish(STREAM_TOPIC, Frame { seq, data })?;
    }
    Ok(())
}

fn check(size: usize) -> Result<(), Failure> {
    if size > MAX_SIZE {
        return Err(Failure::msg(format!("{size} bytes are too many, {MAX_SIZE} are allowed")));
    }
    Ok(())
}

/// Returns the same bytes each time. The last ones are kept, since to make them takes longer than
/// to send them.
fn noise(size: usize) -> Attachment {
    static LAST: Mutex<Attachment> = Mutex::new(Attachment(Bytes::new()));
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.0.len() != size {
        *last = xorshift(size).into();
    }
    last.clone()
}

/// Returns bytes from a xorshift generator.
fn xorshift(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
