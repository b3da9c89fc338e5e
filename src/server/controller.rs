//! The controller: functions that can be called before anybody has said what they do.

use futures_util::FutureExt;
use serde::Serialize;

use super::{Ctx, Server, Trigger, functions::list, unknown};
use crate::{
    Error, Failure, Result,
    callback::{Callback, Rest},
    controller::{FunctionId, Lifecycle, Role},
    template::{Handler, Prop},
    wire::{ClientId, Packed},
};

/// The functions that the parts of an application offer each other, found by name when they are called.
///
/// Under one name there may be one *main* function and any number of others that run with it. The hooks on the life cycle are
/// functions of the controller, too, for instance `on_server_ready`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), selvedge::Failure> {
/// use selvedge::{Ctx, Server};
///
/// let server = Server::new("doc");
/// let controller = server.controller();
/// let resize = controller.function("resize"); // nobody has defined it yet
/// controller.set("resize", |_: Ctx, width: i64| width * 2);
/// assert_eq!(resize.call([21]).await?.decode::<i64>()?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Controller {
    server: Server,
}

impl Server {
    /// The functions that the parts of the application offer each other.
    pub fn controller(&self) -> Controller {
        Controller { server: self.clone() }
    }
}

impl Controller {
    fn name(&self, name: &str) -> String {
        // Hooks mean the same in every part of an application.
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

    /// Makes this the main function: a call gives its value. It takes the place of the main function before it.
    pub fn set<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Main, callback)
    }

    /// Has a function run with every call, after the main one and those that were added before.
    pub fn add<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Added, callback)
    }

    /// Has a function run with the next call only.
    pub fn once<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Once, callback)
    }

    /// Has a function run beside every call, which does not wait for it. It runs while the server runs.
    pub fn add_task<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> FunctionId {
        self.register(name, Role::Task, callback)
    }

    /// Takes a function out. Says whether it was there.
    pub fn discard(&self, name: &str, function: FunctionId) -> bool {
        self.server.inner.functions.remove(&self.name(name), function)
    }

    /// Takes a function out that has to be there.
    ///
    /// # Errors
    /// [`Error::Unknown`] when it is not.
    pub fn remove(&self, name: &str, function: FunctionId) -> Result<()> {
        match self.discard(name, function) {
            true => Ok(()),
            false => Err(self.unknown(name)),
        }
    }

    /// Takes all functions of a name out.
    pub fn clear(&self, name: &str) {
        self.server.inner.functions.clear(&self.name(name), false);
    }

    /// Takes all functions of a name out but the main one.
    pub fn clear_added(&self, name: &str) {
        self.server.inner.functions.clear(&self.name(name), true);
    }

    /// Whether a call would run anything.
    pub fn exists(&self, name: &str) -> bool {
        self.server.inner.functions.exists(&self.name(name))
    }

    /// Says whether a call may find no function and do nothing. Otherwise it fails.
    pub fn enable_empty(&self, name: &str, enable: bool) {
        self.server.inner.functions.enable_empty(&self.name(name), enable);
    }

    /// A function by its name, whoever defines it and whenever.
    pub fn function(&self, name: &str) -> ControllerFunction {
        ControllerFunction { controller: self.clone(), name: name.to_owned() }
    }

    /// Calls the functions of a name one after another: the main one, then those that were added, in their order. Tasks start last.
    ///
    /// `args` is a tuple or list of arguments, `()` for none. The result is the main function's value if it is alone; a list
    /// that begins with it if others have run as well; without a main function the list of what the others gave.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is no such function and [`enable_empty`](Self::enable_empty) was not said; and the first
    /// failure of a function, after which the others do not run.
    pub async fn call(&self, name: &str, args: impl Serialize) -> Result<Packed, Failure> {
        // Encoded first: the arguments may not be fit to be held while functions run.
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
                self.server.start_function(&function, callee.clone(), args.clone(), client);
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

/// A function of the controller by its name, see [`Controller::function`].
#[derive(Clone)]
pub struct ControllerFunction {
    controller: Controller,
    name: String,
}

impl ControllerFunction {
    /// Calls it, see [`Controller::call`].
    ///
    /// # Errors
    /// Those of [`Controller::call`].
    pub async fn call(&self, args: impl Serialize) -> Result<Packed, Failure> {
        self.controller.call(&self.name, args).await
    }

    /// Whether a call would run anything.
    pub fn exists(&self) -> bool {
        self.controller.exists(&self.name)
    }

    /// Lets pages call it, as the trigger `controller__NAME`.
    ///
    /// [`Element::on`](crate::ui::Element::on) takes the function itself, for a call without arguments. This is for one with
    /// arguments.
    ///
    /// ```
    /// use selvedge::{Ctx, Server, ui::el};
    ///
    /// let server = Server::new("doc");
    /// let controller = server.controller();
    /// let field = el("input").on("change", controller.function("rename").trigger().call("$event.target.value"));
    /// controller.set("rename", |cx: Ctx, name: String| { cx.state().set("name", name); });
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

/// Lets pages call it, and is its call without arguments.
impl From<ControllerFunction> for Handler {
    fn from(function: ControllerFunction) -> Self {
        function.trigger().into()
    }
}

/// Lets pages call it, and is its call without arguments.
impl From<ControllerFunction> for Prop {
    fn from(function: ControllerFunction) -> Self {
        function.trigger().into()
    }
}
