//! Bytes to messages: msgpack values, chunks and the RPC envelope of wslink 2.
//!
//! Nothing in here knows a socket, a clock or a task: functions take bytes and give messages, or the reason why they
//! are none. Whatever a peer sends, the memory used is bounded by the bytes it really sent.
//!
//! - [`packed`]: one msgpack value, encoded once and passed on as bytes
//! - [`encode`] and [`decode`]: values of Rust, by serde; [`fault`]: why that cannot be
//! - [`fit`]: whether every client can hold a value
//! - [`filter`]: what of a value clients may see
//! - [`chunk`]: the 12-byte header, cutting messages into frames and putting them together again
//! - [`message`]: requests, replies, errors and publishes, as a server reads and writes them
//! - [`client`]: the same from the other side
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
