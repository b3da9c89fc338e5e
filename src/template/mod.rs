//! Pages as text: Vue templates from strings and files.

use std::path::Path;

use crate::{Error, Result};

/// A Vue template.
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.template("main", "<p>{{ trame__title }}</p>");
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
}

impl Template {
    /// Reads a template from a file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read as UTF-8 text.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            doing: "reading a template",
            source,
        })?;
        Ok(Template { text })
    }

    /// The template's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Template {
            text: text.to_owned(),
        }
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Template { text }
    }
}
