//! Templates as Rust values: elements, their attributes and what is in them.
//!
//! What comes from data cannot become code: attribute values are escaped, and [`Element::text`] is written so that Vue shows braces
//! as braces. Expressions and event handlers are JavaScript by intent, and never the place for data.

use std::{
    collections::HashMap,
    fmt::{self, Write},
};

use serde::Serialize;

use super::Template;
use crate::wire::Packed;

/// Holes within holes, beyond which a hole counts as one that contains itself.
const MAX_DEPTH: usize = 32;

/// An element of a template.
///
/// ```
/// use selvedge::ui::el;
///
/// let button = el("v-btn")
///     .attr("color", "primary")
///     .bind("disabled", "count < 2")
///     .on("click.prevent", "trigger('add', [1])")
///     .expr("count");
/// assert_eq!(
///     button.to_string(),
///     r#"<v-btn color="primary" :disabled="count &lt; 2" @click.prevent="trigger('add', [1])">{{ count }}</v-btn>"#
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Element {
    tag: String,
    attributes: Vec<(String, Option<String>)>,
    children: Vec<Node>,
    initial: Vec<(String, Packed)>,
}

/// Something in an element.
#[derive(Clone, Debug)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Template text as it stands: HTML, with expressions in braces.
    Html(String),
    /// A place that is filled by name, see [`Ui::fill`](crate::ui::Ui::fill).
    Hole(String),
}

impl From<Element> for Node {
    fn from(element: Element) -> Self {
        Node::Element(element)
    }
}

/// An element with this tag.
///
/// # Panics
/// When `tag` is no tag name.
#[track_caller]
pub fn el(tag: &str) -> Element {
    let valid = tag.starts_with(|first: char| first.is_ascii_alphabetic())
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    assert!(valid, "`{tag}` is no tag name");
    Element {
        tag: tag.to_owned(),
        attributes: Vec::new(),
        children: Vec::new(),
        initial: Vec::new(),
    }
}

/// The value of a property, see [`Element::prop`].
#[derive(Clone, Debug)]
pub enum Prop {
    /// A text as it is.
    Literal(String),
    /// A JavaScript expression.
    Expression(String),
    /// The name of a state key, which is set to this value unless it was set before.
    Key(String, Packed),
    /// Present, or bound to false.
    Flag(bool),
}

impl From<&str> for Prop {
    fn from(text: &str) -> Self {
        Prop::Literal(text.to_owned())
    }
}

impl From<String> for Prop {
    fn from(text: String) -> Self {
        Prop::Literal(text)
    }
}

impl From<bool> for Prop {
    fn from(flag: bool) -> Self {
        Prop::Flag(flag)
    }
}

/// A list of one expression, as in trame.
impl From<(&str,)> for Prop {
    fn from((expression,): (&str,)) -> Self {
        Prop::Expression(expression.to_owned())
    }
}

/// A state key and its initial value. One that cannot be encoded becomes nothing.
impl<T: Serialize> From<(&str, T)> for Prop {
    fn from((key, value): (&str, T)) -> Self {
        Prop::Key(key.to_owned(), Packed::encode(&value).unwrap_or(Packed::nil()))
    }
}

impl Element {
    #[track_caller]
    fn attribute(mut self, name: String, value: Option<String>) -> Self {
        let valid = !name.is_empty()
            && !name
                .contains(|c: char| c.is_whitespace() || c.is_control() || "\"'<>/=".contains(c));
        assert!(valid, "`{name}` is no attribute name");
        self.attributes.push((name, value));
        self
    }

    /// An attribute with a text as its value.
    ///
    /// # Panics
    /// Like all methods that take the name of an attribute: when it is none.
    #[track_caller]
    pub fn attr(self, name: &str, value: impl Into<String>) -> Self {
        self.attribute(name.to_owned(), Some(value.into()))
    }

    /// An attribute that is only there.
    #[track_caller]
    pub fn flag(self, name: &str) -> Self {
        self.attribute(name.to_owned(), None)
    }

    /// An attribute whose value is a JavaScript expression: `:name="…"`.
    #[track_caller]
    pub fn bind(self, name: &str, expression: impl Into<String>) -> Self {
        self.attribute(format!(":{name}"), Some(expression.into()))
    }

    /// A state key that the element shows and changes: `v-model="…"`.
    #[track_caller]
    pub fn model(self, key: &str) -> Self {
        self.attribute("v-model".to_owned(), Some(key.to_owned()))
    }

    /// JavaScript that runs on an event: `@event="…"`. [`Trigger::call`](crate::Trigger::call) writes the call of a trigger.
    #[track_caller]
    pub fn on(self, event: &str, script: impl Into<String>) -> Self {
        self.attribute(format!("@{event}"), Some(script.into()))
    }

    /// The slot of the parent that this fills, with the names that it takes from there.
    #[track_caller]
    pub fn slot(self, name: &str, takes: &str) -> Self {
        let value = (!takes.is_empty()).then(|| takes.to_owned());
        self.attribute(format!("v-slot:{name}"), value)
    }

    /// The name by which [`js_call`](crate::Server::js_call) finds the element.
    pub fn reference(self, name: &str) -> Self {
        let name = script_text(name);
        self.attribute(":ref".to_owned(), Some(format!("(el) => trame.refs[{name}] = el")))
    }

    /// A property by trame's naming rules.
    ///
    /// - `_` in a name is `-` in the attribute: `prepend_icon`
    /// - `v_model_value_number` is `v-model:value.number`; `v_on_click_stop` is `@click.stop`; `click` with a trigger is
    ///   [`on`](Self::on)
    /// - a text is a literal, `("expr",)` an expression, `("key", initial)` a state key that starts with a value, `true` an
    ///   attribute that is only there, `false` one that is bound to false
    ///
    /// ```
    /// use selvedge::{Server, ui::el};
    ///
    /// let server = Server::new("doc");
    /// let field = el("v-text-field").prop("v_model", ("name", "Ada")).prop("hide_details", true);
    /// assert_eq!(field.to_string(), r#"<v-text-field v-model="name" hide-details></v-text-field>"#);
    /// server.template("main", field);
    /// assert_eq!(server.state().get::<String>("name")?, "Ada");
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    #[track_caller]
    pub fn prop(mut self, name: &str, value: impl Into<Prop>) -> Self {
        let name = attribute_name(name);
        // The value of a directive is an expression without a colon.
        let bound = match name.starts_with("v-") || name.starts_with('@') {
            true => name.clone(),
            false => format!(":{name}"),
        };
        match value.into() {
            Prop::Literal(text) => self.attribute(name, Some(text)),
            Prop::Expression(expression) => self.attribute(bound, Some(expression)),
            Prop::Key(key, initial) => {
                self.initial.push((key.clone(), initial));
                self.attribute(bound, Some(key))
            }
            Prop::Flag(true) => self.attribute(name, None),
            Prop::Flag(false) => self.attribute(bound, Some("false".to_owned())),
        }
    }

    /// Something in the element, behind what is there.
    pub fn child(mut self, child: impl Into<Node>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Several things in the element.
    pub fn children<N: Into<Node>>(mut self, children: impl IntoIterator<Item = N>) -> Self {
        self.children.extend(children.into_iter().map(Into::into));
        self
    }

    /// Text that is shown as it is, braces included.
    pub fn text(self, text: &str) -> Self {
        let script = script_text(text);
        self.child(Node::Html(format!("{{{{ {} }}}}", escaped(&script))))
    }

    /// The value of a JavaScript expression: `{{ … }}`.
    pub fn expr(self, expression: &str) -> Self {
        self.child(Node::Html(format!("{{{{ {} }}}}", escaped(expression))))
    }

    /// Template text as it stands. Never the place for text that comes from data.
    pub fn html(self, html: impl Into<String>) -> Self {
        self.child(Node::Html(html.into()))
    }

    /// A place that is filled by name.
    pub fn hole(self, name: &str) -> Self {
        self.child(Node::Hole(name.to_owned()))
    }

    /// The template with its holes filled, and the state keys that it and all in it start with.
    pub(crate) fn render(&self, holes: &HashMap<String, Vec<Node>>) -> Template {
        let mut text = String::new();
        let mut renderer = Renderer { holes, initial: Vec::new() };
        renderer.element(self, &mut text, 0);
        Template { file: None, text, initial: renderer.initial }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(&HashMap::new()).as_str())
    }
}

struct Renderer<'a> {
    holes: &'a HashMap<String, Vec<Node>>,
    initial: Vec<(String, Packed)>,
}

impl Renderer<'_> {
    fn element(&mut self, element: &Element, out: &mut String, depth: usize) {
        out.push('<');
        out.push_str(&element.tag);
        for (name, value) in &element.attributes {
            out.push(' ');
            out.push_str(name);
            if let Some(value) = value {
                // Writing into a string does not fail.
                let _ = write!(out, "=\"{}\"", escaped(value));
            }
        }
        out.push('>');
        self.initial.extend(element.initial.iter().cloned());
        self.nodes(&element.children, out, depth);
        if !is_void(&element.tag) {
            let _ = write!(out, "</{}>", element.tag);
        }
    }

    fn nodes(&mut self, nodes: &[Node], out: &mut String, depth: usize) {
        for node in nodes {
            match node {
                Node::Element(element) => self.element(element, out, depth),
                Node::Html(html) => out.push_str(html),
                Node::Hole(name) if depth < MAX_DEPTH => {
                    if let Some(nodes) = self.holes.get(name) {
                        self.nodes(nodes, out, depth + 1);
                    }
                }
                Node::Hole(name) => tracing::error!("the hole `{name}` contains itself"),
            }
        }
    }
}

/// Elements of HTML that have no content and no end.
fn is_void(tag: &str) -> bool {
    matches!(
        tag,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

fn attribute_name(name: &str) -> String {
    let mut parts = name.split('_');
    match (parts.next(), parts.next()) {
        (Some("v"), Some("model")) => directive("v-model", ":", parts),
        (Some("v"), Some("on")) => directive("", "@", parts),
        (Some("v"), Some("slot")) => directive("v-slot", ":", parts),
        _ => name.replace('_', "-"),
    }
}

/// The argument of a directive after `before`, then its modifiers.
fn directive<'a>(name: &str, before: &str, parts: impl Iterator<Item = &'a str>) -> String {
    let mut out = name.to_owned();
    for (position, part) in parts.enumerate() {
        out.push_str(if position == 0 { before } else { "." });
        out.push_str(part);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text as a JavaScript string in which Vue finds no braces.
fn script_text(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            '{' | '}' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_text_cannot_break_out() {
        let element = el("p").attr("title", "\"><script>").text("{{ evil('x') }} <b> \\");
        assert_eq!(
            element.to_string(),
            r#"<p title="&quot;&gt;&lt;script&gt;">{{ '\u007b\u007b evil(\'x\') \u007d\u007d &lt;b&gt; \\' }}</p>"#
        );
    }

    #[test]
    fn names_follow_the_rules_of_trame() {
        for (name, attribute) in [
            ("prepend_icon", "prepend-icon"),
            ("v_model", "v-model"),
            ("v_model_value", "v-model:value"),
            ("v_model_value_number", "v-model:value.number"),
            ("v_on_click_stop", "@click.stop"),
            ("v_slot_activator", "v-slot:activator"),
            ("v_if", "v-if"),
        ] {
            assert_eq!(attribute_name(name), attribute);
        }
        let element =
            el("v-x").prop("a_b", "c").prop("d", ("e + 1",)).prop("f", true).prop("g", false);
        assert_eq!(element.to_string(), r#"<v-x a-b="c" :d="e + 1" f :g="false"></v-x>"#);
        assert_eq!(el("v-x").prop("v_if", ("a",)).to_string(), r#"<v-x v-if="a"></v-x>"#);
    }

    #[test]
    fn slots_references_and_void_elements() {
        let element = el("v-menu")
            .child(el("template").slot("activator", "{ props }").child(el("input").model("name")))
            .child(el("div").slot("default", "").reference("it's"));
        assert_eq!(
            element.to_string(),
            "<v-menu><template v-slot:activator=\"{ props }\"><input v-model=\"name\"></template>\
             <div v-slot:default :ref=\"(el) =&gt; trame.refs['it\\'s'] = el\"></div></v-menu>"
        );
    }

    #[test]
    fn holes_are_filled_and_one_in_itself_ends() {
        let layout = el("div").hole("a").hole("empty");
        let filled = [
            ("a".to_owned(), vec![el("p").text("x").into(), Node::Hole("b".to_owned())]),
            ("b".to_owned(), vec![Node::Html("<hr>".to_owned())]),
        ];
        assert_eq!(layout.render(&filled.into()).as_str(), "<div><p>{{ 'x' }}</p><hr></div>");
        let endless = [("a".to_owned(), vec![Node::Hole("a".to_owned())])];
        assert_eq!(layout.render(&endless.into()).as_str(), "<div></div>");
    }

    #[test]
    #[should_panic(expected = "no attribute name")]
    fn a_name_cannot_break_out_either() {
        let _ = el("p").attr("a onclick=x", "");
    }
}
