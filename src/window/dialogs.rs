//! Dialogs of the system around an application: what is asked for, and what the user answered.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Native dialogs, which a host offers to the application's code.
///
/// Whoever waits for an answer may stop waiting; a dialog that is open then may stay, and its answer counts for nothing.
pub trait Dialogs: Send + Sync {
    /// Asks which files or folder to open, and gives their paths: none when the user cancelled.
    fn open(&self, request: OpenRequest) -> BoxFuture<'static, Vec<PathBuf>>;

    /// Asks where to save a file, and gives the chosen path, or `None` when the user cancelled.
    fn save(&self, request: SaveRequest) -> BoxFuture<'static, Option<PathBuf>>;

    /// Shows a message until the user has answered it.
    fn message(&self, request: MessageRequest) -> BoxFuture<'static, MessageAnswer>;
}

/// What a dialog for opening files asks for.
///
/// ```
/// use selvedge::OpenRequest;
///
/// let request = OpenRequest::new().title("Measurements").filter("Tables", &["csv", "tsv"]);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OpenRequest {
    /// The dialog's title. Without one the system's own.
    pub title: Option<String>,
    /// Which files can be chosen. Without filters all of them.
    pub filters: Vec<FileFilter>,
    /// Where the dialog begins. Browsers decide that themselves.
    pub directory: Option<PathBuf>,
    /// What can be chosen. Set by the function that shows the dialog.
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
    /// One file or several.
    Files,
    /// A folder, with all that is in it.
    Folder,
}

/// Files of some kind, by the ends of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFilter {
    /// What the dialog calls them: `Images`.
    pub name: String,
    /// The ends of their names, without the dot: `png`.
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
    /// Any file, from wherever the system begins.
    pub fn new() -> Self {
        Self::default()
    }

    /// The dialog's title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Lets the user choose files with these ends, beside those of other filters. The dot may be left out.
    pub fn filter(mut self, name: &str, extensions: &[&str]) -> Self {
        self.filters.push(FileFilter::new(name, extensions));
        self
    }

    /// Where a native dialog begins.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }
}

/// What a save dialog suggests.
///
/// ```
/// use selvedge::SaveRequest;
///
/// let request = SaveRequest::new("field.png").title("Export").filter("PNG images", &["png"]);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SaveRequest {
    /// The suggested file name, with its extension.
    pub file_name: String,
    /// The dialog's title. Without one the system's own.
    pub title: Option<String>,
    /// Kinds of files to choose from.
    pub filters: Vec<FileFilter>,
    /// Where the dialog begins. Browsers decide that themselves.
    pub directory: Option<PathBuf>,
}

impl SaveRequest {
    /// Suggests a name.
    pub fn new(file_name: impl Into<String>) -> Self {
        SaveRequest {
            file_name: file_name.into(),
            title: None,
            filters: Vec::new(),
            directory: None,
        }
    }

    /// The dialog's title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Offers a kind of files. The dot of an extension may be left out.
    pub fn filter(mut self, name: &str, extensions: &[&str]) -> Self {
        self.filters.push(FileFilter::new(name, extensions));
        self
    }

    /// Where a native dialog begins.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }
}

/// A message for the user, or a question.
///
/// ```
/// use selvedge::{MessageButtons, MessageRequest};
///
/// let question = MessageRequest::warning("The run is not saved. Close it?").buttons(MessageButtons::YesNo);
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct MessageRequest {
    /// How serious it is.
    pub level: MessageLevel,
    /// The dialog's title. Without one the title of the application.
    pub title: Option<String>,
    /// What the user is told or asked.
    pub text: String,
    /// How it can be answered.
    pub buttons: MessageButtons,
}

impl MessageRequest {
    /// Something to know.
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(MessageLevel::Info, text)
    }

    /// Something to be careful about.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(MessageLevel::Warning, text)
    }

    /// Something that went wrong.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(MessageLevel::Error, text)
    }

    fn new(level: MessageLevel, text: impl Into<String>) -> Self {
        MessageRequest { level, title: None, text: text.into(), buttons: MessageButtons::Ok }
    }

    /// The dialog's title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// How it can be answered; one button, `OK`, if nothing else is said.
    pub fn buttons(mut self, buttons: MessageButtons) -> Self {
        self.buttons = buttons;
        self
    }
}

/// How serious a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageLevel {
    /// Something to know.
    Info,
    /// Something to be careful about.
    Warning,
    /// Something that went wrong.
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

/// What the user answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageAnswer {
    /// The button `OK`.
    Ok,
    /// The button `Yes`.
    Yes,
    /// The button `No`.
    No,
    /// The button `Cancel`, or the dialog was closed in another way, or its page or window is gone.
    Cancel,
}

impl MessageAnswer {
    /// Whether the user agreed: `OK` or `Yes`.
    pub fn is_yes(self) -> bool {
        matches!(self, MessageAnswer::Ok | MessageAnswer::Yes)
    }
}
