//! Parameters of callbacks that come from the context of the call instead of its arguments.

use std::{ops::Deref, sync::Arc};

use selvedge_wslink::{ClientId, Packed};
use serde::de::DeserializeOwned;

use super::{
    arguments::{Argument, Arguments},
    callback::Reply,
};
use crate::{Failure, Result, app::Ctx, protocol::User};

/// The client that made the call. A call without one fails: from Rust, by a timer, or by a listener
/// on a change that no page has made.
///
/// ```
/// use selvedge::{Ctx, Result, Server, calls::Caller};
///
/// let server = Server::new("doc");
/// server.trigger("greet", |cx: Ctx, Caller(client): Caller| {
///     cx.server.publish_to(client, "greeting", "hello")
/// });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub ClientId);

impl<C: AsRef<Ctx>> Argument<C> for Caller {
    fn take(context: &C, _: &mut Arguments) -> Result<Self, Failure> {
        let client = context.as_ref().client();
        client.map(Caller).ok_or_else(|| Failure::msg("only a client can call this"))
    }
}

/// The user whose page made the call. A call without one fails: from Rust, by a timer, or by a
/// program that has only the secret.
///
/// ```
/// use selvedge::{Ctx, Server, rooms::User};
///
/// let server = Server::new("doc");
/// server.trigger("sign", |cx: Ctx, user: User| {
///     cx.set("signed_by", user.name().unwrap_or("a guest"))
/// });
/// ```
impl<C: AsRef<Ctx>> Argument<C> for User {
    fn take(context: &C, _: &mut Arguments) -> Result<Self, Failure> {
        let user = context.as_ref().user().cloned();
        user.ok_or_else(|| Failure::msg("only a user who has signed in can call this"))
    }
}

/// A value that the application has put into the [context](crate::state::Context), such as a
/// database or a device.
///
/// ```
/// use selvedge::{Ctx, Server, calls::Resource};
///
/// struct Units {
///     per_second: f64,
/// }
///
/// let server = Server::new("doc");
/// server.context().insert(Units { per_second: 25.0 });
/// server.trigger("frames", |_: Ctx, units: Resource<Units>, seconds: f64| seconds * units.per_second);
/// ```
///
/// # Errors
/// A call fails if the context has no such value.
#[derive(Debug)]
pub struct Resource<T>(pub Arc<T>);

impl<T> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<C: AsRef<Ctx>, T: Send + Sync + 'static> Argument<C> for Resource<T> {
    fn take(context: &C, _: &mut Arguments) -> Result<Self, Failure> {
        context.as_ref().context().map(Resource)
    }
}

/// The fields of a struct, read from the state at one moment; see
/// [`State::extract`](crate::State::extract).
///
/// ```
/// use selvedge::{Ctx, Server, calls::FromState};
///
/// #[derive(serde::Deserialize)]
/// struct Size {
///     width: f64,
///     height: f64,
/// }
///
/// let server = Server::new("doc");
/// server.trigger("area", |_: Ctx, FromState(size): FromState<Size>| size.width * size.height);
/// ```
///
/// # Errors
/// A call fails if a field is missing or of another type.
#[derive(Clone, Copy, Debug)]
pub struct FromState<T>(pub T);

impl<C: AsRef<Ctx>, T: DeserializeOwned> Argument<C> for FromState<T> {
    fn take(context: &C, _: &mut Arguments) -> Result<Self, Failure> {
        Ok(FromState(context.as_ref().state().extract()?))
    }
}

/// Marks a context that is returned after values were set.
#[derive(Debug)]
#[doc(hidden)]
pub enum Nothing {}

/// For closures that end with [`Ctx::set`]: the call has no result.
impl Reply<Nothing> for Ctx {
    fn reply(self) -> Result<Packed, Failure> {
        Ok(Packed::nil())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::app::Server;

    #[derive(Deserialize)]
    struct Size {
        width: u32,
        height: u32,
    }

    #[tokio::test]
    async fn parameters_come_from_the_context_in_any_place() {
        let server = Server::new("extractors");
        server.context().insert(10_u32);
        server.state().set("width", 2).set("height", 3);
        server.trigger(
            "volume",
            |cx: Ctx,
             depth: u32,
             FromState(size): FromState<Size>,
             unit: Resource<u32>,
             more: u32| {
                cx.set("area", size.width * size.height)
                    .set("volume", size.width * size.height * depth * *unit + more)
            },
        );
        assert!(server.call_trigger("volume", (4, 1)).await.unwrap().is_nil());
        assert_eq!(server.state().get::<u32>("volume").unwrap(), 241);
        assert_eq!(server.state().get::<u32>("area").unwrap(), 6);
        let error = server.call_trigger("volume", [4]).await.unwrap_err().to_string();
        assert_eq!(error, "argument 2 of trigger `volume` is not a u32: it was not given");
    }

    #[tokio::test]
    async fn what_is_missing_fails_the_call() {
        let server = Server::new("extractors");
        server.trigger("caller", |_: Ctx, Caller(client): Caller| client.to_string());
        server.trigger("resource", |_: Ctx, _: Resource<String>| ());
        server.trigger("state", async |_: Ctx, _: FromState<Size>| ());
        for (trigger, expected) in [
            ("caller", "only a client can call this"),
            ("resource", "there is no alloc::string::String in the context"),
            ("state", "the state is not a"),
        ] {
            let error = server.call_trigger(trigger, ()).await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
