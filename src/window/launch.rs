//! Launches of an application.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde::{Deserialize, Serialize};

/// The launch that started this process.
static FIRST: OnceLock<Launch> = OnceLock::new();

/// How an application was launched: the arguments and files from the user or from a program that
/// opens a file with it.
///
/// [`of_this_process`](Self::of_this_process) returns the launch that started the program; later
/// ones arrive with [`Lifecycle::SecondLaunch`](crate::Lifecycle::SecondLaunch).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SentLaunch", into = "SentLaunch")]
#[non_exhaustive]
pub struct Launch {
    /// The command line, starting with the name of the program. Invalid Unicode was replaced.
    pub args: Vec<String>,
    /// The working directory that relative paths in `args` refer to.
    pub cwd: PathBuf,
    /// The files to open, as absolute paths: the arguments that are neither flags nor values of
    /// flags. A program that parses its command line itself sets them with
    /// [`StartOptions::files`](crate::StartOptions::files).
    pub files: Vec<PathBuf>,
}

impl Launch {
    /// Creates a launch that was reported to a host. Relative `files` refer to `cwd`.
    pub fn new(
        args: Vec<String>,
        cwd: impl Into<PathBuf>,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let cwd = cwd.into();
        let files = files.into_iter().map(|file| cwd.join(file)).collect();
        Launch { args, cwd, files }
    }

    /// Returns the launch that started this process. Its files are known once a desktop host has
    /// begun to run the application, which is before its set-up.
    ///
    /// ```
    /// use selvedge::{Ctx, window::Launch, Lifecycle, Server};
    ///
    /// fn show(server: &Server, launch: &Launch) {
    ///     if let Some(file) = launch.files.first() {
    ///         server.state().set("file", file.display().to_string());
    ///     }
    /// }
    ///
    /// let server = Server::new("viewer");
    /// show(&server, &Launch::of_this_process());
    /// server.on(Lifecycle::SecondLaunch, |cx: Ctx, launch: Launch| show(&cx.server, &launch));
    /// ```
    pub fn of_this_process() -> Self {
        FIRST.get().cloned().unwrap_or_else(|| Launch::of_command_line(Vec::new()))
    }

    /// Sets the result of [`of_this_process`](Self::of_this_process); only the first call has an
    /// effect. For hosts, before the set-up of the application.
    pub fn declare(self) {
        FIRST.get_or_init(|| self);
    }

    /// Returns the launch of this process, with these of its arguments as files.
    pub(crate) fn of_command_line(files: Vec<PathBuf>) -> Self {
        let lossy = |text: &OsStr| text.to_string_lossy().into_owned();
        let args = std::env::args_os().map(|arg| lossy(&arg)).collect();
        Self::new(args, std::env::current_dir().unwrap_or_default(), files)
    }
}

/// The encoded form of a launch, for another process or a function of the application.
#[derive(Serialize, Deserialize)]
struct SentLaunch {
    args: Vec<String>,
    cwd: SentPath,
    files: Vec<SentPath>,
}

/// A path; encoded as bytes if it is not valid Unicode, so that the file can still be opened.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SentPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Launch> for SentLaunch {
    fn from(launch: Launch) -> Self {
        let files = launch.files.iter().map(|file| SentPath::from(&**file)).collect();
        SentLaunch { args: launch.args, cwd: SentPath::from(&*launch.cwd), files }
    }
}

impl From<SentLaunch> for Launch {
    fn from(sent: SentLaunch) -> Self {
        let files = sent.files.into_iter().map(PathBuf::from).collect();
        Launch { args: sent.args, cwd: sent.cwd.into(), files }
    }
}

impl From<&Path> for SentPath {
    fn from(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => SentPath::Text(text.to_owned()),
            None => SentPath::Bytes(path.as_os_str().as_encoded_bytes().to_owned()),
        }
    }
}

impl From<SentPath> for PathBuf {
    fn from(sent: SentPath) -> Self {
        match sent {
            SentPath::Text(text) => text.into(),
            #[cfg(unix)]
            SentPath::Bytes(bytes) => {
                <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
            }
            #[cfg(not(unix))]
            SentPath::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_files_are_those_of_the_working_directory() {
        let launch = Launch::new(vec![], "/ada", ["a.png", "/b.png"].map(PathBuf::from));
        assert_eq!(launch.files, [Path::new("/ada/a.png"), Path::new("/b.png")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_arrives_as_it_is() {
        use std::os::unix::ffi::OsStringExt;

        let file = PathBuf::from(std::ffi::OsString::from_vec(b"/caf\xe9.png".to_vec()));
        let launch = Launch::new(vec!["view".into()], "/ada", [file, "/ä.png".into()]);
        let text = serde_json::to_vec(&launch).unwrap();
        assert_eq!(serde_json::from_slice::<Launch>(&text).unwrap(), launch);
        let packed = selvedge_wslink::Packed::encode(&launch).unwrap();
        assert_eq!(packed.decode::<Launch>().unwrap(), launch);
    }
}
