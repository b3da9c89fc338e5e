//! Values of properties and event handlers.

use std::fmt::Write;

use selvedge_wslink::Packed;
use serde::Serialize;

/// The value of a property, see [`Element::prop`](super::Element::prop).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Prop {
    /// A literal text.
    Literal(String),
    /// A JavaScript expression.
    Expression(String),
    /// A state key and its initial value, which is used if the key has none yet.
    Key(String, Packed),
    /// A boolean attribute, or an attribute bound to false.
    Flag(bool),
    /// Styles, or other pairs of name and value.
    Pairs(Vec<(String, String)>),
    /// Attributes in template syntax, for `raw_attrs`.
    List(Vec<String>),
    /// An event handler.
    Handler(Handler),
    /// No value: the element does not get the property.
    Absent,
}

impl Prop {
    /// Returns the kind of the value, for error messages.
    pub(crate) fn kind(&self) -> &'static str {
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
        /// Converts the number to text, as trame does.
        impl From<$number> for Prop {
            fn from(number: $number) -> Self {
                Prop::Literal(number.to_string())
            }
        }
    )+};
}

numbers!(i32, i64, u32, u64, usize, f32, f64);

/// Converts a tuple of one expression, as trame does.
impl From<(&str,)> for Prop {
    fn from((expression,): (&str,)) -> Self {
        Prop::Expression(expression.to_owned())
    }
}

/// Converts a tuple of one expression, as trame does.
impl From<(String,)> for Prop {
    fn from((expression,): (String,)) -> Self {
        Prop::Expression(expression)
    }
}

/// Converts a state key and its initial value. A value that cannot be encoded becomes nil.
impl<T: Serialize> From<(&str, T)> for Prop {
    fn from((key, value): (&str, T)) -> Self {
        Prop::Key(key.to_owned(), Packed::encode(&value).unwrap_or(Packed::nil()))
    }
}

/// Converts a trigger with its arguments and keyword arguments, both as JavaScript, as trame does.
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

/// An event handler of an element: JavaScript, or the call of a function of the application.
///
/// Converted from a text, a [`Trigger`](crate::calls::Trigger) or a
/// [`ControllerFunction`](crate::trame::ControllerFunction).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler(String);

impl Handler {
    /// Returns the call of a trigger. `arguments` are JavaScript.
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

/// Returns a text as a JavaScript string without braces that Vue would interpret.
pub(crate) fn script_text(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '{' | '}' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
