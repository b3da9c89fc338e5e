//! The protocol of wslink 2 and trame: from bytes to values and messages, all its words, and a
//! client of state servers.
//!
//! - [`Packed`]: one msgpack value, encoded once and passed on as bytes, with [`Attachment`] for
//!   bytes and [`Timestamp`] for dates
//! - [`chunk`]: cuts messages into chunks with a 12-byte header, and reassembles them
//! - [`messages`]: requests, replies, errors and publishes, as a server and as a client reads and
//!   writes them
//! - [`words`]: methods, topics, keys of the state and error codes
//! - [`client`] (feature `client`, a default): calls, topics and the state of a server
//!
//! Except for the client, nothing here knows a socket, a clock or a task: functions take bytes and
//! return messages, or the reason why the bytes are invalid. Whatever a peer sends, memory is
//! bounded by the bytes that were received.
//!
//! ```
//! use selvedge_wslink::Packed;
//!
//! let value = Packed::encode(&("text", [1, 2, 3]))?;
//! assert_eq!(value.decode::<(String, Vec<u8>)>()?, ("text".to_owned(), vec![1, 2, 3]));
//! # Ok::<(), selvedge_wslink::Error>(())
//! ```
#![forbid(unsafe_code)]

// - `value`, `extent`, `scan`: reading msgpack without decoding it
// - `fault`: why a value is invalid; `fit`: whether every client can hold a value
// - `encode`, `decode`: Rust values, by serde; `handover`: bytes on their way through serde
// - `storage`: how the bytes of a value are kept; `outgoing`: messages that share them
// - `lists_and_maps`: made of values that are encoded; `filter`: what clients may see of a value
// - `readable`: values as JSON, for logs

mod attachment;
pub mod chunk;
#[cfg(feature = "client")]
pub mod client;
mod client_id;
mod decode;
mod encode;
mod error;
mod extent;
mod fault;
mod filter;
mod fit;
mod handover;
mod lists_and_maps;
pub mod messages;
mod outgoing;
mod packed;
mod readable;
mod scan;
mod storage;
pub mod text;
mod timestamp;
mod value;
pub mod words;

pub use attachment::Attachment;
pub use client_id::ClientId;
pub use decode::{INEXACT, Use};
pub use error::{Error, Result};
pub use fault::Fault;
pub use fit::check_key;
pub use packed::{Kind, Packed};
pub use timestamp::Timestamp;

/// Compiles the examples of the README.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
