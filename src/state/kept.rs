//! The part of a state that outlives the program: values that have changed since its start.
//!
//! Each value is kept together with the initial value that the program had set. The next start
//! restores it only if the program sets the same initial value: if the initial value was changed in
//! the code, the code wins. A kept value of another type than the initial one is not restored
//! either, unless the application has given the key a type.

use std::collections::HashMap;

use selvedge_wslink::Packed;

use super::{KeyName, State, scope};

/// The values that a program sets when it starts, by their names in the store.
pub(crate) type Initial = HashMap<KeyName, Packed>;

/// A value as it was when the program ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    /// The value that the program had set at its start.
    pub(crate) initial: Packed,
    pub(crate) value: Packed,
}

impl State {
    /// Excludes keys from being [kept](crate::StartOptions::keep_state) across restarts: values
    /// that the program computes, results of a job that ends with it, passwords that should not be
    /// in a file.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("speed", 1.5).set("progress", 0.0).transient(&["progress"]);
    /// ```
    pub fn transient(&self, keys: &[&str]) -> &Self {
        let mut transient = self.store.transient.write();
        transient.extend(keys.iter().map(|key| self.name(key).into_owned()));
        drop(transient);
        self
    }

    /// Returns the current values of the keys that may be kept.
    pub(crate) fn keepable(&self) -> Initial {
        let inner = self.store.lock();
        let keepable = inner.all().filter(|(key, _)| self.is_keepable(key));
        keepable.map(|(key, value)| (KeyName::clone(key), value.clone())).collect()
    }

    /// Returns the values that clients have and that differ from the initial ones, in the order of
    /// their keys.
    pub(crate) fn changed_from(&self, initial: &Initial) -> Vec<(KeyName, Kept)> {
        let inner = self.store.lock();
        let changed = inner.pushed.iter().filter_map(|(key, value)| {
            let initial = initial.get(key).filter(|initial| *initial != value)?;
            let kept = Kept { initial: initial.clone(), value: value.clone() };
            self.is_keepable(key).then(|| (KeyName::clone(key), kept))
        });
        changed.collect()
    }

    /// Sets kept values, as changes that are sent together. Returns the keys whose values were
    /// restored.
    pub(crate) fn take_over(&self, kept: Vec<(String, Kept)>) -> Vec<String> {
        let welcome = |(key, Kept { initial, value }): (String, Kept)| {
            // Checks are application code, so no lock may be held.
            let keepable = self.is_keepable(&key);
            let value = keepable.then(|| self.admit_kept(&key, &initial, value))??;
            Some((key, Kept { initial, value }))
        };
        let kept: Vec<_> = kept.into_iter().filter_map(welcome).collect();
        scope::deferred(|| {
            self.change(|inner, writer| {
                let mut taken = Vec::new();
                for (key, kept) in kept {
                    if inner.current(&key) == Some(&kept.initial) {
                        inner.set(&key, kept.value, writer);
                        taken.push(key);
                    }
                }
                taken
            })
        })
    }

    pub(super) fn is_keepable(&self, key: &str) -> bool {
        let transient = self.store.transient.read();
        !super::protection::is_reserved(key) && !transient.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    /// Returns what the state of a first program leaves, by name.
    fn left_by(first: impl Fn(&State), then: impl Fn(&State)) -> Vec<(String, Kept)> {
        let state = State::new();
        first(&state);
        let initial = state.keepable();
        state.ready();
        then(&state);
        state.flush();
        let changed = state.changed_from(&initial);
        changed.into_iter().map(|(key, kept)| (key.to_string(), kept)).collect()
    }

    fn program(state: &State) {
        state.set("count", 0).set("name", "Ada").set("log", "");
    }

    #[test]
    fn only_what_has_changed_is_kept() {
        let kept = left_by(program, |state| {
            state.set("count", 5).set("new", 1).set("trame__title", "x");
        });
        assert_eq!(kept.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["count"]);
        let state = State::new();
        program(&state);
        assert_eq!(state.take_over(kept), ["count"]);
        assert_eq!(state.get::<i64>("count").unwrap(), 5);
        assert_eq!(state.get::<String>("name").unwrap(), "Ada");
    }

    #[test]
    fn a_kept_value_is_ignored_where_the_code_starts_with_another_one() {
        let kept = left_by(program, |state| {
            state.set("count", 5).set("name", "Bob").set("log", "x");
        });
        let state = State::new();
        state.set("count", 0.0).set("name", "Eve");
        assert_eq!(state.take_over(kept), Vec::<String>::new());
        assert_eq!(state.get::<f64>("count").unwrap(), 0.0);
        assert_eq!(state.get::<String>("name").unwrap(), "Eve");
        assert!(!state.has("log"));
    }

    #[test]
    fn transient_keys_of_either_program_are_left_out() {
        let transient = |state: &State| {
            program(state);
            state.transient(&["log"]);
        };
        let change = |state: &State| {
            state.set("log", "line").set("count", 1);
        };
        assert_eq!(left_by(transient, change).len(), 1);
        let state = State::new();
        transient(&state);
        assert_eq!(state.take_over(left_by(program, change)), ["count"]);
        let child = state.translated(crate::state::Translator::with_prefix("p_"));
        child.set("x", 1).transient(&["x"]);
        assert!(!state.keepable().contains_key("p_x"));
    }

    #[test]
    fn a_value_that_the_check_of_its_key_refuses_is_left_out() {
        let kept = left_by(program, |state| {
            state.set("count", 500).set("name", 7);
        });
        let state = State::new();
        program(&state);
        state.validate("name", |_: String| Ok(())).validate("count", |count: i64| match count {
            0..100 => Ok(()),
            _ => Err(Failure::msg("too many")),
        });
        assert_eq!(state.take_over(kept), Vec::<String>::new());
    }

    #[test]
    fn a_value_of_another_type_is_left_out_unless_the_key_has_one() {
        let first = |state: &State| {
            state.set("count", 0).set("limit", 5.0).set("choice", ()).set("ratio", 1);
        };
        let kept = left_by(first, |state| {
            state.set("count", "").set("limit", ()).set("choice", "a").set("ratio", 0.5);
        });
        let state = State::new();
        first(&state);
        assert_eq!(state.take_over(kept.clone()), ["choice", "ratio"]);
        let state = State::new();
        first(&state);
        state.key::<Option<f64>>("limit");
        assert_eq!(state.take_over(kept), ["limit", "choice", "ratio"]);
    }

    #[test]
    fn keys_of_the_framework_are_refused_whatever_is_in_the_file() {
        let state = State::new();
        state.set("trame__template_main", "new");
        let nil = Packed::encode("new").unwrap();
        let kept = Kept { initial: nil, value: Packed::encode("old").unwrap() };
        assert!(state.take_over(vec![("trame__template_main".into(), kept)]).is_empty());
        assert_eq!(state.get::<String>("trame__template_main").unwrap(), "new");
    }
}
