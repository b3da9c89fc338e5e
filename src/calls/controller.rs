//! The controller: functions that are called by name and may be defined later.

use futures_util::FutureExt;
use selvedge_wslink::{ClientId, Packed};
use serde::Serialize;

use super::{
    Trigger,
    arguments::Rest,
    callback::Callback,
    functions::list,
    registry::{FunctionId, Lifecycle, Role},
};
use crate::{
    Error, Failure, Result,
    app::{Ctx, Server, unknown},
    pages::{Handler, Prop},
};

/// Named functions that the parts of an application offer each other. A name is looked up at each
/// call.
///
/// A name may have one *main* function and any number of added functions that run with it.
/// Life-cycle hooks are functions of the controller too, for instance `on_server_ready`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), selvedge::Failure> {
/// use selvedge::{Ctx, Server};
///
/// let server = Server::new("doc");
/// let controller = server.controller();
/// let resize = controller.function("resize"); // it may be defined later
/// controller.set("resize", |_: Ctx, width: i64| width * 2);
/// assert_eq!(resize.call([21]).await?.decode::<i64>()?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Controller {
    server: Server,
}

impl Server {
    /// Returns the controller: the functions that the parts of the application offer each other.
    pub fn controller(&self) -> Controller {
        Controller { server: self.clone() }
    }
}

impl Controller {
    fn name(&self, name: &str) -> String {
        // Hooks have the same name in every part of an application.
        match Lifecycle::has_function(name) {
            true => name.to_owned(),
            false => self.server.translator().translate(name).into_owned(),
        }
    }

    fn register<M: 'static>(
        &self,
        name: &str,
        role: Role,
        callback: impl Callback<Ctx, M>,
    ) -> FunctionId {
        self.server.inner.functions.add(&self.name(name), role, self.server.bind(callback))
    }

    /// Sets the main function, whose value a call returns. It replaces the previous main function.
    pub fn set<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Main, callback)
    }

    /// Adds a function that runs with every call, after the main one and those added before.
    pub fn add<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Added, callback)
    }

    /// Adds a function that runs with the next call only.
    pub fn once<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Once, callback)
    }

    /// Adds a function that every call starts as a task and does not wait for. Tasks run only while
    /// the server runs.
    pub fn add_task<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Task, callback)
    }

    /// Removes a function. Returns whether it existed.
    pub fn discard(&self, name: &str, function: FunctionId) -> bool {
        self.server.inner.functions.remove(&self.name(name), function)
    }

    /// Removes a function that must exist.
    ///
    /// # Errors
    /// [`Error::Unknown`] if it does not exist.
    pub fn remove(&self, name: &str, function: FunctionId) -> Result<()> {
        match self.discard(name, function) {
            true => Ok(()),
            false => Err(self.unknown(name)),
        }
    }

    /// Removes all functions of a name.
    pub fn clear(&self, name: &str) {
        self.server.inner.functions.clear(&self.name(name), false);
    }

    /// Removes all functions of a name except the main one.
    pub fn clear_added(&self, name: &str) {
        self.server.inner.functions.clear(&self.name(name), true);
    }

    /// Returns whether a call would run anything.
    pub fn exists(&self, name: &str) -> bool {
        self.server.inner.functions.exists(&self.name(name))
    }

    /// Sets whether a call without any function succeeds and does nothing. By default it fails.
    pub fn enable_empty(&self, name: &str, enable: bool) {
        self.server.inner.functions.enable_empty(&self.name(name), enable);
    }

    /// Returns a reference to a function by name. The function may be defined later.
    pub fn function(&self, name: &str) -> ControllerFunction {
        ControllerFunction { controller: self.clone(), name: name.to_owned() }
    }

    /// Calls the functions of a name one after another: first the main one, then the added ones in
    /// their order. Tasks start last.
    ///
    /// `args` is a tuple or list of arguments, `()` for none. If only the main function returns a
    /// value, the result is that value. Otherwise it is a list: the main function's value first, if
    /// there is one, then those of the added functions.
    ///
    /// # Errors
    /// [`Error::Unknown`] if the name has no function and [`enable_empty`](Self::enable_empty) is
    /// not set. Otherwise the first failure of a function, after which no further function runs.
    pub async fn call(&self, name: &str, args: impl Serialize) -> Result<Packed, Failure> {
        // Encode here: the boxed future must be `Send`, and `args` may not be.
        let args = list(&args)?;
        self.call_encoded(name, args, None).boxed().await
    }

    async fn call_encoded(
        &self,
        name: &str,
        args: Vec<Packed>,
        client: Option<ClientId>,
    ) -> Result<Packed, Failure> {
        let calls = self.server.inner.functions.calls(&self.name(name));
        let calls = calls.ok_or_else(|| self.unknown(name))?;
        let callee = format!("function `{name}`");
        let (mut main, mut results) = (None, Vec::new());
        for (role, function) in calls {
            if role == Role::Task {
                self.server.start_function(
                    &function,
                    callee.clone(),
                    args.clone(),
                    Ctx::of(&self.server, client),
                );
                continue;
            }
            let value = self.server.call(&function, callee.clone(), args.clone(), client).await?;
            match role {
                Role::Main => main = Some(value),
                _ => results.push(value),
            }
        }
        match main {
            Some(value) if results.is_empty() => Ok(value),
            main => Ok(Packed::encode_list(main.iter().chain(&results))),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let similar = self.server.inner.functions.similar_functions(&self.name(name));
        unknown("function of the controller", name, similar)
    }
}

/// A reference to a function of the controller by name, see [`Controller::function`].
#[derive(Clone, Debug)]
pub struct ControllerFunction {
    controller: Controller,
    name: String,
}

impl ControllerFunction {
    /// Calls the function, see [`Controller::call`].
    ///
    /// # Errors
    /// Those of [`Controller::call`].
    pub async fn call(&self, args: impl Serialize) -> Result<Packed, Failure> {
        self.controller.call(&self.name, args).await
    }

    /// Returns whether a call would run anything.
    pub fn exists(&self) -> bool {
        self.controller.exists(&self.name)
    }

    /// Registers the function as the trigger `controller__NAME`, so that pages can call it.
    ///
    /// Use this for a call with arguments. For one without, pass the function itself to
    /// [`Element::on`](crate::ui::Element::on).
    ///
    /// ```
    /// use selvedge::{Ctx, Server, ui::el};
    ///
    /// let server = Server::new("doc");
    /// let controller = server.controller();
    /// let field = el("input").on("change", controller.function("rename").trigger().call("$event.target.value"));
    /// controller.set("rename", |cx: Ctx, name: String| cx.set("name", name));
    /// # drop(field);
    /// ```
    pub fn trigger(&self) -> Trigger {
        let name = self.name.clone();
        self.controller.server.trigger(
            &format!("controller__{name}"),
            move |cx: Ctx, args: Rest| {
                let (controller, name) = (cx.server.controller(), name.clone());
                async move { controller.call_encoded(&name, args.0, cx.client()).boxed().await }
            },
        )
    }
}

/// Registers the function as a trigger and calls it without arguments.
impl From<ControllerFunction> for Handler {
    fn from(function: ControllerFunction) -> Self {
        function.trigger().into()
    }
}

/// Registers the function as a trigger and calls it without arguments.
impl From<ControllerFunction> for Prop {
    fn from(function: ControllerFunction) -> Self {
        function.trigger().into()
    }
}
