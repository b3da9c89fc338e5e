//! Bytes: a `Uint8Array` in the page.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{handover, storage::Storage};

/// Bytes that are sent as msgpack *bin*: a `Uint8Array` in the page, without base64.
///
/// A plain `Vec<u8>` would become a list of numbers. The bytes are shared, not copied, on their way
/// to the clients, and from a client to a callback. A part of a larger buffer keeps all of it in
/// memory. The owner of [`Bytes::from_owner`] may be dropped in any thread, while the server holds
/// its locks: its `Drop` must neither wait nor use the server.
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

/// The name of the newtype whose content is bytes that are handed over.
pub(crate) const ATTACHMENT: &str = "$selvedge_wslink::Attachment";

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Slice<'a>(&'a [u8]);
        impl Serialize for Slice<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        let serialize = || serializer.serialize_newtype_struct(ATTACHMENT, &Slice(&self.0));
        handover::offer(Storage::Whole(self.0.clone()), serialize)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Attachment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                other: D,
            ) -> Result<Attachment, D::Error> {
                other.deserialize_byte_buf(self)
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Attachment, E> {
                let handed_over = handover::take_same(bytes).map(|storage| storage.to_bytes());
                Ok(Attachment(handed_over.unwrap_or_else(|| Bytes::copy_from_slice(bytes))))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Attachment, E> {
                Ok(Attachment(bytes.into()))
            }
        }
        deserializer.deserialize_newtype_struct(ATTACHMENT, Visitor)
    }
}
