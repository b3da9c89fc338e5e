//! Errors of file transfers.

use std::{io, time::Duration};

/// The reason why a file transfer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The other side disconnected before the end.
    #[error(
        "the transfer was interrupted after {done} of {size} bytes: the other side disconnected. Let the user start it again"
    )]
    Interrupted {
        /// Number of bytes transferred.
        done: u64,
        /// Size of the file in bytes.
        size: u64,
    },

    /// The user cancelled the rest of the upload.
    #[error("the user has cancelled the upload")]
    Cancelled,

    /// No data was transferred for the time that
    /// [`TransferLimits::stall_timeout`](crate::files::TransferLimits::stall_timeout) allows.
    #[error(
        "nothing was transferred for {0:?}, so the transfer was ended. Let the user start it again"
    )]
    Stalled(Duration),

    /// The server stopped during the transfer.
    #[error("the transfer was ended because the server is stopping")]
    Stopped,

    /// The file is larger than allowed.
    #[error(
        "the file has {size} bytes, and {limit} are allowed. Choose a smaller file, or raise the limit with `Server::set_transfer_limits`"
    )]
    TooLarge {
        /// Size of the file in bytes.
        size: u64,
        /// Maximum size in bytes.
        limit: u64,
    },

    /// There is no page for the transfer or the call: no page caused it, the page is gone, or it is a
    /// page of trame, which does not support the dialogs, downloads and calls of this library.
    #[error("{0}")]
    NoPage(&'static str),

    /// Transfers use HTTP, and the server was started without it.
    #[error(
        "files cannot be transferred: the server was started without HTTP. Leave `--no-http`, `StartOptions::http(false)` and `Backend::Generic` out, or send the content with the state or by `Ctx::save_file`"
    )]
    NoHttp,

    /// A file could not be read or written.
    #[error("{doing}: {cause}")]
    File {
        /// The failed operation.
        doing: &'static str,
        /// The error of the system.
        cause: io::Error,
    },
}

impl TransferError {
    pub(crate) fn file(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| TransferError::File { doing, cause }
    }
}
