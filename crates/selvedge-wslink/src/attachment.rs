//! Bytes: a `Uint8Array` in the page.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are sent as msgpack *bin*: a `Uint8Array` in the page, without base64.
///
/// A plain `Vec<u8>` would become a list of numbers.
///
/// ```
/// use selvedge_wslink::{Attachment, Packed};
///
/// let frame = Packed::encode(&Attachment::from(vec![0, 255]))?;
/// assert_eq!(frame.as_bytes(), [0xc4, 2, 0, 255]);
/// # Ok::<(), selvedge_wslink::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment(pub Bytes);

impl<T: Into<Bytes>> From<T> for Attachment {
    fn from(bytes: T) -> Self {
        Attachment(bytes.into())
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Attachment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Attachment, E> {
                Ok(Attachment(Bytes::copy_from_slice(bytes)))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Attachment, E> {
                Ok(Attachment(bytes.into()))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}
