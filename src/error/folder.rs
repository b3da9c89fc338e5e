//! Errors of shared folders.

use std::{io, path::PathBuf};

/// The reason why a path in a shared folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The path leads out of the folder, or names a hidden file.
    #[error("`{path}` is not a path in the shared folder. Choose a file below it")]
    Outside {
        /// The path.
        path: String,
    },

    /// The file or folder does not exist or cannot be read.
    #[error("{path} cannot be read: {cause}. Check that it exists and who may read it")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}
