//! The shared state: a flat map from names to values that every client follows.
//!
//! The semantics are those of trame's `State`: a value that is set is *pending* until a flush;
//! setting the pushed value again removes it from pending; a flush runs in rounds until no listener
//! makes another change.

// What must hold:
// - A *commit* moves all pending values to the pushed values and passes the changes to the
//   sink in one step, under one lock. So commits have a total order, and each snapshot has a
//   place in it.
// - No user code runs under that lock. Values are encoded before it is taken and decoded after it
//   is released; listeners run outside of it.
// - The cost of a commit grows with the number of changes, never with the number of keys.
// - This module knows no task and no socket: pushes and futures go to the sink.

mod batch;
mod flush;
mod history;
mod interface;
mod journal;
mod kept;
mod key;
mod listener;
mod model;
mod notes;
mod protection;
mod pushed;
mod scope;
mod series;
mod server_context;
mod store;
pub(crate) mod translator;
mod typed;

pub use batch::Batch;
pub(crate) use history::Mark;
pub use interface::{FlushScope, State};
pub(crate) use journal::{Journal, Recorded};
pub(crate) use kept::{Initial, Kept};
pub use key::{Key, KeyFor, KeyOf};
pub(crate) use listener::{Listener, Reaction};
pub use model::Model;
pub(crate) use pushed::Pushed;
pub use scope::Suppressed;
pub(crate) use scope::deferred;
/// Makes a struct a [`Model`](trait@Model).
pub use selvedge_macros::Model;
pub use series::Series;
pub use server_context::Context;
pub(crate) use store::{KeyName, Sink};
pub(crate) use translator::Translator;
pub use typed::Handle;
