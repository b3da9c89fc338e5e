//! The application: its server, the context of its callbacks, its name and its folders.

// - `server`: the handle; `server_options`: options at creation
// - `callback_context`: the context of callbacks; `admission`: who may enter, and what they may do
// - `exec_mode`: how an application is shown; `running_options`: what is known of a run; `rooms`: what a room is; `presence`: who is in it; `program`: the name and identity of the program
// - `folders`: its folders on the user's machine
// - `headers`: headers of HTTP responses, and what pages may load
// - `websocket_endpoints`: WebSocket endpoints of the application

mod admission;
mod callback_context;
mod exec_mode;
mod folders;
pub(crate) mod headers;
mod presence;
mod program;
pub(crate) mod rooms;
mod running_options;
mod server;
mod server_options;
mod websocket_endpoints;

pub(crate) use admission::Admission;
pub use admission::Role;
pub use callback_context::Ctx;
pub(crate) use callback_context::{CANNOT, GONE};
pub use exec_mode::ExecMode;
pub use folders::Folders;
pub use headers::Source;
pub use presence::Person;
pub use program::Program;
pub(crate) use rooms::RoomPlan;
pub use rooms::{Room, Scope};
pub use running_options::{Backend, Compression, Endpoints, RunningOptions};
pub(crate) use server::{Inner, unknown};
pub use server::{Server, get_server, get_server_with};
pub use server_options::ServerOptions;
pub(crate) use websocket_endpoints::Endpoint;
