//! Why a test of an application fails.

use std::{fmt, path::PathBuf, time::Duration};

use serde_json::Value;

/// The result of the testing functions.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a test of an application fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key did not get the awaited value in time.
    #[error(
        "`{key}` did not have the awaited value after {limit:?}; it is {last}. If the application needs longer, raise `User::patience`"
    )]
    NotInTime {
        /// The key.
        key: String,
        /// Its last value, as JSON.
        last: Value,
        /// How long the test waited.
        limit: Duration,
    },

    /// The page did not show a text in time.
    #[error(
        "the page did not show “{part}” after {limit:?}; it shows “{text}”. If the application needs longer, raise `User::patience`"
    )]
    NotShown {
        /// The awaited text.
        part: String,
        /// The text of the page.
        text: String,
        /// How long the test waited.
        limit: Duration,
    },

    /// The application did not answer the calls of a page in time.
    #[error(
        "the application has not answered after {limit:?}. Raise `User::patience`, or use `Page::press_without_waiting` for a call that is to go on"
    )]
    NotAnswered {
        /// How long the test waited.
        limit: Duration,
    },

    /// An operation in a page is not possible, or a call or a template of the page failed.
    #[error("{0}")]
    Page(
        /// The reason.
        String,
    ),

    /// A file is not a recording that can be replayed.
    #[error("{path}, line {line}: {reason}")]
    Recording {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why it cannot be replayed.
        reason: String,
    },

    /// The application behaved differently than in a recording.
    #[error("the application differs from the recording:{}", listed(.0))]
    Different(
        /// The differences, in the order in which they were found; one for each key.
        Vec<Difference>,
    ),

    /// An error of the server or of a call.
    #[error(transparent)]
    Server(#[from] crate::Error),
}

impl From<selvedge_wslink::Error> for Error {
    fn from(error: selvedge_wslink::Error) -> Self {
        Error::Server(error.into())
    }
}

/// A key that had another value than in a recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The key.
    pub key: String,
    /// The time in the recording, in seconds since its start, until which it had the recorded value.
    pub at: f64,
    /// The recorded value, as JSON.
    pub recorded: Value,
    /// The value in the replay, as JSON; null for no value.
    pub replayed: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { key, at, recorded, replayed } = self;
        write!(f, "`{key}` at {at:.3} s: recorded {recorded}, replayed {replayed}")
    }
}

fn listed(differences: &[Difference]) -> String {
    differences.iter().map(|difference| format!("\n  {difference}")).collect()
}
