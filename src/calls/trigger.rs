//! Triggers as event handlers of elements.

use crate::pages::{Handler, Prop};

/// A registered trigger, for writing calls to it into templates.
#[derive(Clone, Debug)]
pub struct Trigger {
    name: String,
}

impl Trigger {
    pub(crate) fn named(name: String) -> Self {
        Trigger { name }
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
