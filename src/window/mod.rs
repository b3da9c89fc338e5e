//! The window around an application as data and interfaces, independent of the host that provides
//! it.

pub(crate) mod check;
mod closing;
mod control;
mod dialogs;
mod handle;
mod launch;
mod menu;
mod options;

pub use closing::{Closing, ConfirmClose};
pub use control::{WindowChange, WindowControl, WindowState};
pub use dialogs::{
    Dialogs, FileFilter, MessageAnswer, MessageButtons, MessageLevel, MessageRequest, OpenChoice,
    OpenRequest, SaveRequest,
};
pub use handle::Window;
pub use launch::Launch;
pub use menu::{Menu, MenuEntry, MenuItem, StandardItem};
pub use options::WindowOptions;
