//! Translates the names of a part of an application to the names of the whole.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use selvedge_wslink::words::key;

/// Maps the keys, functions and triggers of a child server to separate names.
///
/// Keys that begin with `trame__` are never translated.
///
/// ```
/// use selvedge::trame::Translator;
///
/// let translator = Translator::with_prefix("left_").add("theme", "theme");
/// assert_eq!(translator.translate("count"), "left_count");
/// assert_eq!(translator.translate("theme"), "theme");
/// assert_eq!(translator.translate("trame__title"), "trame__title");
/// assert_eq!(translator.reverse("left_count").as_deref(), Some("count"));
/// assert_eq!(translator.reverse("count"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translator {
    prefix: String,
    names: BTreeMap<String, String>,
    /// Translates the result further, for a child of a child.
    outer: Option<Arc<Translator>>,
}

impl Translator {
    /// Puts `prefix` before every name.
    pub fn with_prefix(prefix: impl Into<String>) -> Self {
        Translator { prefix: prefix.into(), ..Translator::default() }
    }

    /// Adds a translation of one name, which takes precedence over the prefix.
    pub fn add(mut self, name: impl Into<String>, to: impl Into<String>) -> Self {
        self.names.insert(name.into(), to.into());
        self
    }

    /// Returns this translator nested in `outer`, which translates its results.
    pub(crate) fn within(mut self, outer: Translator) -> Self {
        self.outer = Some(Arc::new(match self.outer {
            Some(inner) => inner.as_ref().clone().within(outer),
            None => outer,
        }));
        self
    }

    fn is_identity(&self) -> bool {
        self.prefix.is_empty() && self.names.is_empty() && self.outer.is_none()
    }

    /// Translates a name of the part to its name in the whole.
    pub fn translate<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.is_identity() || name.starts_with(key::RESERVED) {
            return Cow::Borrowed(name);
        }
        let here = match self.names.get(name) {
            Some(to) => to.clone(),
            None => format!("{}{name}", self.prefix),
        };
        match &self.outer {
            Some(outer) => Cow::Owned(outer.translate(&here).into_owned()),
            None => Cow::Owned(here),
        }
    }

    /// Translates a name of the whole back to its name in the part; `None` if the part has no name
    /// for it.
    pub fn reverse(&self, name: &str) -> Option<String> {
        if name.starts_with(key::RESERVED) {
            return Some(name.to_owned());
        }
        let here = match &self.outer {
            Some(outer) => outer.reverse(name)?,
            None => name.to_owned(),
        };
        if let Some((from, _)) = self.names.iter().find(|(_, to)| **to == here) {
            return Some(from.clone());
        }
        let from = here.strip_prefix(&self.prefix)?;
        (!self.names.contains_key(from)).then(|| from.to_owned())
    }

    /// Translates the names in a JavaScript expression for which `is_key` holds.
    ///
    /// Like trame, this does not parse JavaScript: every word counts, including those in a string
    /// and after a dot.
    pub fn translate_js(&self, expression: &str, is_key: impl Fn(&str) -> bool) -> String {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let mut translated = String::with_capacity(expression.len());
        let mut rest = expression;
        while !rest.is_empty() {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(length);
            match !word.is_empty() && is_key(word) {
                true => translated.push_str(&self.translate(word)),
                false => translated.push_str(word),
            }
            let length = after.find(is_word).unwrap_or(after.len());
            let (between, next) = after.split_at(length);
            translated.push_str(between);
            rest = next;
        }
        translated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_a_child_has_both_prefixes() {
        let translator = Translator::with_prefix("b_").within(Translator::with_prefix("a_"));
        assert_eq!(translator.translate("x"), "a_b_x");
        assert_eq!(translator.reverse("a_b_x").as_deref(), Some("x"));
        assert_eq!(translator.reverse("a_x"), None);
        let deeper = Translator::with_prefix("c_").within(translator);
        assert_eq!(deeper.translate("x"), "a_b_c_x");
    }

    #[test]
    fn shadowed_names_cannot_be_translated_back() {
        let translator = Translator::with_prefix("p_").add("a", "other");
        assert_eq!(translator.reverse("p_a"), None);
        assert_eq!(translator.reverse("other").as_deref(), Some("a"));
    }

    #[test]
    fn words_of_an_expression_are_translated_wherever_they_stand() {
        let translator = Translator::with_prefix("p_");
        let is_key = |name: &str| name == "a";
        assert_eq!(
            translator.translate_js("a + b.a + 'a' + ab", is_key),
            "p_a + b.p_a + 'p_a' + ab"
        );
        assert_eq!(translator.translate_js("", is_key), "");
    }
}
