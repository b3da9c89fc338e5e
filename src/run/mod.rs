//! Starting, running and stopping a server.
//!
//! - [`options`]: what can be chosen, in code and on the command line
//! - [`running`]: the life of one run, from the bind to the proof that the port is free
//! - [`stop`]: handles that stop a run and learn its outcome
//! - [`blocking`]: programs that do nothing else, in a browser or in a window
//! - [`exposure`]: what to know when other machines can reach a server
//! - [`shell`]: the seam to a desktop host; [`signals`]: what asks a program to end
//!
//! What must hold: whatever a run starts has ended when its stop returns, and the stop returns only when each address
//! was probed and found free, or with an error that says who holds it.

mod blocking;
mod exposure;
mod options;
mod running;
mod shell;
mod signals;
mod stop;

pub use blocking::{Exit, exit_code};
pub use options::{ExecMode, StartOptions};
pub use running::Running;
pub use shell::{Shell, ShellExit, ShellSession};
pub use signals::Signals;
pub use stop::{StopHandle, StopReport};
