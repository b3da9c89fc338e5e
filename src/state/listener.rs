//! Change listeners as the state sees them: keys, and a function to run.

use std::{fmt, panic::Location};

use futures_util::future::BoxFuture;
use selvedge_wslink::{ClientId, Packed};

use super::KeyName;

/// What remains to be done after a listener was called.
pub(crate) enum Reaction {
    /// Nothing.
    Done,
    /// A future that the server drives; a flush does not wait for it.
    Pending(BoxFuture<'static, ()>),
}

/// A function that runs when one of its keys has changed.
pub(crate) struct Listener {
    pub(super) keys: Vec<KeyName>,
    registered: &'static Location<'static>,
    run: Box<dyn Fn(Vec<Packed>, Option<ClientId>) -> Reaction + Send + Sync>,
}

impl Listener {
    /// Creates a listener. `run` gets the values of `keys` in their order, and the client that made
    /// the change. It must report its own failures and must not panic.
    pub(crate) fn new(
        keys: Vec<KeyName>,
        registered: &'static Location<'static>,
        run: impl Fn(Vec<Packed>, Option<ClientId>) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        Listener { keys, registered, run: Box::new(run) }
    }

    pub(super) fn run(&self, values: Vec<Packed>, client: Option<ClientId>) -> Reaction {
        (self.run)(values, client)
    }
}

/// Shows the keys and where the listener was registered, for log messages.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the listener on {:?} ({})", self.keys, self.registered)
    }
}
