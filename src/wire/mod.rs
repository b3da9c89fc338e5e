//! Bytes to messages: msgpack values, chunks and the RPC envelope of wslink 2.
//!
//! Nothing here knows a socket, a clock or a task: functions take bytes and return messages, or the
//! reason why the bytes are invalid. Whatever a peer sends, memory is bounded by the bytes that
//! were received.
//!
//! - [`packed`]: one msgpack value, encoded once and passed on as bytes
//! - [`encode`] and [`decode`]: Rust values, by serde; [`fault`]: why that fails
//! - [`fit`]: whether every client can hold a value
//! - [`filter`]: what clients may see of a value
//! - [`chunk`]: cuts messages into chunks with a 12-byte header, and reassembles them
//! - [`message`]: requests, replies, errors and publishes, as a server reads and writes them
//! - [`client`]: the same from the client's side
//! - [`readable`]: values as JSON, for logs

pub(crate) mod chunk;
pub(crate) mod client;
mod decode;
mod encode;
pub(crate) mod fault;
mod filter;
pub(crate) mod fit;
pub(crate) mod message;
pub(crate) mod packed;
pub(crate) mod readable;
mod scan;
mod timestamp;
mod value;

pub use message::ClientId;
pub use packed::{Attachment, Packed};
pub use timestamp::Timestamp;

pub(crate) use decode::INEXACT;
pub(crate) use packed::{Kind, fields};
