//! Functions of the application on events of elements.

use crate::template::{Handler, Prop};

/// A registered trigger, for writing calls to it into templates.
#[derive(Clone, Debug)]
pub struct Trigger {
    name: String,
}

impl Trigger {
    pub(super) fn named(name: String) -> Self {
        Trigger { name }
    }

    /// The name that pages call it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JavaScript that calls it, for an event attribute: `arguments` is JavaScript, too.
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

/// Its call without arguments.
impl From<&Trigger> for Handler {
    fn from(trigger: &Trigger) -> Self {
        Handler::trigger(&trigger.name, &[])
    }
}

/// Its call without arguments.
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
