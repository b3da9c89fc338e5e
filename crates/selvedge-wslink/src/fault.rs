//! Why a value cannot be encoded or decoded, in the user's terms: the place in the value, what was
//! expected, and what was given. The encoding is not mentioned, except for extensions of msgpack.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};

use crate::text::{SHOWN_TEXT, quoted, shortened, similar};

/// Maximum number of characters shown of a path.
const SHOWN_PATH: usize = 120;

/// What is wrong, and in which part of the value. Small, since every read or write of a value can
/// return it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(Box<Content>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    /// `[3].options`; empty for the value as a whole.
    path: String,
    reason: String,
}

impl Fault {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self::at(String::new(), reason)
    }

    /// Creates a fault at a path such as `[3].options`.
    pub(crate) fn at(path: String, reason: impl Into<String>) -> Self {
        Fault(Box::new(Content { path, reason: reason.into() }))
    }

    /// Returns the fault as one of the list that contains the value.
    pub(crate) fn in_item(mut self, index: usize) -> Self {
        self.0.path.insert_str(0, &format!("[{index}]"));
        self
    }

    /// Returns the fault as one of the map that contains the value.
    pub(crate) fn in_entry(mut self, key: &str) -> Self {
        self.0.path.insert_str(0, &entry(key));
        self
    }

    /// Returns the text for a value of this name, which may be empty. A fault of the whole value
    /// does not name it.
    pub fn of(&self, name: &str) -> String {
        if self.0.path.is_empty() {
            return self.0.reason.clone();
        }
        let path = format!("{name}{}", self.0.path);
        format!("`{}`: {}", shortened(path.trim_start_matches('.'), SHOWN_PATH), self.0.reason)
    }
}

/// Returns the step of a path into a map.
pub(crate) fn entry(key: &str) -> String {
    let is_name = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    match is_name {
        true => format!(".{key}"),
        false => format!("[\"{}\"]", shortened(key, SHOWN_TEXT)),
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of(""))
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Fault::new(message.to_string())
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Fault::new(message.to_string())
    }

    fn invalid_type(given: Unexpected, expected: &dyn Expected) -> Self {
        Fault::new(format!("got {}, expected {expected}", named(&given)))
    }

    fn invalid_value(given: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(given, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Fault::new(format!("got {length} items, expected {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Fault::new(format!("got {}, expected {}", quoted(variant), alternatives(variant, expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let field_is = format!("there is no field `{}`", shortened(field, SHOWN_TEXT));
        match expected.is_empty() {
            true => Fault::new(format!("{field_is}, nor any other")),
            false => Fault::new(format!("{field_is}, expected {}", alternatives(field, expected))),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Fault::new(format!("the field `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Fault::new(format!("the field `{field}` appears twice"))
    }
}

/// Returns the names similar to the given one, or all names if there are none.
fn alternatives(given: &str, known: &'static [&'static str]) -> String {
    let near = similar(known.iter().copied(), given);
    let proposed = if near.is_empty() {
        known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>()
    } else {
        near.iter().map(|name| format!("`{name}`")).collect()
    };
    proposed.join(" or ")
}

/// Describes a value in the user's terms.
fn named(given: &Unexpected) -> String {
    match given {
        Unexpected::Str(text) => format!("the text {}", quoted(text)),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Char(character) => format!("the text {character:?}"),
        Unexpected::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Unexpected::Unit | Unexpected::Option => "nothing (null)".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        Unexpected::NewtypeStruct => "an extension of msgpack".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_named_from_the_outside_in() {
        let fault = Fault::new("it is wrong").in_entry("options").in_item(3).in_entry("a b");
        assert_eq!(fault.of("layers"), "`layers[\"a b\"][3].options`: it is wrong");
        assert_eq!(fault.to_string(), "`[\"a b\"][3].options`: it is wrong");
        assert_eq!(Fault::new("it is wrong").in_entry("x").to_string(), "`x`: it is wrong");
        assert_eq!(Fault::new("it is wrong").of("layers"), "it is wrong");
    }

    #[test]
    fn long_values_are_shortened() {
        let text = named(&Unexpected::Str(&"é".repeat(1_000_000)));
        assert_eq!(text.chars().filter(|c| *c == 'é').count(), SHOWN_TEXT);
        let deep = (0..1000).fold(Fault::new("deep"), |fault, _| fault.in_item(0));
        assert!(deep.to_string().chars().count() < SHOWN_PATH + 20);
    }
}
