//! Messages.

use std::borrow::Cow;

use bytes::Bytes;

use crate::error::Error;

/// A message. Text and bytes are distinct, as on the wire.
///
/// ```
/// use selvedge_websocket::Message;
///
/// let message = Message::from("grüezi");
/// assert_eq!((message.len(), message.as_bytes()[0]), (7, b'g'));
/// assert!(message.clone().into_bytes().is_err(), "text is not bytes");
/// assert_eq!(message.into_text()?, "grüezi");
/// # Ok::<(), selvedge_websocket::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Size of the content in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the content is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content as bytes, for text and binary messages.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// Returns the text.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for bytes.
    pub fn into_text(self) -> Result<String, Error> {
        match self {
            Message::Text(text) => Ok(text),
            Message::Binary(_) => Err(Error::WrongKind { expected: "text", got: "binary" }),
        }
    }

    /// Returns the bytes.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for text.
    pub fn into_bytes(self) -> Result<Bytes, Error> {
        match self {
            Message::Binary(bytes) => Ok(bytes),
            Message::Text(_) => Err(Error::WrongKind { expected: "binary", got: "text" }),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Message::Text(text.to_owned())
    }
}

impl From<Cow<'_, str>> for Message {
    fn from(text: Cow<'_, str>) -> Self {
        Message::Text(text.into_owned())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Message::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Message::Binary(bytes.into())
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Self {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}
