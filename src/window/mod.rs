//! The window around an application as data and interfaces, independent of the host that provides
//! it.

pub(crate) mod check;
mod closing;
mod control;
mod dialog_requests;
mod launch;
mod menu;
mod window_handle;
mod window_options;

pub use closing::{Closing, ConfirmClose};
pub use control::{WindowChange, WindowControl, WindowProgress, WindowState};
pub use dialog_requests::{
    Dialogs, FileFilter, MessageAnswer, MessageButtons, MessageLevel, MessageRequest, OpenChoice,
    OpenRequest, SaveRequest,
};
pub use launch::Launch;
pub use menu::{Menu, MenuEntry, MenuItem, StandardItem};
pub use window_handle::Window;
pub use window_options::WindowOptions;
