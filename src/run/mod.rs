//! Starting, running and stopping a server.
//!
//! - [`options`]: what can be chosen in code; [`cli`]: the same on the command line
//! - [`secret`]: a fixed secret
//! - [`start`]: one call for every exec mode
//! - [`running`]: the life of one run, from the bind to the proof that the port is free
//! - [`reload`]: pages follow their files, in development
//! - [`keep`]: the state outlives the program
//! - [`ports`]: the port stays the same from start to start
//! - [`frames`]: clients without a socket
//! - [`stop`]: handles that stop a run and learn its outcome
//! - [`blocking`]: programs that do nothing else, in a browser or in a window
//! - [`links`]: sign-in links on request
//! - [`terminal`]: what is printed
//! - [`exposure`]: what to know when other machines can reach a server
//! - [`shell`]: the seam to a desktop host; [`signals`]: what asks a program to end
//! - [`instance`]: whether the application runs already, on Unix
//! - [`logging`]: for programs that bring no logger
//!
//! What must hold: whatever a run starts has ended when its stop returns, and the stop returns only when each address
//! was probed and found free, or with an error that says who holds it.

mod blocking;
mod cli;
mod exposure;
mod frames;
#[cfg(unix)]
mod instance;
mod keep;
mod links;
mod logging;
mod options;
mod ports;
mod reload;
mod running;
mod secret;
mod shell;
mod signals;
mod start;
mod stop;
mod terminal;

pub use blocking::{Exit, exit_code};
pub use cli::Cli;
pub use frames::{FrameSink, FrameStream};
#[cfg(unix)]
pub use instance::{Claim, Instance, Launches};
pub use options::StartOptions;
pub use running::Running;
pub use shell::{Shell, ShellExit, ShellSession, ShellStart};
pub use signals::Signals;
pub use start::Started;
pub use stop::{StopHandle, StopReport};
