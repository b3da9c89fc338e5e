//! Values that are set together.

use selvedge_wslink::Packed;
use serde::Serialize;

use super::KeyFor;

/// Values that are set together; see [`State::batch`](crate::State::batch).
#[derive(Debug)]
pub struct Batch {
    pub(super) changes: Vec<(String, selvedge_wslink::Result<Packed>)>,
}

impl Batch {
    /// Adds a value. If it cannot be sent to pages, it is logged and not set.
    pub fn set<V: Serialize>(&mut self, key: impl KeyFor<V>, value: V) -> &mut Self {
        let key = key.as_ref();
        self.changes.push((key.to_owned(), Packed::encode_for(key, &value)));
        self
    }
}
