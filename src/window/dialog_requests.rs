//! Native dialogs: the requests and the answers of the user.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Native dialogs, provided by a host for the application's code.
///
/// The caller may stop waiting for an answer; the dialog may then stay open, and its answer is
/// ignored.
pub trait Dialogs: Send + Sync {
    /// Asks which files or folder to open and returns the paths; none if the user cancelled.
    fn open(&self, request: OpenRequest) -> BoxFuture<'static, Vec<PathBuf>>;

    /// Asks where to save a file and returns the chosen path; `None` if the user cancelled.
    fn save(&self, request: SaveRequest) -> BoxFuture<'static, Option<PathBuf>>;

    /// Shows a message until the user answers it.
    fn message(&self, request: MessageRequest) -> BoxFuture<'static, MessageAnswer>;
}

/// Options of a dialog for opening files.
///
/// ```
/// use selvedge::window::OpenRequest;
///
/// let request = OpenRequest::new().title("Measurements").filter("Tables", &["csv", "tsv"]);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OpenRequest {
    /// The title of the dialog. Default: the system's.
    pub title: Option<String>,
    /// The kinds of files that can be chosen. Default: all.
    pub filters: Vec<FileFilter>,
    /// The folder in which the dialog starts. Browsers ignore it.
    pub directory: Option<PathBuf>,
    /// Whether the dialog chooses a file, files or a folder. Set by the function that shows the
    /// dialog.
    pub choice: OpenChoice,
}

/// What the user of an open dialog can choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OpenChoice {
    /// One file.
    #[default]
    File,
    /// One or more files.
    Files,
    /// A folder with all its content.
    Folder,
}

/// A kind of files, defined by file name extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFilter {
    /// The name shown in the dialog, for example `Images`.
    pub name: String,
    /// The extensions without the dot, for example `png`.
    pub extensions: Vec<String>,
}

impl FileFilter {
    fn new(name: &str, extensions: &[&str]) -> Self {
        let extensions =
            extensions.iter().map(|end| end.trim_start_matches('.').to_owned()).collect();
        FileFilter { name: name.to_owned(), extensions }
    }
}

impl OpenRequest {
    /// Returns a request for any file, starting in the system's default folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the title of the dialog.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Also lets the user choose files with these extensions. The dot may be omitted.
    pub fn filter(mut self, name: &str, extensions: &[&str]) -> Self {
        self.filters.push(FileFilter::new(name, extensions));
        self
    }

    /// Sets the folder in which a native dialog starts.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }
}

/// Options of a save dialog.
///
/// ```
/// use selvedge::window::SaveRequest;
///
/// let request = SaveRequest::new("field.png").title("Export").filter("PNG images", &["png"]);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SaveRequest {
    /// The suggested file name, with its extension.
    pub file_name: String,
    /// The title of the dialog. Default: the system's.
    pub title: Option<String>,
    /// The kinds of files to choose from.
    pub filters: Vec<FileFilter>,
    /// The folder in which the dialog starts. Browsers ignore it.
    pub directory: Option<PathBuf>,
}

impl SaveRequest {
    /// Returns a request with a suggested file name.
    pub fn new(file_name: impl Into<String>) -> Self {
        SaveRequest {
            file_name: file_name.into(),
            title: None,
            filters: Vec::new(),
            directory: None,
        }
    }

    /// Sets the title of the dialog.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds a kind of files. The dot of an extension may be omitted.
    pub fn filter(mut self, name: &str, extensions: &[&str]) -> Self {
        self.filters.push(FileFilter::new(name, extensions));
        self
    }

    /// Sets the folder in which a native dialog starts.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }
}

/// A message for the user, or a question.
///
/// ```
/// use selvedge::window::{MessageButtons, MessageRequest};
///
/// let question = MessageRequest::warning("The run is not saved. Close it?").buttons(MessageButtons::YesNo);
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct MessageRequest {
    /// The severity.
    pub level: MessageLevel,
    /// The title of the dialog. Default: the title of the application.
    pub title: Option<String>,
    /// The text of the message or question.
    pub text: String,
    /// The buttons to answer with.
    pub buttons: MessageButtons,
}

impl MessageRequest {
    /// Returns an informational message.
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(MessageLevel::Info, text)
    }

    /// Returns a warning.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(MessageLevel::Warning, text)
    }

    /// Returns an error message.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(MessageLevel::Error, text)
    }

    fn new(level: MessageLevel, text: impl Into<String>) -> Self {
        MessageRequest { level, title: None, text: text.into(), buttons: MessageButtons::Ok }
    }

    /// Sets the title of the dialog.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the buttons. Default: `OK` only.
    pub fn buttons(mut self, buttons: MessageButtons) -> Self {
        self.buttons = buttons;
        self
    }
}

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageLevel {
    /// Information.
    Info,
    /// A warning.
    Warning,
    /// An error.
    Error,
}

/// The buttons under a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MessageButtons {
    /// `OK`
    Ok,
    /// `OK` and `Cancel`
    OkCancel,
    /// `Yes` and `No`
    YesNo,
}

/// The answer of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageAnswer {
    /// The button `OK`.
    Ok,
    /// The button `Yes`.
    Yes,
    /// The button `No`.
    No,
    /// The button `Cancel`, the dialog was closed in another way, or its page or window is gone.
    Cancel,
}

impl MessageAnswer {
    /// Returns whether the user agreed: `OK` or `Yes`.
    pub fn is_yes(self) -> bool {
        matches!(self, MessageAnswer::Ok | MessageAnswer::Yes)
    }
}
