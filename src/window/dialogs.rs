//! Dialogs of the system around an application.

use std::path::PathBuf;

use futures_util::future::BoxFuture;

/// Native dialogs, which a host offers to the application's code.
pub trait Dialogs: Send + Sync {
    /// Asks where to save a file, and gives the chosen path, or `None` when the user cancelled.
    fn save_path(&self, request: SaveRequest) -> BoxFuture<'static, Option<PathBuf>>;
}

/// What a save dialog suggests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SaveRequest {
    /// The suggested file name, with its extension.
    pub file_name: String,
}
