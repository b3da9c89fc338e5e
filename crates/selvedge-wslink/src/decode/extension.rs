//! Extensions of msgpack, which serde represents as a list of type and body.

use serde::{
    Deserializer,
    de::{DeserializeSeed, IntoDeserializer, SeqAccess, Visitor, value::BorrowedBytesDeserializer},
    forward_to_deserialize_any,
};

use crate::fault::Fault;

/// An extension, deserialized as a list of its type and its body.
pub(crate) struct Extension<'de> {
    pub(crate) kind: i8,
    pub(crate) body: &'de [u8],
}

impl<'de> Deserializer<'de> for Extension<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(ExtensionParts { kind: Some(self.kind), body: Some(self.body) })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct ExtensionParts<'de> {
    kind: Option<i8>,
    body: Option<&'de [u8]>,
}

impl<'de> SeqAccess<'de> for ExtensionParts<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if let Some(kind) = self.kind.take() {
            return seed.deserialize(kind.into_deserializer()).map(Some);
        }
        let Some(body) = self.body.take() else { return Ok(None) };
        seed.deserialize(BorrowedBytesDeserializer::new(body)).map(Some)
    }
}
