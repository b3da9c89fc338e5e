//! What clients may write: everything, but for the framework's own keys, those that the application keeps to itself, and
//! values that it does not take.
//!
//! Only writes of clients pass through here. The application may set what it likes.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
};

use serde::de::DeserializeOwned;

use super::State;
use crate::{Failure, wire::Packed};

/// Keys with this prefix belong to the framework.
const RESERVED: &str = "trame__";

type Check = Arc<dyn Fn(&Packed) -> Result<(), Failure> + Send + Sync>;

/// The rules of one state.
#[derive(Default)]
pub(super) struct Protection {
    read_only: RwLock<HashSet<String>>,
    checks: RwLock<HashMap<String, Check>>,
}

impl State {
    /// Keys that pages see and cannot set. A page that tries is told so, and gets the true values back.
    ///
    /// The application itself still sets them. Keys that begin with `trame__` are read-only by themselves.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("temperature", 20.5).read_only(&["temperature", "log"]);
    /// ```
    pub fn read_only(&self, keys: &[&str]) -> &Self {
        let mut read_only =
            self.store.protection.read_only.write().unwrap_or_else(PoisonError::into_inner);
        read_only.extend(keys.iter().map(|key| self.name(key).into_owned()));
        drop(read_only);
        self
    }

    /// Checks what pages set a key to, before anybody sees it.
    ///
    /// The value is decoded as the check's type, which is a check in itself. A page whose value is refused is told the
    /// [`Failure`]'s text and gets the true value back; other keys of the same message are set all the same. A check that panics
    /// refuses. There is one check for each key; a later one takes its place. A check may block: later calls of the same page
    /// wait for it.
    ///
    /// ```
    /// use selvedge::Failure;
    ///
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("speed", 10.0).validate("speed", |speed: f64| match speed {
    ///     0.0..=100.0 => Ok(()),
    ///     _ => Err(Failure::msg("the speed has to be between 0 and 100")),
    /// });
    /// ```
    pub fn validate<T: DeserializeOwned>(
        &self,
        key: &str,
        check: impl Fn(T) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> &Self {
        let name = format!("state `{key}`");
        let check: Check = Arc::new(move |value| {
            // The decoding may be the application's code, too.
            catch_unwind(AssertUnwindSafe(|| check(value.decode_as(&name)?)))
                .unwrap_or_else(|_| Err(Failure::msg("the check of this value failed")))
        });
        let mut checks =
            self.store.protection.checks.write().unwrap_or_else(PoisonError::into_inner);
        checks.insert(self.name(key).into_owned(), check);
        drop(checks);
        self
    }

    /// Whether a client may set a key to a value.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn admit(&self, key: &str, value: &Packed) -> Result<(), Failure> {
        let protection = &self.store.protection;
        let read_only = protection.read_only.read().unwrap_or_else(PoisonError::into_inner);
        if is_reserved(key) || read_only.contains(key) {
            return Err(Failure::msg("it is read-only"));
        }
        drop(read_only);
        self.passes_check(key, value)
    }

    /// Whether the application's check of a key takes a value.
    ///
    /// # Errors
    /// What the check says.
    pub(super) fn passes_check(&self, key: &str, value: &Packed) -> Result<(), Failure> {
        let checks = self.store.protection.checks.read().unwrap_or_else(PoisonError::into_inner);
        let check = checks.get(key).cloned();
        drop(checks); // the application's code runs without a lock
        check.map_or(Ok(()), |check| check(value))
    }
}

/// Whether a key, by its name in the store, is the framework's own.
pub(super) fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde::Serialize;

    use super::*;

    fn refusal(state: &State, key: &str, value: impl Serialize) -> Option<String> {
        let value = Packed::encode(&value).unwrap();
        state.admit(key, &value).err().map(|failure| failure.to_string())
    }

    #[test]
    fn keys_of_the_framework_and_read_only_ones_are_refused() {
        let state = State::new();
        state.read_only(&["a"]).read_only(&["b"]);
        for key in ["a", "b", "trame__template_main", "trame__"] {
            assert_eq!(refusal(&state, key, 1).as_deref(), Some("it is read-only"));
        }
        assert_eq!(refusal(&state, "c", 1), None);
        state.set("a", 5);
        assert_eq!(state.get::<i64>("a").unwrap(), 5, "the application may");
    }

    #[test]
    fn a_check_sees_the_value_as_its_type() {
        let state = State::new();
        state.validate(
            "n",
            |n: u8| {
                if n < 10 { Ok(()) } else { Err(Failure::msg("below 10, please")) }
            },
        );
        assert_eq!(refusal(&state, "n", 9), None);
        assert_eq!(refusal(&state, "n", 10).unwrap(), "below 10, please");
        let of_another_type = refusal(&state, "n", "nine").unwrap();
        assert!(of_another_type.contains("state `n` is not a u8"));
        assert!(refusal(&state, "n", -1).is_some());
    }

    #[test]
    fn a_check_may_use_the_state_and_one_that_panics_refuses() {
        let state = State::new();
        let limits = state.clone();
        state.set("most", 3).validate("n", move |n: i64| {
            let most: i64 = limits.get("most")?;
            assert!(n >= 0, "negative");
            if n <= most { Ok(()) } else { Err(Failure::msg("too many")) }
        });
        assert_eq!(refusal(&state, "n", 3), None);
        assert_eq!(refusal(&state, "n", 4).unwrap(), "too many");
        assert!(refusal(&state, "n", -1).is_some());
    }

    #[test]
    fn a_type_that_panics_when_it_is_decoded_refuses() {
        struct Fragile;
        impl<'de> serde::Deserialize<'de> for Fragile {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("not today");
            }
        }
        let state = State::new();
        state.validate("n", |_: Fragile| Ok(()));
        assert_eq!(refusal(&state, "n", 1).unwrap(), "the check of this value failed");
    }
}
