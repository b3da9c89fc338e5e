//! What an application asks of the window around it, whoever provides that window.

mod dialogs;
mod launch;
mod options;

pub use dialogs::{
    Dialogs, FileFilter, MessageAnswer, MessageButtons, MessageLevel, MessageRequest, OpenChoice,
    OpenRequest, SaveRequest,
};
pub use launch::Launch;
pub use options::WindowOptions;
