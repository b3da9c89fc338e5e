//! A state server for desktop and web applications.
#![deny(unsafe_code)]

mod callback;
mod error;
mod state;
mod wire;

pub use callback::*;
pub use error::*;
pub use state::*;
pub use wire::*;
