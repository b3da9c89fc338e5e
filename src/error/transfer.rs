//! How the transfer of a file can fail.

use std::{io, time::Duration};

/// Why a file did not arrive, or did not get out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The other side went away before the end.
    #[error(
        "the transfer broke off after {done} of {size} bytes: the other side is gone. Let the user start it again"
    )]
    Interrupted {
        /// Bytes that were transferred.
        done: u64,
        /// Bytes that the file has.
        size: u64,
    },

    /// The user has cancelled what was still to come.
    #[error("the user has cancelled the upload")]
    Cancelled,

    /// Nothing moved for as long as [`TransferLimits::patience`](crate::TransferLimits::patience) allows.
    #[error(
        "nothing was transferred for {0:?}, so the transfer was ended. Let the user start it again"
    )]
    Stalled(Duration),

    /// The server stopped meanwhile.
    #[error("the transfer was ended because the server stops")]
    Stopped,

    /// The file is larger than allowed.
    #[error(
        "the file has {size} bytes, and {limit} are allowed. Choose a smaller file, or raise the limit with `Server::set_transfer_limits`"
    )]
    TooLarge {
        /// Bytes that the file has.
        size: u64,
        /// Bytes that are allowed.
        limit: u64,
    },

    /// There is no page that could take part: none caused the call, it has left, or it is a page of trame's, which knows
    /// neither dialogs nor downloads from here.
    #[error("{0}")]
    NoPage(&'static str),

    /// Files travel over HTTP, and the server was started without it.
    #[error(
        "files cannot be transferred: the server was started without HTTP. Leave `--no-http`, `StartOptions::http(false)` and `Backend::Generic` out, or send the content with the state or by `Ctx::save_file`"
    )]
    NoHttp,

    /// A file could not be read or written.
    #[error("{doing}: {source}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl TransferError {
    pub(crate) fn file(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| TransferError::File { doing, source }
    }
}
