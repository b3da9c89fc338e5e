//! What clients may write: everything except the framework's own keys, keys that the application
//! made read-only, values that the application rejects, and values that some other client could not
//! hold.
//!
//! A key may have types: those of its [handles](State::key) and of its check. A value must be of
//! each of them. A key without a type takes any value, with two exceptions that concern every form:
//! a number is not replaced by the empty text of a field that the user has emptied, and an integer
//! beyond 2^53 is not replaced by a rounded one.
//!
//! Only writes of clients are checked here. The application may set any value.

use std::{
    any::type_name,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use parking_lot::RwLock;
use selvedge_wslink::{INEXACT, Kind, Packed, check_key, words};
use serde::de::DeserializeOwned;

use super::{KeyOf, State};
use crate::{Error, Failure};

/// The application's check of a value.
type Check = Arc<dyn Fn(&Packed) -> Result<(), Failure> + Send + Sync>;

/// A type that the values of a key must have.
#[derive(Clone, Copy)]
struct Type {
    name: &'static str,
    /// Decodes a value of this key. The error says what is wrong with the value.
    decode: fn(&Packed, &str) -> Result<(), Failure>,
    #[cfg(feature = "typescript")]
    shape: fn() -> crate::typescript::shape::Shape,
}

impl Type {
    fn of<T: DeserializeOwned>() -> Self {
        let decode = |value: &Packed, key: &str| caught(|| decode::<T>(value, key).map(drop));
        Type {
            name: type_name::<T>(),
            decode,
            #[cfg(feature = "typescript")]
            shape: crate::typescript::shape::Shape::of::<T>,
        }
    }
}

/// Decodes a value of a key. The error does not name the key.
fn decode<T: DeserializeOwned>(value: &Packed, key: &str) -> Result<T, Failure> {
    value.decode_for(key).map_err(|error| match error {
        selvedge_wslink::Error::Decode { reason, .. } => Error::Callback(reason).into(),
        other => other.into(),
    })
}

/// Runs code of the application. A panic counts as a rejected value.
fn caught<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Failure::msg("the check of this value failed")))
}

/// The types and the check that the values of one key must pass.
#[derive(Clone, Default)]
struct Rule {
    /// The types of the key's handles.
    types: Vec<Type>,
    check: Option<(Type, Check)>,
}

/// The rules of one state.
#[derive(Default)]
pub(super) struct Protection {
    read_only: RwLock<HashSet<String>>,
    rules: RwLock<HashMap<String, Rule>>,
}

impl Protection {
    fn rule(&self, key: &str) -> Rule {
        let rules = self.rules.read();
        rules.get(key).cloned().unwrap_or_default()
    }
}

impl State {
    /// Returns the shape of the type of a key, if it has a type.
    #[cfg(feature = "typescript")]
    pub(crate) fn shape_of(&self, key: &str) -> Option<crate::typescript::shape::Shape> {
        let rule = self.store.protection.rule(key);
        let checked = rule.check.map(|(kind, _)| kind);
        rule.types.into_iter().chain(checked).next().map(|kind| (kind.shape)())
    }

    /// Makes keys read-only for pages. A page that sets one gets an error and the true value.
    ///
    /// The application can still set them. Keys that begin with `trame__` are always read-only.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("temperature", 20.5).read_only(&["temperature", "log"]);
    /// ```
    pub fn read_only(&self, keys: &[&str]) -> &Self {
        let mut read_only = self.store.protection.read_only.write();
        read_only.extend(keys.iter().map(|key| self.name(key).into_owned()));
        drop(read_only);
        self
    }

    /// Checks the values that pages set for a key, before anything else sees them.
    ///
    /// The value is decoded as the check's type, which is itself a check: `validate("n", |_: i64|
    /// Ok(()))` keeps a key an `i64`. The text `""` of a number field that the user has emptied
    /// becomes nothing (`null`) if the type can be nothing, such as `Option<f64>`, and is rejected
    /// otherwise. A page whose value is rejected gets the text of the [`Failure`] and the true
    /// value; other keys of the same message are still set. A check that panics rejects the value.
    /// Each key has one check; a later one replaces it. Checks run on the thread that serves the
    /// page, so they should be quick.
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
        key: impl KeyOf<T>,
        check: impl Fn(T) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> &Self {
        let key = key.as_ref();
        let name = key.to_owned();
        let check: Check = Arc::new(move |value| caught(|| check(decode(value, &name)?)));
        let mut rules = self.store.protection.rules.write();
        rules.entry(self.name(key).into_owned()).or_default().check =
            Some((Type::of::<T>(), check));
        drop(rules);
        self
    }

    /// Rejects values from clients that are not of this type.
    pub(super) fn expect_type<T: DeserializeOwned>(&self, key: &str) {
        let name = self.name(key);
        let is_known = |rule: &Rule| rule.types.iter().any(|known| known.name == type_name::<T>());
        let rules = self.store.protection.rules.read();
        if rules.get(&*name).is_some_and(is_known) {
            return;
        }
        drop(rules);
        let mut rules = self.store.protection.rules.write();
        let rule = rules.entry(name.into_owned()).or_default();
        if !is_known(rule) {
            rule.types.push(Type::of::<T>());
        }
    }

    /// Checks a value that a client sets, and returns it as it is to be stored.
    ///
    /// # Errors
    /// Why the client may not set it.
    pub(crate) fn admit(&self, key: &str, value: Packed) -> Result<Packed, Failure> {
        self.take_from_client(key, value).inspect_err(|failure| {
            self.store.notes.refused(key, failure);
        })
    }

    fn take_from_client(&self, key: &str, value: Packed) -> Result<Packed, Failure> {
        let protection = &self.store.protection;
        let read_only = protection.read_only.read();
        if is_reserved(key) || read_only.contains(key) {
            return Err(Failure::msg("it is read-only"));
        }
        drop(read_only);
        if let Some(reason) = self.refusal_of_store(key) {
            return Err(Failure::msg(reason));
        }
        check_key(key).map_err(|fault| Failure::msg(fault.to_string()))?;
        let value = value.fitting().map_err(|fault| Failure::msg(fault.of(key)))?;
        let rule = protection.rule(key);
        if rule.has_no_type() && (value.is_blank() || value.is_inexact()) {
            let current = self.store.lock().current(key).cloned().unwrap_or(Packed::nil());
            if value.is_blank() && current.kind() == Kind::Number {
                return Err(Failure::msg("got an empty text, expected a number"));
            }
            if value.is_inexact() && current.is_wide() {
                return Err(Failure::msg(format!("got a number {INEXACT}")));
            }
        }
        rule.take(key, value)
    }

    /// Returns a value of a store, which this program or one like it has written; `None` if it does
    /// not pass the rules.
    pub(super) fn admit_recorded(&self, key: &str, value: Packed) -> Option<Packed> {
        let value = value.fitting().ok()?;
        self.store.protection.rule(key).take(key, value).ok()
    }

    /// Returns a kept value as it replaces the initial one; `None` if it does not pass the rules.
    pub(super) fn admit_kept(&self, key: &str, initial: &Packed, kept: Packed) -> Option<Packed> {
        let value = kept.fitting().ok()?;
        let rule = self.store.protection.rule(key);
        let is_of_its_type = initial.is_nil() || initial.kind() == value.kind();
        if rule.has_no_type() && !is_of_its_type {
            return None;
        }
        rule.take(key, value).ok()
    }
}

impl Rule {
    fn has_no_type(&self) -> bool {
        self.types.is_empty() && self.check.is_none()
    }

    /// Checks a value, and replaces an empty text by nil where the types require it. No lock is
    /// held: types and checks are application code.
    fn take(&self, key: &str, value: Packed) -> Result<Packed, Failure> {
        let nil = Packed::nil();
        let is_emptied = value.is_blank() && !self.has_as_type(key, &value);
        let value = if is_emptied && self.has_as_type(key, &nil) { nil } else { value };
        for expected in &self.types {
            (expected.decode)(&value, key)?;
        }
        if let Some((_, check)) = &self.check {
            check(&value)?;
        }
        Ok(value)
    }

    /// Whether a value is of all types.
    fn has_as_type(&self, key: &str, value: &Packed) -> bool {
        let of_check = self.check.iter().map(|(of_check, _)| of_check);
        self.types.iter().chain(of_check).all(|expected| (expected.decode)(value, key).is_ok())
    }
}

/// Whether a key, by its name in the store, belongs to the framework.
pub(super) fn is_reserved(key: &str) -> bool {
    key.starts_with(words::key::RESERVED)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    fn refusal(state: &State, key: &str, value: impl Serialize) -> Option<String> {
        let value = Packed::encode(&value).unwrap();
        state.admit(key, value).err().map(|failure| failure.to_string())
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
        assert_eq!(of_another_type, r#"got the text "nine", expected u8"#);
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
    fn a_type_that_panics_refuses() {
        #[derive(serde::Serialize)]
        struct Odd;
        impl<'de> serde::Deserialize<'de> for Odd {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("odd")
            }
        }
        let state = State::new();
        state.key::<Odd>("of_a_handle");
        state.validate("of_a_check", |_: Odd| Ok(()));
        for key in ["of_a_handle", "of_a_check"] {
            assert_eq!(refusal(&state, key, 1).unwrap(), "the check of this value failed");
            assert!(refusal(&state, key, "").is_some());
        }
    }

    #[test]
    fn an_emptied_field_becomes_null_or_is_refused_for_a_number() {
        let state = State::new();
        state.set("count", 1).set("name", "x").set("open", ());
        let told = "got an empty text, expected a number";
        assert_eq!(refusal(&state, "count", "").as_deref(), Some(told));
        assert_eq!(refusal(&state, "count", " ").as_deref(), Some(told));
        for value in [json!("all"), json!(null), json!(2.5)] {
            assert_eq!(refusal(&state, "count", value), None, "keys have no type");
        }
        assert_eq!(refusal(&state, "name", ""), None);
        assert_eq!(refusal(&state, "open", ""), None);
        state.set("limit", 5.0).key::<Option<f64>>("limit");
        let empty = Packed::encode("").unwrap();
        assert_eq!(state.admit("limit", empty.clone()).unwrap(), Packed::nil());
        state.validate("depth", |depth: Option<u8>| match depth {
            None => Err(Failure::msg("how deep?")),
            Some(_) => Ok(()),
        });
        assert_eq!(refusal(&state, "depth", "").unwrap(), "how deep?");
        state.validate("label", |_: Option<String>| Ok(()));
        assert_eq!(state.admit("label", empty.clone()).unwrap(), empty, "it is a text");
    }

    #[test]
    fn a_number_beyond_53_bits_is_not_replaced_by_a_rounded_one() {
        let state = State::new();
        let id = 1_009_513_310_189_256_287_u64;
        state.set("id", id).set("size", 5);
        let told = refusal(&state, "id", id as f64).unwrap();
        assert!(told.contains("beyond 2^53 a page sends a BigInt"), "{told}");
        assert_eq!(refusal(&state, "id", id + 1), None);
        assert_eq!(refusal(&state, "id", 1.5), None);
        assert_eq!(refusal(&state, "size", 1e20), None, "it may well be no whole number");
    }

    #[test]
    fn handles_give_their_key_a_type() {
        let state = State::new();
        let child = state.translated(crate::state::Translator::with_prefix("p_"));
        child.key::<i64>("count").set(1);
        for value in [json!(""), json!("-"), json!(null), json!(1.5), json!([]), json!(true)] {
            let told = refusal(&state, "p_count", &value).unwrap();
            assert!(told.starts_with("got ") && told.ends_with(", expected i64"), "{told}");
        }
        assert_eq!(refusal(&state, "p_count", 2.0), None);
        state.key::<u8>("p_count");
        assert!(refusal(&state, "p_count", -1).unwrap().contains("got -1, expected u8"));
        assert_eq!(refusal(&state, "p_count", 7), None);
    }

    #[test]
    fn values_that_others_could_not_hold_are_refused_with_their_path() {
        let state = State::new();
        let told = |key: &str, bytes: &'static [u8]| {
            let value = Packed::checked(bytes.into()).unwrap();
            state.admit(key, value).map_err(|failure| failure.to_string())
        };
        assert_eq!(
            told("layers", &[0x91, 0x81, 0xc0, 1]).unwrap_err(),
            "`layers[0]`: a key is nothing (null), but the keys of a map are text or whole numbers"
        );
        assert!(told("__proto__", &[1]).unwrap_err().contains("cannot be a key in a page"));
        assert_eq!(told("rows", &[0x81, 7, 1]).unwrap().as_bytes(), b"\x81\xa17\x01");
    }
}
