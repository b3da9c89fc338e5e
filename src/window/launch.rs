//! Launches of an application.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How an application was launched that runs already: what the user, or a program that opens a file with it, has asked for.
///
/// It comes with [`Lifecycle::SecondLaunch`](crate::Lifecycle::SecondLaunch).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Launch {
    /// The command line, the name of the program first. What is not Unicode in it was replaced.
    pub args: Vec<String>,
    /// The working directory that paths in `args` refer to.
    pub cwd: PathBuf,
}

impl Launch {
    /// A launch that a host was told of.
    pub fn new(args: Vec<String>, cwd: impl Into<PathBuf>) -> Self {
        Launch { args, cwd: cwd.into() }
    }

    /// This launch of this program.
    pub fn of_this_process() -> Self {
        let lossy = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let args = std::env::args_os().map(|arg| lossy(&arg)).collect();
        Self::new(args, lossy(std::env::current_dir().unwrap_or_default().as_os_str()))
    }
}
