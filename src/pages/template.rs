//! Page templates: Vue templates from strings, files and elements.

use std::path::{Path, PathBuf};

use selvedge_wslink::Packed;

use crate::{Error, Result};

/// A Vue template.
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.template("main", "<p>{{ trame__title }}</p>");
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    pub(crate) text: String,
    pub(crate) file: Option<PathBuf>,
    /// State keys that the template uses, with their initial values.
    pub(crate) initial: Vec<(String, Packed)>,
}

impl Template {
    /// Reads a template from a file.
    ///
    /// With [`StartOptions::hot_reload`](crate::StartOptions::hot_reload), open pages follow the
    /// file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read as UTF-8 text.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::Io { doing: "reading a template", cause })?;
        Ok(Template { file: Some(path.to_owned()), ..text.into() })
    }

    /// Creates a template from a text in the program and the file that it comes from. See
    /// [`template!`](crate::template!).
    #[doc(hidden)]
    pub fn with_source(text: &'static str, file: Option<&'static str>) -> Self {
        // If the program was copied to another machine, the file is missing and only the text is
        // used.
        let file = file.map(PathBuf::from).filter(|file| file.is_file());
        Template { file, ..text.into() }
    }

    /// Returns the file that the template was read from.
    pub(crate) fn source(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns an error text if the template contains an element that templates must not contain.
    pub(crate) fn element_without_place(&self) -> Option<&'static str> {
        const REFUSED: [(&str, &str); 2] = [
            (
                "style",
                "`<style>` has no place in a template: name a style sheet in `Module::styles`, made with `assets!`, or \
                 write `<trame-style :css=\"key\">` for rules in the state",
            ),
            (
                "script",
                "`<script>` has no place in a template: name a script in `Module::scripts`, made with `assets!`, or \
                 write `<trame-script :script=\"key\">` for a script in the state",
            ),
        ];
        let tags = tags(&self.text);
        REFUSED.iter().find(|(tag, _)| tags.contains(tag)).map(|(_, reason)| *reason)
    }

    /// Returns the text of the template.
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

/// Returns the names of all opening tags, without comments and attribute values.
fn tags(text: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end..]);
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        if end == 0 {
            continue;
        }
        tags.push(&rest[..end]);
        rest = after_attributes(&rest[end..]);
    }
    tags
}

/// Returns the text from the `>` of the current tag on.
fn after_attributes(text: &str) -> &str {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '>' => return &text[at..],
            None => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::el;

    #[test]
    fn an_element_without_a_place_is_told_with_what_to_write() {
        for (text, expected) in [
            ("<p>x</p><style>p { color: red }</style>", Some("`Module::styles`")),
            ("<div><script src='a.js'></script></div>", Some("`Module::scripts`")),
            ("<style\n>", Some("`Module::styles`")),
            ("<p>a < b</p><trame-style :css=\"css\" /><styles></styles>", None),
            ("<!-- <style> --><p title=\"<style>\" :x='a > \"<script>\"'></p>", None),
        ] {
            let told = Template::from(text).element_without_place();
            assert_eq!(told.is_some(), expected.is_some(), "{text}");
            assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()), "{told:?}");
        }
        assert!(Template::from(el("style").html("p {}")).element_without_place().is_some());
    }
}
