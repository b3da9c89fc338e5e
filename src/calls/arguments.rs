//! The arguments of calls, and the parameters that they become.

use std::{any::type_name, collections::VecDeque};

use indexmap::IndexMap;
use selvedge_wslink::{
    Packed,
    text::{quoted, similar},
};
use serde::de::DeserializeOwned;

#[cfg(feature = "typescript")]
use crate::typescript::shape::{Parameter, Shape};
use crate::{Error, Failure, Result};

/// The arguments of a call to a callback.
#[derive(Debug, Default)]
pub struct Arguments {
    /// The name in errors: "trigger `add`".
    pub(super) callee: String,
    taken: usize,
    positional: VecDeque<Packed>,
    named: IndexMap<String, Packed>,
    /// Whether a parameter takes the named arguments.
    takes_named: bool,
}

impl Arguments {
    /// Creates the arguments for a call of `callee`.
    pub(crate) fn new(
        callee: String,
        positional: Vec<Packed>,
        named: IndexMap<String, Packed>,
    ) -> Self {
        Arguments { callee, taken: 0, positional: positional.into(), named, takes_named: false }
    }

    /// Takes the next argument.
    ///
    /// # Errors
    /// [`values::Error::Decode`](crate::values::Error::Decode) if it is missing or has another type.
    pub fn take_next<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.taken += 1;
        let (taken, callee) = (self.taken, &self.callee);
        match self.positional.pop_front() {
            Some(value) => Ok(value.decode_as(format_args!("argument {taken} of {callee}"))?),
            None => Packed::nil().decode().map_err(|_| {
                let error = selvedge_wslink::Error::Decode {
                    what: format!("argument {taken} of {callee}"),
                    type_name: type_name::<T>(),
                    reason: "it was not given".to_owned(),
                };
                error.into()
            }),
        }
    }

    pub(super) fn finish(&self) -> Result<()> {
        if !self.positional.is_empty() {
            let given = self.taken + self.positional.len();
            let text = format!("{} takes {} arguments, got {given}", self.callee, self.taken);
            return Err(Error::Callback(text));
        }
        match self.named.keys().next() {
            Some(name) if !self.takes_named => Err(Error::Callback(format!(
                "{} takes no named arguments, got {}",
                self.callee,
                quoted(name)
            ))),
            _ => Ok(()),
        }
    }
}

/// A parameter type of a callback after the first: any type that serde can decode, or a type that
/// knows where it comes from.
///
/// Those of the library are [`Rest`] and [`Kwargs`], which take several arguments at once, and
/// [`Caller`](super::Caller), [`Resource`](super::Resource) and [`FromState`](super::FromState),
/// which take none. `C` is the type of the callback's first parameter. A missing argument decodes as
/// `None` or `()`, and is an error for other types.
///
/// Types of your own implement it, for example to check something once for many callbacks:
///
/// ```
/// use selvedge::{Ctx, Failure, Server, calls::{Argument, Arguments}};
///
/// /// The project that is open.
/// struct Project {
///     path: String,
/// }
///
/// impl<C: AsRef<Ctx>> Argument<C> for Project {
///     fn take(context: &C, _: &mut Arguments) -> Result<Self, Failure> {
///         match context.as_ref().state().get("project")? {
///             Some(path) => Ok(Project { path }),
///             None => Err(Failure::msg("open a project first")),
///         }
///     }
/// }
///
/// let server = Server::new("doc");
/// server.trigger("rename", |cx: Ctx, project: Project, name: String| {
///     cx.set("status", format!("{} is now {name}", project.path))
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "a callback cannot take `{Self}` as an argument",
    note = "arguments are types that implement `serde::de::DeserializeOwned` or `selvedge::calls::Argument`"
)]
pub trait Argument<C>: Sized {
    /// Makes the value, from the context or from as many arguments as it needs.
    ///
    /// # Errors
    /// The failure of the call, for example
    /// [`values::Error::Decode`](crate::values::Error::Decode) if an argument is missing or has
    /// another type.
    fn take(context: &C, arguments: &mut Arguments) -> Result<Self, Failure>;

    /// Returns where the value comes from, for [`Server::typescript`](crate::Server::typescript).
    #[cfg(feature = "typescript")]
    #[doc(hidden)]
    fn parameter() -> Parameter {
        Parameter::Context
    }
}

impl<C, T: DeserializeOwned> Argument<C> for T {
    fn take(_: &C, arguments: &mut Arguments) -> Result<Self, Failure> {
        Ok(arguments.take_next()?)
    }

    #[cfg(feature = "typescript")]
    fn parameter() -> Parameter {
        Parameter::One(Shape::of::<T>())
    }
}

/// All remaining arguments, as a callback's last parameter.
///
/// ```
/// use selvedge::{Ctx, calls::Rest, Server};
///
/// let server = Server::new("doc");
/// server.trigger("join", |_: Ctx, separator: String, parts: Rest| {
///     let parts: Result<Vec<String>, _> = parts.0.iter().map(|part| part.decode()).collect();
///     parts.map(|parts| parts.join(&separator)).map_err(selvedge::Failure::from)
/// });
/// ```
#[derive(Debug)]
pub struct Rest(pub Vec<Packed>);

impl<C> Argument<C> for Rest {
    fn take(_: &C, arguments: &mut Arguments) -> Result<Self, Failure> {
        Ok(Rest(std::mem::take(&mut arguments.positional).into()))
    }

    #[cfg(feature = "typescript")]
    fn parameter() -> Parameter {
        Parameter::Rest
    }
}

/// The named arguments, decoded as a struct or map. A name that the struct does not have is an
/// error, and so is a named argument to a function without `Kwargs`.
///
/// ```
/// use selvedge::{Ctx, calls::Kwargs, Server};
///
/// #[derive(serde::Deserialize)]
/// struct Options {
///     #[serde(default)]
///     exact: bool,
/// }
///
/// let server = Server::new("doc");
/// // In a template: trigger('solve', [3], { exact: true })
/// server.trigger("solve", |_: Ctx, size: u32, Kwargs(options): Kwargs<Options>| {
///     if options.exact { size } else { size / 2 }
/// });
/// ```
#[derive(Debug)]
pub struct Kwargs<T>(pub T);

impl<C, T: DeserializeOwned> Argument<C> for Kwargs<T> {
    fn take(_: &C, arguments: &mut Arguments) -> Result<Self, Failure> {
        arguments.takes_named = true;
        let named = Packed::encode_map(&arguments.named);
        let what = format_args!("what {} got by name", arguments.callee);
        let (value, made) = named.decode_with_use(what)?;
        match made.unused.first() {
            None => Ok(Kwargs(value)),
            Some(name) => {
                Err(Error::Callback(unknown_name(&arguments.callee, name, made.fields)).into())
            }
        }
    }

    #[cfg(feature = "typescript")]
    fn parameter() -> Parameter {
        Parameter::Named
    }
}

fn unknown_name(callee: &str, name: &str, known: &[&str]) -> String {
    let near = similar(known.iter().copied(), name)
        .first()
        .map(|near| format!(". Did you mean `{near}`?"));
    format!("{callee} takes no argument named {}{}", quoted(name), near.unwrap_or_default())
}
