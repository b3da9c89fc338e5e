//! Functions that pages call, by name: their arguments and results, triggers, the controller, and
//! timers.

// - `callback`: calls functions of the application, and encodes their results; `arguments`: what
//   they are called with
// - `registry`: functions by name; `functions`: registers and runs those of a server
// - `controller`: functions found by name; `trigger`: a trigger in templates; `rpc`: RPC methods
// - `extractors`: parameters that come from the context of a call
// - `keys`: what listeners watch
// - `page_calls`: calls into one page, with a result
// - `timers`: functions that run at intervals

mod arguments;
pub(crate) mod callback;
pub(crate) mod controller;
mod extractors;
pub(crate) mod functions;
mod keys;
pub(crate) mod page_calls;
pub(crate) mod registry;
mod rpc;
mod timers;
mod trigger;

pub use arguments::{Argument, Arguments, Kwargs, Rest};
pub use callback::{Callback, Outcome, Reply};
pub use extractors::{Caller, FromState, Resource};
pub use keys::{AnyValues, Keys, Takes};
pub use registry::FunctionId;
pub use selvedge_wslink::ClientId;
pub use timers::Timer;
pub use trigger::Trigger;
