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
    ends_with_client: Arc<AtomicBool>,
}

impl Trigger {
    pub(crate) fn new(name: String, ends_with_client: Arc<AtomicBool>) -> Self {
        Trigger { name, ends_with_client }
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
        self.ends_with_client.store(true, Ordering::Relaxed);
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
