//! Pages as text: Vue templates from strings, files and elements.

mod element;
mod naming;
mod property;
mod render;
mod source;
mod watch;

use std::path::{Path, PathBuf};

pub use element::{Element, Node, el};
pub use property::{Handler, Prop};
pub(crate) use watch::Watch;

use crate::{Error, Result, wire::Packed};

/// A Vue template.
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.template("main", "<p>{{ trame__title }}</p>");
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    file: Option<PathBuf>,
    /// State keys that the template expects, with the values they start with.
    pub(crate) initial: Vec<(String, Packed)>,
}

impl Template {
    /// Reads a template from a file.
    ///
    /// With [`StartOptions::hot_reload`](crate::StartOptions::hot_reload), open pages follow the file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read as UTF-8 text.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Io { doing: "reading a template", source })?;
        Ok(Template { file: Some(path.to_owned()), ..text.into() })
    }

    /// A text that is part of the program, and the file that it comes from. See [`template!`](crate::template!).
    #[doc(hidden)]
    pub fn with_source(text: &'static str, file: Option<&'static str>) -> Self {
        // A program that was copied to another machine has its text.
        let file = file.map(PathBuf::from).filter(|file| file.is_file());
        Template { file, ..text.into() }
    }

    /// The file that it was read from.
    pub(crate) fn source(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The template's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Template { text, file: None, initial: Vec::new() }
    }
}

impl From<Element> for Template {
    fn from(element: Element) -> Self {
        element.render(&Default::default())
    }
}
