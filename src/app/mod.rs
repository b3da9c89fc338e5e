//! The application: its server, the context of its callbacks, its name and its folders.

// - `server`: the handle; `options`: options at creation; `context`: the context of callbacks
// - `running`: what is known of a run; `program`: the name and identity of the program
// - `folders`: its folders on the user's machine
// - `headers`: headers of HTTP responses, and what pages may load
// - `endpoint`: WebSocket endpoints of the application

mod context;
mod endpoint;
mod folders;
pub(crate) mod headers;
mod options;
mod program;
mod running;
mod server;

pub use context::Ctx;
pub(crate) use endpoint::Endpoint;
pub use folders::Folders;
pub use headers::Source;
pub use options::ServerOptions;
pub use program::Program;
pub use running::{Backend, Endpoints, ExecMode, RunningOptions};
pub(crate) use server::{Inner, unknown};
pub use server::{Server, get_server, get_server_with};
