//! All errors of the library.
//!
//! Each variant carries what a caller needs to act on (the address, the key, the path). Its text
//! contains its cause and ends with what to do next; `source` does not return the cause again. The
//! RPC layer decides what a client gets: it removes paths and backtraces unless the server was
//! started in debug mode.

mod folder;
mod transfer;

use std::{fmt, io, path::PathBuf};

pub use folder::FolderError;
pub use transfer::TransferError;

/// The result of the library's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A port cannot be bound, or was not released.
    #[error(transparent)]
    Port(#[from] selvedge_port::Error),

    /// A module names a file or folder that does not exist.
    #[error(
        "module `{module}` wants to serve {path}, which does not exist or cannot be read. Correct the path or install the module's files"
    )]
    ModulePath {
        /// The name of the module.
        module: String,
        /// The missing path.
        path: PathBuf,
    },

    /// A file is not a valid module manifest.
    #[error("{path} is not a module manifest: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The reason why it is invalid.
        reason: String,
    },

    /// No item is registered under this name.
    #[error("there is no {kind} named `{name}`{}", nearest(.candidates))]
    Unknown {
        /// The kind of item: a trigger, an RPC method, a key of the state.
        kind: &'static str,
        /// The name as it was given.
        name: String,
        /// Registered names that are similar.
        candidates: Vec<String>,
    },

    /// Points do not fit the plot that they are appended to.
    #[error("points cannot be appended to the plot `{key}`: {reason}")]
    PlotData {
        /// The key of the plot.
        key: String,
        /// What does not fit.
        reason: String,
    },

    /// The client type is already set and cannot change.
    #[error(
        "the client type is already `{0}` and cannot change. Set it once, before modules are enabled"
    )]
    ClientType(String),

    /// A name or value is not valid in an HTTP header.
    #[error(
        "`{0}` with its value is not a valid HTTP header. Use ASCII letters, digits and `-` in the name, and no control characters"
    )]
    Header(String),

    /// The header is set by the server itself.
    #[error("the header `{name}` cannot be set: the server sets it itself. {hint}")]
    OwnHeader {
        /// The header, in lower case.
        name: String,
        /// What to do instead.
        hint: &'static str,
    },

    /// The TLS certificate or its key cannot be used.
    #[error(
        "{path} cannot be used for TLS: {reason}. Give a certificate chain and its private key as PEM files"
    )]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The reason why it cannot be used.
        reason: String,
    },

    /// The value of an option is invalid.
    #[error("`{value}` is not a valid value for {option}. {hint}")]
    InvalidOption {
        /// The option: its name on the command line, or a description.
        option: &'static str,
        /// The value as it was given.
        value: String,
        /// What to give instead.
        hint: &'static str,
    },

    /// The server is not running.
    #[error("the server is not running. Start it first")]
    NotRunning,

    /// The server is already running or starting.
    #[error("the server is already running on {0}. Stop it before starting it again")]
    AlreadyRunning(String),

    /// A durable value cannot be stored, or it is not known whether it was.
    #[error("{0}")]
    NotStored(
        /// The reason, and what to do next.
        &'static str,
    ),

    /// The store that the rooms of several machines share cannot be used.
    #[error(transparent)]
    Store(#[from] crate::cluster::StoreError),

    /// A job cannot be started because of its other runs.
    #[error(
        "{job} is running already{}. Cancel it, or wait until it has ended", also_waiting(*.waiting)
    )]
    JobBusy {
        /// The title of the job.
        job: String,
        /// Number of runs that wait.
        waiting: usize,
    },

    /// Another job was registered under the name of a job.
    #[error("{0} was replaced by another job of the same name. Start that one")]
    JobReplaced(
        /// The title of the job.
        String,
    ),

    /// A blocking function was called from async code.
    #[error("`{function}` was called from async code, whose thread it would block. {hint}")]
    InsideRuntime {
        /// The function.
        function: &'static str,
        /// What to call instead.
        hint: &'static str,
    },

    /// The exec mode needs a window, and the program has no desktop host.
    #[error(
        "exec mode `desktop` needs a window. Add the crate `selvedge-desktop` and call `selvedge_desktop::run(server)`"
    )]
    NoShell,

    /// The application currently has no window.
    #[error(
        "there is no window to change or ask: the application is shown in a browser, or its window is not open"
    )]
    NoWindow,

    /// There is no display to open a window on.
    #[error(
        "no display to open a window on: {0}. Run it in a desktop session, or with `--server` for a browser"
    )]
    NoDisplay(String),

    /// The window of the program failed.
    #[error("the window failed: {0}")]
    Shell(String),

    /// The application is already running, but did not accept this launch.
    #[error("{0} is running and does not answer. End it, or wait until it has ended by itself")]
    OtherInstance(
        /// The name of the application.
        String,
    ),

    /// No running program returned a sign-in link.
    #[error(
        "no sign-in link: `{0}` is not running for this user, or issues none. Start it as the same user, with the same `--port` if that is given here, or press Enter in its terminal"
    )]
    NoLink(
        /// The name of the application.
        String,
    ),

    /// The application panicked during its set-up.
    #[error("the application panicked while starting: {0}")]
    Panicked(
        /// The panic message.
        String,
    ),

    /// There are no folders for application files.
    #[error(
        "the system defines no folder for application files. Set HOME, or on Linux XDG_DATA_HOME and the like"
    )]
    NoFolders,

    /// A function of the application failed or panicked.
    #[error("{0}")]
    Callback(String),

    /// A value cannot be encoded or decoded, or a peer broke the protocol.
    #[error(transparent)]
    Wslink(#[from] selvedge_wslink::Error),

    /// A WebSocket could not be opened, or has ended.
    #[error(transparent)]
    WebSocket(#[from] selvedge_websocket::Error),

    /// A file could not be transferred.
    #[error(transparent)]
    Transfer(#[from] TransferError),

    /// A path in a shared folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),

    /// The system refused an operation for which there is no specific variant.
    #[error("{doing}: {cause}")]
    Io {
        /// The refused operation.
        doing: &'static str,
        /// The error of the system.
        cause: io::Error,
    },
}

impl Error {
    /// Returns a function that converts a failure of the random number generator.
    pub(crate) fn random(doing: &'static str) -> impl FnOnce(getrandom::Error) -> Self {
        move |error| Error::Io { doing, cause: io::Error::other(error.to_string()) }
    }

    /// Returns the exit code for a program that ends because of this error.
    ///
    /// The codes are those of `sysexits.h`: 69 if something outside is unavailable (port, display),
    /// 70 if the program itself failed, for example because its port could not be proved free. 101
    /// is Rust's exit code after a panic.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Port(selvedge_port::Error::Busy { .. } | selvedge_port::Error::Bind { .. })
            | Error::NoDisplay(_)
            | Error::NoShell
            | Error::OtherInstance(_)
            | Error::NoLink(_) => 69,
            Error::Panicked(_) => 101,
            _ => 70,
        }
    }
}

fn also_waiting(runs: usize) -> String {
    match runs {
        0 => String::new(),
        runs => format!(", and {runs} more wait"),
    }
}

fn nearest(candidates: &[String]) -> String {
    match candidates {
        [] => String::new(),
        names => format!(". Did you mean {}?", names.join(", ")),
    }
}

/// The error of an application's own function: made from any [`std::error::Error`], or from a
/// message.
///
/// The `From` implementation that makes `?` work on every error is the reason why this is not an
/// error type itself.
///
/// The client that called the function gets the text. A message made with [`msg`](Failure::msg) is
/// sent unchanged. The text of an error converted by `?` was not written for clients: paths in it
/// are replaced and a backtrace is cut off, unless the server was started with
/// [`debug`](crate::StartOptions::debug). The log always contains the whole text.
///
/// ```
/// fn load(path: &str) -> Result<usize, selvedge::Failure> {
///     let text = std::fs::read_to_string(path)?;
///     if text.is_empty() {
///         return Err(selvedge::Failure::msg("the file is empty"));
///     }
///     Ok(text.len())
/// }
/// assert!(load("no such file").is_err());
/// ```
pub struct Failure {
    error: Box<dyn std::error::Error + Send + Sync>,
    /// Whether the text was written for clients.
    for_clients: bool,
}

impl Failure {
    /// Creates a failure with a message for the user of the page.
    pub fn msg(message: impl Into<String>) -> Self {
        Failure { error: message.into().into(), for_clients: true }
    }

    /// Returns whether the text was written for clients.
    pub(crate) fn is_for_clients(&self) -> bool {
        self.for_clients
    }

    /// Returns the error if it has this type.
    pub(crate) fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }

    /// Returns whether the error has this type.
    pub(crate) fn is<E: std::error::Error + 'static>(&self) -> bool {
        self.error.is::<E>()
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: Box::new(error), for_clients: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}
