//! Hands over bytes and encoded values through serde without a copy.
//!
//! serde passes bytes as slices. A type of this crate that is serialized or deserialized by this
//! crate's own encoder and decoder leaves its bytes here instead, in the same thread, and the other
//! side takes them. Any other serializer or deserializer ignores this.

use std::cell::RefCell;

use crate::storage::Storage;

thread_local! {
    static OFFERED: RefCell<Option<Storage>> = const { RefCell::new(None) };
}

/// Calls a function that may [`take`] what is offered.
pub(crate) fn offer<T>(storage: Storage, function: impl FnOnce() -> T) -> T {
    OFFERED.set(Some(storage));
    let result = function();
    OFFERED.take();
    result
}

/// Takes what is offered in this thread.
pub(crate) fn take() -> Option<Storage> {
    OFFERED.take()
}
