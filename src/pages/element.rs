//! Templates as Rust values: elements, attributes and children.
//!
//! Data cannot become code: attribute values are escaped, and [`Element::text`] makes Vue show
//! braces as braces. Expressions and event handlers are JavaScript and must not contain data.

use std::{collections::HashMap, fmt};

use selvedge_wslink::Packed;

use super::{
    escape::escaped,
    naming::{Place, place},
    property::{Handler, Prop, script_text},
};

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
    pub(crate) tag: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
    pub(crate) initial: Vec<(String, Packed)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    /// A name with a value, which is escaped, or without one.
    Named(String, Option<String>),
    /// The text of an attribute in template syntax.
    Raw(String),
}

/// A child of an element.
#[derive(Clone, Debug)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Template text, not escaped: HTML with expressions in braces.
    Html(String),
    /// A placeholder that is filled by name, see [`Ui::fill`](crate::ui::Ui::fill).
    Hole(String),
}

impl From<Element> for Node {
    fn from(element: Element) -> Self {
        Node::Element(element)
    }
}

/// Returns an element with this tag.
///
/// # Panics
/// If `tag` is not a valid tag name.
#[track_caller]
pub fn el(tag: &str) -> Element {
    let valid = tag.starts_with(|first: char| first.is_ascii_alphabetic())
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    assert!(valid, "`{tag}` is not a tag name");
    Element {
        tag: tag.to_owned(),
        attributes: Vec::new(),
        children: Vec::new(),
        initial: Vec::new(),
    }
}

impl Element {
    #[track_caller]
    fn attribute(mut self, name: String, value: Option<String>) -> Self {
        let valid = !name.is_empty()
            && !name
                .contains(|c: char| c.is_whitespace() || c.is_control() || "\"'<>/=".contains(c));
        assert!(valid, "`{name}` is not an attribute name");
        self.attributes.push(Attribute::Named(name, value));
        self
    }

    /// Adds an attribute with a text as its value.
    ///
    /// # Panics
    /// If the name is not a valid attribute name. This applies to all methods that take one.
    #[track_caller]
    pub fn attr(self, name: &str, value: impl Into<String>) -> Self {
        self.attribute(name.to_owned(), Some(value.into()))
    }

    /// Adds a boolean attribute.
    #[track_caller]
    pub fn flag(self, name: &str) -> Self {
        self.attribute(name.to_owned(), None)
    }

    /// Adds an attribute whose value is a JavaScript expression: `:name="…"`.
    #[track_caller]
    pub fn bind(self, name: &str, expression: impl Into<String>) -> Self {
        self.attribute(format!(":{name}"), Some(expression.into()))
    }

    /// Binds a state key that the element shows and changes: `v-model="…"`.
    #[track_caller]
    pub fn model(self, key: impl Into<String>) -> Self {
        self.attribute("v-model".to_owned(), Some(key.into()))
    }

    /// Adds an event handler: JavaScript, a trigger, or a function of the controller.
    ///
    /// ```
    /// use selvedge::{Ctx, Server, ui::el};
    ///
    /// let server = Server::new("doc");
    /// let reset = server.trigger("reset", |cx: Ctx| cx.set("count", 0));
    /// let add = server.trigger("add", |_: Ctx, by: i64| by);
    /// let buttons = el("p")
    ///     .child(el("button").on("click", "count += 1"))
    ///     .child(el("button").on("click", &reset))
    ///     .child(el("button").on("click.stop", add.call("count")))
    ///     .child(el("button").on("click", server.controller().function("save")));
    /// # drop(buttons);
    /// ```
    #[track_caller]
    pub fn on(self, event: &str, handler: impl Into<Handler>) -> Self {
        self.attribute(format!("@{event}"), Some(handler.into().into_script()))
    }

    /// Makes the element fill a slot of its parent; `takes` are the slot props that it uses.
    #[track_caller]
    pub fn slot(self, name: &str, takes: &str) -> Self {
        let value = (!takes.is_empty()).then(|| takes.to_owned());
        self.attribute(format!("v-slot:{name}"), value)
    }

    /// Sets the name by which [`js_call`](crate::Server::js_call) finds the element.
    pub fn reference(self, name: &str) -> Self {
        let name = script_text(name);
        self.attribute(":ref".to_owned(), Some(format!("(el) => trame.refs[{name}] = el")))
    }

    /// Adds a property by trame's naming rules.
    ///
    /// | name | in the template |
    /// | --- | --- |
    /// | `prepend_icon` | `prepend-icon` |
    /// | `classes`, `style`, `key` | `class`, `style` (also of pairs), `:key` |
    /// | `ref` | [`reference`](Self::reference) |
    /// | `v_if`, `v_model`, … | `v-if`, `v-model`, …: the value is an expression |
    /// | `v_model_value_number`, `v_model_lazy` | `v-model:value.number`, `v-model.lazy` |
    /// | `v_bind_items`, `v_slot_activator` | `:items`, `v-slot:activator` |
    /// | `click`, `change` and the other events of all elements | `@click`, `@change` |
    /// | `v_on_click_stop`, `update_modelValue`, `click_append` | `@click.stop`, `@update:modelValue`, `@click:append` |
    /// | `raw_attrs` | a list of attributes in template syntax |
    /// | a name in template syntax, `v-mine` or `aria-label` | the same name |
    ///
    /// | value | meaning |
    /// | --- | --- |
    /// | a text or number | a literal; JavaScript for an event |
    /// | `("expr",)` | an expression; for an event, the name of a trigger |
    /// | `("key", initial)` | a state key with its initial value; for an event, a trigger and its list of arguments as JavaScript |
    /// | `("name", "[args]", "{kwargs}")` | for an event: a trigger, its arguments and keyword arguments |
    /// | a [`Trigger`](crate::calls::Trigger), a [`ControllerFunction`](crate::trame::ControllerFunction) | for an event: its call |
    /// | `true`, `false` | a boolean attribute; an attribute that is bound to false |
    /// | `None` | no attribute |
    ///
    /// ```
    /// use selvedge::{Server, ui::el};
    ///
    /// let server = Server::new("doc");
    /// let field = el("v-text-field")
    ///     .prop("v_model", ("name", "Ada"))
    ///     .prop("hide_details", true)
    ///     .prop("classes", "mt-2")
    ///     .prop("change", "trigger('save')");
    /// assert_eq!(
    ///     field.to_string(),
    ///     r#"<v-text-field v-model="name" hide-details class="mt-2" @change="trigger('save')"></v-text-field>"#
    /// );
    /// server.template("main", field);
    /// assert_eq!(server.state().get::<String>("name")?, "Ada");
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the name or the value is invalid. The message says what to write instead.
    #[track_caller]
    pub fn prop(self, name: &str, value: impl Into<Prop>) -> Self {
        let place = match place(name) {
            Ok(place) => place,
            Err(refusal) => panic!("{refusal}"),
        };
        match (place, value.into()) {
            (_, Prop::Absent) => self,
            (Place::Attribute(name), Prop::Literal(text)) => self.attribute(name, Some(text)),
            (Place::Attribute(name), Prop::Flag(true)) => self.attribute(name, None),
            (Place::Attribute(name), Prop::Pairs(pairs)) if name == "style" => {
                let styles = pairs.iter().map(|(name, value)| format!("{name}: {value};"));
                let styles = styles.collect::<Vec<_>>().join(" ");
                self.attribute(name, Some(styles))
            }
            (Place::Attribute(name), value) => self.expression(&name, format!(":{name}"), value),
            (Place::Expression(name), Prop::Flag(true)) => self.attribute(name, None),
            (Place::Expression(directive), Prop::Literal(expression)) => {
                self.attribute(directive, Some(expression))
            }
            (Place::Expression(directive), value) => self.expression(name, directive, value),
            (Place::Event(event), value) => match handler(value) {
                Some(handler) => self.on(&event, handler),
                None => panic!(
                    "`{name}` is an event: its value is JavaScript or a trigger. A property of this name is written with \
                     `attr` or `bind`"
                ),
            },
            (Place::Reference, Prop::Literal(name)) => self.reference(&name),
            (Place::Reference, value) => self.expression(name, ":ref".to_owned(), value),
            (Place::Raw, Prop::List(texts)) => texts.into_iter().fold(self, Self::raw),
            (Place::Raw, _) => panic!("`raw_attrs` takes a list of texts: `[\"v-slot:item\"]`"),
        }
    }

    /// Adds an attribute whose value is an expression.
    #[track_caller]
    fn expression(mut self, name: &str, bound: String, value: Prop) -> Self {
        let expression = match value {
            Prop::Expression(expression) => expression,
            Prop::Flag(flag) => flag.to_string(),
            Prop::Key(key, initial) => {
                self.initial.push((key.clone(), initial));
                key
            }
            value => panic!(
                "`{name}` does not take {}: write a text, or an expression as `(\"expr\",)`",
                value.kind()
            ),
        };
        self.attribute(bound, Some(expression))
    }

    /// Adds an attribute in template syntax.
    #[track_caller]
    fn raw(mut self, text: String) -> Self {
        let mut quote = None;
        let ends_the_tag = text.chars().any(|c| {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '"' || c == '\'' => quote = Some(c),
                _ => {}
            }
            quote.is_none() && (c == '<' || c == '>')
        });
        assert!(!ends_the_tag && quote.is_none(), "`{text}` is not the text of an attribute");
        self.attributes.push(Attribute::Raw(text));
        self
    }

    /// Appends a child.
    pub fn child(mut self, child: impl Into<Node>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Appends several children.
    pub fn children<N: Into<Node>>(mut self, children: impl IntoIterator<Item = N>) -> Self {
        self.children.extend(children.into_iter().map(Into::into));
        self
    }

    /// Appends text that is shown literally, including braces.
    pub fn text(self, text: &str) -> Self {
        let script = script_text(text);
        self.child(Node::Html(format!("{{{{ {} }}}}", escaped(&script))))
    }

    /// Appends the value of a JavaScript expression: `{{ … }}`.
    pub fn expr(self, expression: impl AsRef<str>) -> Self {
        let expression = expression.as_ref();
        self.child(Node::Html(format!("{{{{ {} }}}}", escaped(expression))))
    }

    /// Appends template text, not escaped. It must not contain data.
    pub fn html(self, html: impl Into<String>) -> Self {
        self.child(Node::Html(html.into()))
    }

    /// Appends a placeholder that is filled by name.
    pub fn hole(self, name: &str) -> Self {
        self.child(Node::Hole(name.to_owned()))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(&HashMap::new()).as_str())
    }
}

/// Returns the event handler for the value of a property, if it is one.
fn handler(value: Prop) -> Option<Handler> {
    match value {
        Prop::Literal(script) => Some(script.into()),
        Prop::Handler(handler) => Some(handler),
        Prop::Expression(trigger) => Some(Handler::trigger(&trigger, &[])),
        Prop::Key(trigger, arguments) => {
            let arguments: String = arguments.decode().ok()?;
            Some(Handler::trigger(&trigger, &[&arguments]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::callback::panic_message;

    #[test]
    fn attributes_and_text_cannot_break_out() {
        let element = el("p").attr("title", "\"><script>").text("{{ evil('x') }} <b> \\");
        assert_eq!(
            element.to_string(),
            r#"<p title="&quot;&gt;&lt;script&gt;">{{ '\u007b\u007b evil(\'x\') \u007d\u007d &lt;b&gt; \\' }}</p>"#
        );
    }

    #[test]
    fn values_follow_the_rules_of_trame() {
        let shown =
            |element: Element| element.to_string().replacen("<v-x ", "", 1).replace("></v-x>", "");
        let prop = |name: &str, value: Prop| shown(el("v-x").prop(name, value));
        for (name, value, expected) in [
            ("a_b", "c".into(), "a-b=\"c\""),
            ("d", ("e + 1",).into(), ":d=\"e + 1\""),
            ("f", true.into(), "f"),
            ("g", false.into(), ":g=\"false\""),
            ("rows", 5.into(), "rows=\"5\""),
            ("step", 0.5.into(), "step=\"0.5\""),
            ("items", ("names", vec!["a"]).into(), ":items=\"names\""),
            ("classes", "mt-2".into(), "class=\"mt-2\""),
            ("classes", ("{ on }",).into(), ":class=\"{ on }\""),
            (
                "style",
                [("color", "red"), ("width", "1px")].into(),
                "style=\"color: red; width: 1px;\"",
            ),
            (
                "raw_attrs",
                ["v-slot:item.1", "class=\"b\"", "@click.stop=\"a=2 > 1\""].into(),
                "v-slot:item.1 class=\"b\" @click.stop=\"a=2 > 1\"",
            ),
            ("key", "item.id".into(), ":key=\"item.id\""),
            ("key", ("item.id",).into(), ":key=\"item.id\""),
            ("ref", "view".into(), ":ref=\"(el) =&gt; trame.refs['view'] = el\""),
            ("v_if", ("a",).into(), "v-if=\"a\""),
            ("v_if", "a".into(), "v-if=\"a\""),
            ("v_else", true.into(), "v-else"),
            ("click", "count += 1".into(), "@click=\"count += 1\""),
            ("click", ("reset",).into(), "@click=\"trigger('reset')\""),
            ("click", ("add", "[1, $event]").into(), "@click=\"trigger('add', [1, $event])\""),
            (
                "click",
                ("add", "[1]", "{ by: 2 }").into(),
                "@click=\"trigger('add', [1], { by: 2 })\"",
            ),
            ("v_on_keydown_enter", "go()".into(), "@keydown.enter=\"go()\""),
            ("color", Prop::from(None::<&str>), "<v-x"),
        ] {
            assert_eq!(prop(name, value), expected);
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (name, value, reason) in [
            ("click", Prop::from(true), "`click` is an event"),
            ("raw_attrs", "a".into(), "list of texts"),
            ("raw_attrs", ["a=\"b"].into(), "not the text of an attribute"),
            ("raw_attrs", ["><script>"].into(), "not the text of an attribute"),
            ("items", ["a", "b"].into(), "`items` does not take a list of texts"),
            ("v_modle", "a".into(), "`v_model`"),
        ] {
            let panic = std::panic::catch_unwind(|| el("p").prop(name, value)).unwrap_err();
            let text = panic_message(&*panic);
            assert!(text.contains(reason), "{text}");
        }
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
    #[should_panic(expected = "not an attribute name")]
    fn names_cannot_break_out_of_a_tag() {
        let _ = el("p").attr("a onclick=x", "");
    }
}
