//! Hands over bytes and encoded values through serde without a copy.
//!
//! serde passes bytes as slices. A type of this crate that is serialized or deserialized by this
//! crate's own encoder and decoder leaves its bytes here instead, in the same thread, and the other
//! side takes them. Any other serializer or deserializer ignores this.

use std::cell::RefCell;

use crate::storage::Storage;

/// The name of the newtype whose content is the encoded value.
pub(crate) const ENCODED: &str = "$selvedge_wslink::Packed";

/// The name of the newtype that represents msgpack extensions in serde.
pub(crate) const EXTENSION: &str = "_ExtStruct";

thread_local! {
    static OFFERED: RefCell<Option<Storage>> = const { RefCell::new(None) };
}

/// Takes an offer back when it is dropped, and restores the one before.
struct Offer(Option<Storage>);

impl Drop for Offer {
    fn drop(&mut self) {
        OFFERED.set(self.0.take());
    }
}

/// Calls a function that may take what is offered.
pub(crate) fn offer<T>(storage: Storage, function: impl FnOnce() -> T) -> T {
    let _before = Offer(OFFERED.replace(Some(storage)));
    function()
}

/// Takes what is offered in this thread.
pub(crate) fn take() -> Option<Storage> {
    OFFERED.take()
}

/// Takes what is offered in this thread if it is this slice.
pub(crate) fn take_same(slice: &[u8]) -> Option<Storage> {
    OFFERED.with_borrow_mut(|offered| {
        offered.take_if(|storage| {
            let same = |part: &[u8]| part.as_ptr() == slice.as_ptr() && part.len() == slice.len();
            storage.slices().next().is_some_and(same)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_offer_ends_with_its_function() {
        let (outer, inner) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100]));
        offer(outer.clone().into(), || {
            assert!(take_same(&inner).is_none());
            offer(inner.clone().into(), || assert!(take_same(&inner).is_some()));
            let panicked = catch_unwind(|| offer(Bytes::from(vec![3; 100]).into(), || panic!()));
            assert!(panicked.is_err());
            assert!(take_same(&outer).is_some() && take().is_none());
        });
        assert!(take().is_none());
    }
}
