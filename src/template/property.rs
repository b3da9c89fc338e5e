//! Values of properties and events.

use std::fmt::Write;

use serde::Serialize;

use crate::wire::Packed;

/// The value of a property, see [`Element::prop`](super::Element::prop).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Prop {
    /// A text as it is.
    Literal(String),
    /// A JavaScript expression.
    Expression(String),
    /// The name of a state key, which is set to this value unless it was set before.
    Key(String, Packed),
    /// Present, or bound to false.
    Flag(bool),
    /// Styles, or other pairs of name and value.
    Pairs(Vec<(String, String)>),
    /// Attributes as they stand in a template, for `raw_attrs`.
    List(Vec<String>),
    /// What runs on an event.
    Handler(Handler),
    /// Nothing: the element does not have the property.
    Absent,
}

impl Prop {
    /// What it is, in an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Prop::Literal(_) => "a text",
            Prop::Expression(_) => "an expression",
            Prop::Key(..) => "a key",
            Prop::Flag(_) => "true or false",
            Prop::Pairs(_) => "pairs",
            Prop::List(_) => "a list of texts",
            Prop::Handler(_) => "a trigger",
            Prop::Absent => "nothing",
        }
    }
}

impl From<&str> for Prop {
    fn from(text: &str) -> Self {
        Prop::Literal(text.to_owned())
    }
}

impl From<String> for Prop {
    fn from(text: String) -> Self {
        Prop::Literal(text)
    }
}

impl From<&String> for Prop {
    fn from(text: &String) -> Self {
        Prop::Literal(text.clone())
    }
}

impl From<bool> for Prop {
    fn from(flag: bool) -> Self {
        Prop::Flag(flag)
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        /// The number as text, as in trame.
        impl From<$number> for Prop {
            fn from(number: $number) -> Self {
                Prop::Literal(number.to_string())
            }
        }
    )+};
}

numbers!(i32, i64, u32, u64, usize, f32, f64);

/// A tuple of one expression, as in trame.
impl From<(&str,)> for Prop {
    fn from((expression,): (&str,)) -> Self {
        Prop::Expression(expression.to_owned())
    }
}

/// A tuple of one expression, as in trame.
impl From<(String,)> for Prop {
    fn from((expression,): (String,)) -> Self {
        Prop::Expression(expression)
    }
}

/// A state key and its initial value. One that cannot be encoded becomes nothing.
impl<T: Serialize> From<(&str, T)> for Prop {
    fn from((key, value): (&str, T)) -> Self {
        Prop::Key(key.to_owned(), Packed::encode(&value).unwrap_or(Packed::nil()))
    }
}

/// A trigger with its arguments and keyword arguments, both as JavaScript, as in trame.
impl From<(&str, &str, &str)> for Prop {
    fn from((trigger, args, kwargs): (&str, &str, &str)) -> Self {
        Prop::Handler(Handler::trigger(trigger, &[args, kwargs]))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Prop {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Prop::Pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

impl<const N: usize> From<[&str; N]> for Prop {
    fn from(attributes: [&str; N]) -> Self {
        Prop::List(attributes.map(str::to_owned).into())
    }
}

impl From<Vec<String>> for Prop {
    fn from(attributes: Vec<String>) -> Self {
        Prop::List(attributes)
    }
}

impl From<Handler> for Prop {
    fn from(handler: Handler) -> Self {
        Prop::Handler(handler)
    }
}

impl<P: Into<Prop>> From<Option<P>> for Prop {
    fn from(value: Option<P>) -> Self {
        value.map_or(Prop::Absent, Into::into)
    }
}

/// What runs on an event of an element: JavaScript, or the call of a function of the application.
///
/// Made of a text, of a [`Trigger`](crate::Trigger) and of a [`ControllerFunction`](crate::ControllerFunction).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler(String);

impl Handler {
    /// The call of a trigger. What follows its name is JavaScript.
    pub(crate) fn trigger(name: &str, arguments: &[&str]) -> Self {
        let mut script = format!("trigger({}", script_text(name));
        for argument in arguments {
            script.push_str(", ");
            script.push_str(argument);
        }
        script.push(')');
        Handler(script)
    }

    pub(crate) fn into_script(self) -> String {
        self.0
    }
}

impl From<&str> for Handler {
    fn from(script: &str) -> Self {
        Handler(script.to_owned())
    }
}

impl From<String> for Handler {
    fn from(script: String) -> Self {
        Handler(script)
    }
}

impl From<&String> for Handler {
    fn from(script: &String) -> Self {
        Handler(script.clone())
    }
}

/// A text as a JavaScript string in which Vue finds no braces.
pub(super) fn script_text(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '{' | '}' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing into a string does not fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
