//! Functions of the application: calls them and encodes their results.
//!
//! A callback is any function or closure whose first parameter is a context and whose others can be
//! decoded by serde. It may be sync or async and return a value or a `Result`. The compiler infers
//! which of these a closure is through the marker type `M`, which is never written out.

use std::{any::Any, fmt, future::poll_fn, panic::AssertUnwindSafe};

use futures_util::{FutureExt, future::BoxFuture};
use selvedge_wslink::Packed;
use serde::Serialize;

use super::arguments::{Argument, Arguments};
#[cfg(feature = "typescript")]
use crate::typescript::shape::Parameter;
use crate::{Error, Failure, Result, blocking};

/// The outcome of calling a callback.
pub enum Outcome {
    /// The callback has finished.
    Ready(Result<Packed, Failure>),
    /// The callback is async and returned this future.
    Pending(BoxFuture<'static, Result<Packed, Failure>>),
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Outcome::Pending(_) => f.write_str("Pending"),
        }
    }
}

/// A function that the application registers: any sync or async function or closure whose first
/// parameter is a [`Ctx`](crate::Ctx) and whose others can be decoded by serde.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as a callback",
    note = "a callback is a `Fn(Ctx, A, B, ..) -> R`, sync or async: its first parameter is `selvedge::Ctx`, the others \
            can be decoded by serde, and R is a value that implements `Serialize` or a `Result<_, selvedge::Failure>`; \
            give closure parameters their types"
)]
pub trait Callback<C, M>: Send + Sync + 'static {
    /// Decodes the arguments and calls the function.
    fn call(&self, context: C, arguments: Arguments) -> Outcome;

    /// Returns the parameters after the context, for
    /// [`Server::typescript`](crate::Server::typescript).
    #[cfg(feature = "typescript")]
    #[doc(hidden)]
    fn parameters() -> Vec<Parameter>
    where
        Self: Sized;
}

/// Returns the function that returns the parameters of a callback.
#[cfg(feature = "typescript")]
pub(crate) fn parameters_of<C, M, F: Callback<C, M>>(_: &F) -> fn() -> Vec<Parameter> {
    F::parameters
}

/// A return type of a callback: any type that serde can encode, or a `Result` of one.
pub trait Reply<M> {
    /// Encodes the value.
    ///
    /// # Errors
    /// The callback's own error, or the error of encoding its value.
    fn reply(self) -> Result<Packed, Failure>;
}

/// Marks a value.
#[derive(Debug)]
#[doc(hidden)]
pub enum Plain {}
/// Marks a result.
#[derive(Debug)]
#[doc(hidden)]
pub enum Fallible {}
/// Marks a function.
#[derive(Debug)]
#[doc(hidden)]
pub enum Sync_ {}
/// Marks a function that returns a future.
#[derive(Debug)]
#[doc(hidden)]
pub enum Async_ {}

/// The function succeeded, but its result cannot be encoded. Clients get a separate error code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ResultNotEncoded(selvedge_wslink::Error);

fn encode<T: Serialize>(result: &T) -> Result<Packed, Failure> {
    Ok(Packed::encode(result).map_err(ResultNotEncoded)?)
}

impl<T: Serialize> Reply<Plain> for T {
    fn reply(self) -> Result<Packed, Failure> {
        encode(&self)
    }
}

impl<T: Serialize, E: Into<Failure>> Reply<Fallible> for Result<T, E> {
    fn reply(self) -> Result<Packed, Failure> {
        encode(&self.map_err(Into::into)?)
    }
}

macro_rules! callbacks {
    ($($argument:ident),*) => {
        impl<F, C, R, M, $($argument),*> Callback<C, (Sync_, M, fn($($argument),*) -> R)> for F
        where
            F: Fn(C, $($argument),*) -> R + Send + Sync + 'static,
            R: Reply<M>,
            $($argument: Argument<C>,)*
        {
            #[allow(non_snake_case, unused_mut)]
            fn call(&self, context: C, mut arguments: Arguments) -> Outcome {
                $(let $argument = match $argument::take(&context, &mut arguments) {
                    Ok(argument) => argument,
                    Err(failure) => return Outcome::Ready(Err(failure)),
                };)*
                if let Err(error) = arguments.finish() {
                    return Outcome::Ready(Err(error.into()));
                }
                Outcome::Ready(self(context, $($argument),*).reply())
            }

            #[cfg(feature = "typescript")]
            fn parameters() -> Vec<Parameter> {
                vec![$($argument::parameter()),*]
            }
        }

        impl<F, C, Fut, R, M, $($argument),*> Callback<C, (Async_, M, fn($($argument),*) -> R)> for F
        where
            F: Fn(C, $($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = R> + Send + 'static,
            R: Reply<M>,
            $($argument: Argument<C>,)*
        {
            #[allow(non_snake_case, unused_mut)]
            fn call(&self, context: C, mut arguments: Arguments) -> Outcome {
                $(let $argument = match $argument::take(&context, &mut arguments) {
                    Ok(argument) => argument,
                    Err(failure) => return Outcome::Ready(Err(failure)),
                };)*
                if let Err(error) = arguments.finish() {
                    return Outcome::Ready(Err(error.into()));
                }
                let future = self(context, $($argument),*);
                Outcome::Pending(async move { future.await.reply() }.boxed())
            }

            #[cfg(feature = "typescript")]
            fn parameters() -> Vec<Parameter> {
                vec![$($argument::parameter()),*]
            }
        }
    };
}

callbacks!();
callbacks!(A1);
callbacks!(A1, A2);
callbacks!(A1, A2, A3);
callbacks!(A1, A2, A3, A4);
callbacks!(A1, A2, A3, A4, A5);
callbacks!(A1, A2, A3, A4, A5, A6);
callbacks!(A1, A2, A3, A4, A5, A6, A7);
callbacks!(A1, A2, A3, A4, A5, A6, A7, A8);

/// A callback with its type erased.
pub(crate) type Function<C> =
    std::sync::Arc<dyn Fn(C, Arguments) -> Outcome + Send + Sync + 'static>;

/// Erases the type of a callback, and turns a panic at the call or at a later poll into a failure.
pub(crate) fn function<C: 'static, M: 'static>(callback: impl Callback<C, M>) -> Function<C> {
    erased(callback, |arguments| Some(arguments.callee.clone()))
}

/// Like [`function`], for code that may block for long: no warning names it.
pub(crate) fn quiet_function<C: 'static, M: 'static>(callback: impl Callback<C, M>) -> Function<C> {
    erased(callback, |_| None)
}

fn erased<C: 'static, M: 'static>(
    callback: impl Callback<C, M>,
    name: fn(&Arguments) -> Option<String>,
) -> Function<C> {
    std::sync::Arc::new(move |context, arguments| {
        let callee = name(&arguments);
        let call = AssertUnwindSafe(|| callback.call(context, arguments));
        match run(callee.as_deref(), || std::panic::catch_unwind(call)) {
            Ok(Outcome::Ready(result)) => Outcome::Ready(result),
            Ok(Outcome::Pending(future)) => Outcome::Pending(may_block(callee, future)),
            Err(panic) => Outcome::Ready(Err(panicked(panic.as_ref()))),
        }
    })
}

/// Runs code that may block. If it has a name, a warning names it when it takes long.
fn run<T>(callee: Option<&str>, code: impl FnOnce() -> T) -> T {
    match callee {
        Some(callee) => blocking::call(callee, code),
        None => blocking::may_block(code),
    }
}

/// Wraps the future of an application function, with the name for warnings. It may block between
/// two awaits; a panic becomes a failure.
pub(crate) fn may_block<T: 'static>(
    callee: Option<String>,
    future: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> BoxFuture<'static, Result<T, Failure>> {
    let mut future = caught(future);
    poll_fn(move |context| run(callee.as_deref(), || future.poll_unpin(context))).boxed()
}

/// Wraps the future of an application function; a panic becomes a failure.
pub(crate) fn caught<T: 'static>(
    future: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> BoxFuture<'static, Result<T, Failure>> {
    let flat = |result: std::thread::Result<_>| {
        result.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
    };
    AssertUnwindSafe(future).catch_unwind().map(flat).boxed()
}

/// Calls a plain function of the application. A panic in it becomes a failure.
pub(crate) fn caught_here<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let result = std::panic::catch_unwind(AssertUnwindSafe(call));
    result.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    // Not `Failure::msg`: the application did not choose this text for clients.
    Error::Callback(format!("panicked: {}", panic_message(panic))).into()
}

/// Returns the message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::calls::{Kwargs, Rest};

    fn call<M: 'static>(callback: impl Callback<(), M>, args: Value) -> Result<Value, String> {
        call_named(callback, args, json!({}))
    }

    fn call_named<M: 'static>(
        callback: impl Callback<(), M>,
        args: Value,
        named: Value,
    ) -> Result<Value, String> {
        let args: Vec<Value> = serde_json::from_value(args).unwrap();
        let args = args.iter().map(|arg| Packed::encode(arg).unwrap()).collect();
        let named = Packed::encode_fields(&named).unwrap();
        let outcome = function(callback)((), Arguments::new("trigger `t`".to_owned(), args, named));
        let result = match outcome {
            Outcome::Ready(result) => result,
            Outcome::Pending(future) => futures_util::FutureExt::now_or_never(future).unwrap(),
        };
        result.map(|value| value.decode().unwrap()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn functions_may_be_sync_or_async_and_fail() {
        assert_eq!(call(|_: ()| (), json!([])), Ok(json!(null)));
        assert_eq!(call(|_: (), a: i64, b: i64| a + b, json!([1, 2])), Ok(json!(3)));
        assert_eq!(
            call(async |_: (), name: String| format!("hi {name}"), json!(["Ada"])),
            Ok(json!("hi Ada"))
        );
        let parse = |_: (), text: String| -> Result<i64, Failure> { Ok(text.parse()?) };
        assert_eq!(call(parse, json!(["12"])), Ok(json!(12)));
        assert_eq!(call(parse, json!(["x"])), Err("invalid digit found in string".to_owned()));
        let lookup = async |_: ()| -> crate::Result<i64> { Err(Error::NotRunning) };
        assert_eq!(call(lookup, json!([])), Err(Error::NotRunning.to_string()));
    }

    #[test]
    fn arguments_are_checked_and_named_in_errors() {
        let add = |_: (), a: i64, b: Option<i64>| a + b.unwrap_or(10);
        assert_eq!(call(add, json!([1])), Ok(json!(11)));
        let error = call(add, json!(["one"])).unwrap_err();
        let expected =
            r#"argument 1 of trigger `t` is not an i64: got the text "one", expected i64"#;
        assert_eq!(error, expected);
        let missing = "argument 1 of trigger `t` is not an i64: it was not given";
        assert_eq!(call(add, json!([])), Err(missing.to_owned()));
        let rows = |_: (), rows: Vec<(u8, String)>| rows.len();
        let expected = r#"argument 1 of trigger `t` is not a Vec<(u8, String)>: `[1][0]`: got -1, expected u8"#;
        assert_eq!(call(rows, json!([[[1, "a"], [-1, "b"]]])), Err(expected.to_owned()));
        assert_eq!(
            call(add, json!([1, 2, 3])),
            Err("trigger `t` takes 2 arguments, got 3".to_owned())
        );
    }

    #[test]
    fn the_rest_and_named_arguments_can_be_taken_whole() {
        let count = |_: (), first: String, rest: Rest| format!("{first}+{}", rest.0.len());
        assert_eq!(call(count, json!(["a", 1, 2])), Ok(json!("a+2")));
    }

    #[test]
    fn named_arguments_are_those_that_the_function_takes() {
        #[derive(serde::Deserialize)]
        struct Named {
            size: i64,
            #[serde(default)]
            exact: bool,
        }
        let typed = |_: (), Kwargs(named): Kwargs<Named>| (named.size, named.exact);
        let any = |_: (), named: Kwargs<std::collections::BTreeMap<String, Value>>| named.0.len();
        let none = |_: ()| ();
        assert_eq!(call_named(typed, json!([]), json!({"size": 7})), Ok(json!([7, false])));
        assert_eq!(call_named(any, json!([]), json!({"a": 1, "b": [2]})), Ok(json!(2)));
        for (told, expected) in [
            (
                call_named(typed, json!([]), json!({"size": 1, "exat": true})),
                "trigger `t` takes no argument named \"exat\". Did you mean `exact`?",
            ),
            (
                call_named(typed, json!([]), json!({"size": "x"})),
                "what trigger `t` got by name is not a Named: `size`: got the text \"x\", expected i64",
            ),
            (
                call_named(none, json!([]), json!({"size": 1})),
                "trigger `t` takes no named arguments, got \"size\"",
            ),
        ] {
            assert_eq!(told, Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_panic_is_a_failure() {
        assert_eq!(
            call(|_: ()| -> () { panic!("boom") }, json!([])),
            Err("panicked: boom".to_owned())
        );
        let late = async |_: ()| -> () { panic!("late {}", 1) };
        assert_eq!(call(late, json!([])), Err("panicked: late 1".to_owned()));
    }
}
