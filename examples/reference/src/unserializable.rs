//! A value that cannot be encoded in a message.

use serde::{Serialize, Serializer, ser::Error};

pub(crate) struct Unserializable;

impl Serialize for Unserializable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("it stands for a handle of the system"))
    }
}
