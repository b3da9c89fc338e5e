//! Log messages for the developer about a state. Each is logged once, and not before there is a
//! log.
//!
//! A program sets up its state before it runs, and its log may begin with the run. Nothing is
//! logged under a lock.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use parking_lot::{Mutex, RwLock};
use tracing::dispatcher::has_been_set;

use crate::{Error, Failure};

/// Maximum number of messages that wait for a log.
const MOST_WAITING: usize = 100;

#[derive(Default)]
pub(super) struct Notes {
    /// Whether the state is hidden from pages.
    private: AtomicBool,
    odd_names: Told,
    refused: Told,
    waiting: Mutex<Vec<Note>>,
}

enum Note {
    Warning(String),
    Error(String),
}

impl Note {
    fn tell(&self) {
        match self {
            Note::Warning(text) => tracing::warn!("{text}"),
            Note::Error(text) => tracing::error!("{text}"),
        }
    }
}

impl Notes {
    /// Marks the state as hidden from pages.
    pub(super) fn set_private(&self) {
        self.private.store(true, Ordering::Relaxed);
    }

    /// Logs a warning if a name that the application uses cannot be a variable in a template.
    pub(super) fn name(&self, name: &str) {
        let Some(reason) = no_variable(name) else { return };
        if !self.private.load(Ordering::Relaxed) && self.odd_names.is_first(name) {
            self.tell(Note::Warning(format!(
                "the key `{name}` cannot be a variable in a template: {reason}. Choose another name, or read it as trame.state.get('{name}')"
            )));
        }
    }

    /// Logs that a value of the application was not set.
    pub(super) fn not_set(&self, key: &str, error: &Error) {
        self.tell(Note::Error(format!("the key `{key}` was not set: {error}")));
    }

    /// Logs that a client could not set a key.
    pub(super) fn refused(&self, key: &str, failure: &Failure) {
        if self.refused.is_first(key) {
            self.tell(Note::Warning(format!(
                "a page could not set the key {key:?}, which is told once: {failure}"
            )));
        }
    }

    /// Logs the messages that waited for a log.
    pub(super) fn tell_waiting(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting.iter().for_each(Note::tell);
    }

    fn tell(&self, note: Note) {
        if has_been_set() {
            return note.tell();
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() < MOST_WAITING {
            waiting.push(note);
        }
    }
}

/// Names that were already logged.
#[derive(Default)]
struct Told(RwLock<HashSet<String>>);

impl Told {
    /// Maximum number of names to remember: names may be computed from data or come from clients.
    const LIMIT: usize = 100;
    /// Maximum size in bytes of a name to remember.
    const LONGEST: usize = 200;

    fn is_first(&self, name: &str) -> bool {
        if self.0.read().contains(name) {
            return false;
        }
        let mut told = self.0.write();
        told.len() < Self::LIMIT && name.len() <= Self::LONGEST && told.insert(name.to_owned())
    }
}

/// Returns why a name cannot be a variable in a template; `None` if it can.
fn no_variable(name: &str) -> Option<&'static str> {
    /// Names that are taken in templates: helpers and JavaScript's reserved words.
    const TAKEN: [&str; 54] = [
        "arguments",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "flushState",
        "for",
        "function",
        "get",
        "if",
        "import",
        "in",
        "instanceof",
        "let",
        "new",
        "null",
        "registerDecorator",
        "return",
        "set",
        "setAll",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "trame",
        "trigger",
        "true",
        "try",
        "tts",
        "typeof",
        "undefined",
        "utils",
        "var",
        "void",
        "while",
        "window",
        "with",
        "yield",
        "NaN",
        "Infinity",
    ];
    let mut characters = name.chars();
    let starts = |first: char| first.is_alphabetic() || first == '$';
    let goes_on = |next: char| next.is_alphanumeric() || matches!(next, '_' | '$');
    match characters.next() {
        None => Some("it is empty"),
        Some('_') => Some("names that begin with `_` are Vue's own"),
        Some(first) if !starts(first) => Some("a name begins with a letter"),
        _ if !characters.all(goes_on) => Some("a name has letters, digits and `_` only"),
        _ if TAKEN.contains(&name) => Some("the name has a meaning there already"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_variables_are_known() {
        for name in ["a", "trame__template_main", "größe", "$x", "x1", "Date"] {
            assert_eq!(no_variable(name), None, "{name}");
        }
        for name in ["", "a.b", "a b", "1a", "class", "_y", "a-b", "trigger", "null", "a[0]"] {
            assert!(no_variable(name).is_some(), "{name}");
        }
    }

    #[test]
    fn each_name_is_reported_once_and_private_ones_are_not() {
        let notes = Notes::default();
        for name in ["a.b", "fine", "a.b", "class"] {
            notes.name(name);
        }
        assert_eq!(notes.odd_names.0.read().len(), 2);
        assert!(!notes.odd_names.is_first("a.b") && notes.odd_names.is_first("c.d"));
        let private = Notes::default();
        private.set_private();
        private.name("a.b");
        assert!(private.odd_names.is_first("a.b"));
    }

    #[test]
    fn names_that_clients_make_up_are_not_kept() {
        let told = Told::default();
        assert!(!told.is_first(&"x".repeat(1000)));
        let first = (0..1000).filter(|number| told.is_first(&number.to_string())).count();
        assert_eq!(first, Told::LIMIT);
    }
}
