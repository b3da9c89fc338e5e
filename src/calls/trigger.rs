//! Triggers as event handlers of elements.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::pages::{Handler, Prop};

/// A registered trigger, for writing calls to it into templates.
#[derive(Clone, Debug)]
pub struct Trigger {
    name: String,
    switches: Arc<TriggerSwitches>,
}

/// What is known of a trigger beside its code.
#[derive(Debug, Default)]
pub(crate) struct TriggerSwitches {
    /// Whether an async call ends when its client disconnects.
    pub(crate) ends_with_client: AtomicBool,
    /// Whether viewers may call it.
    pub(crate) for_viewers: AtomicBool,
}

impl Trigger {
    pub(crate) fn new(name: String, switches: Arc<TriggerSwitches>) -> Self {
        Trigger { name, switches }
    }

    /// Ends the trigger's async calls at their next await when their client has disconnected: for
    /// work that is of no use to anyone else, such as a search while the user types. By default,
    /// calls go on.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("suggest", async |_: Ctx, text: String| text.to_uppercase()).ends_with_client();
    /// ```
    pub fn ends_with_client(self) -> Self {
        self.switches.ends_with_client.store(true, Ordering::Relaxed);
        self
    }

    /// Lets [viewers](crate::rooms::Role::Viewer) call the trigger, too. Use it for triggers without
    /// effects on other users, such as an export, and before pages connect: a page learns once which
    /// triggers are open.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("export", |cx: Ctx| cx.state().packed("notes")).for_viewers();
    /// ```
    pub fn for_viewers(self) -> Self {
        self.switches.for_viewers.store(true, Ordering::Relaxed);
        self
    }

    /// Returns the name by which pages call the trigger.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns JavaScript that calls the trigger, for an event attribute. `arguments` is JavaScript
    /// too.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// let add = server.trigger("add", |_: selvedge::Ctx, by: i64| by);
    /// assert_eq!(add.call("count + 1"), "trigger('add', [count + 1])");
    /// ```
    pub fn call(&self, arguments: &str) -> String {
        Handler::trigger(&self.name, &[&format!("[{arguments}]")]).into_script()
    }
}

/// Calls the trigger without arguments.
impl From<&Trigger> for Handler {
    fn from(trigger: &Trigger) -> Self {
        Handler::trigger(&trigger.name, &[])
    }
}

/// Calls the trigger without arguments.
impl From<Trigger> for Handler {
    fn from(trigger: Trigger) -> Self {
        (&trigger).into()
    }
}

impl From<&Trigger> for Prop {
    fn from(trigger: &Trigger) -> Self {
        Prop::Handler(trigger.into())
    }
}

impl From<Trigger> for Prop {
    fn from(trigger: Trigger) -> Self {
        Prop::Handler(trigger.into())
    }
}
