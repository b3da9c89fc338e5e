//! The shared state: a flat map from names to values that every client follows.
//!
//! What must hold:
//! - A *commit* moves everything pending to the pushed values and hands the changes to the [`Sink`] in one step, under one
//!   lock: commits have one order, and a snapshot stands somewhere in it.
//! - No user code runs under that lock. Values are encoded before it and decoded after it; listeners run outside of it.
//! - The cost of a commit grows with what changed, never with how many keys there are.
//! - This module knows no task and no socket: pushes and futures go to the sink.
//!
//! Semantics are those of trame's `State`: a value that is set is *pending* until a flush; setting the pushed value again
//! takes it out of pending; a flush runs in rounds until the listeners have nothing more to say.

mod context;
mod flush;
mod handle;
mod history;
mod kept;
mod listener;
mod notes;
mod protection;
mod scope;
mod store;
mod translator;
mod typed;

pub use context::Context;
pub use handle::{Batch, FlushScope, State};
pub(crate) use history::Mark;
pub(crate) use kept::{Initial, Kept};
pub(crate) use listener::{Listener, Reaction};
pub use scope::Suppressed;
pub(crate) use scope::deferred;
pub(crate) use store::{Key, Sink};
pub use translator::Translator;
pub use typed::Handle;
