//! Starting, running and stopping a server.
//!
//! What must hold: everything that a run starts has ended when its stop returns. The stop returns
//! only after each address was probed and found free, or with an error that names the holder.

// - `start_options`: start options in code; `cli`: the same options on the command line
// - `secret`: a fixed secret; `development`: options for development
// - `start`: one call for every exec mode
// - `claim`: the right to run a server; `running`: starts a run
// - `drive`: a run while it is served, and its end in order; `drain`: its end after the users have left
// - `monitor`: the address for operators
// - `follow_files`: open pages follow their files, in development
// - `keep`: keeps the state in a file between starts
// - `room_registry`: the rooms of a program; `room_claims`: rooms on other nodes; `room_keys`: which of them a page enters; `room_end`: their end; `room_slot`: one of them; `kept_rooms`: the files in which they keep their states
// - `cluster`: rooms over several machines
// - `addresses`: addresses that an operator gives; `ports`: keeps the same port between starts
// - `frames`: clients without a socket
// - `stop`: handles that stop a run and return its outcome
// - `entry_points`: blocking entry points for programs that only run a server
// - `links`: sign-in links on request
// - `terminal`: output to the terminal
// - `exposure`: warnings for servers that other machines can reach
// - `shell`: the interface to a desktop host; `signals`: signals that end the program
// - `logging`: the logger for programs that have none

mod addresses;
mod claim;
#[cfg(feature = "cli")]
mod cli;
mod cluster;
mod development;
mod drain;
mod drive;
mod entry_points;
mod exposure;
#[cfg(feature = "dev")]
mod follow_files;
#[cfg(not(feature = "dev"))]
#[path = "no_follow_files.rs"]
mod follow_files;
mod frames;
mod idle;
mod keep;
mod kept_rooms;
mod links;
#[cfg(feature = "log")]
mod logging;
#[cfg(not(feature = "log"))]
#[path = "no_logging.rs"]
mod logging;
#[cfg(feature = "monitoring")]
mod monitor;
#[cfg(not(feature = "monitoring"))]
#[path = "no_monitor.rs"]
mod monitor;
mod ports;
mod room_claims;
mod room_end;
mod room_keys;
mod room_registry;
mod room_slot;
pub(crate) mod rooms;
mod running;
mod secret;
pub(crate) mod shell;
mod signals;
mod start;
mod start_options;
mod stop;
mod terminal;

#[cfg(feature = "cli")]
pub use cli::Cli;
pub use entry_points::{Exit, exit_code};
pub use frames::{FrameSink, FrameStream};
pub use running::Running;
pub use signals::Signals;
pub use start::Started;
pub use start_options::StartOptions;
pub use stop::{StopHandle, StopReport};

pub use crate::app::{
    Backend, Compression, Endpoints, ExecMode, Program, RunningOptions, ServerOptions,
};
