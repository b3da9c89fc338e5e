//! Rendering of elements to template text.

use std::{collections::HashMap, fmt::Write};

use selvedge_wslink::Packed;

use super::{
    Template,
    element::{Attribute, Element, Node},
    escape::escaped,
};

/// Maximum nesting depth of holes. Deeper holes are treated as self-referential.
const MAX_DEPTH: usize = 32;

impl Element {
    /// Renders the template with its holes filled, and collects the initial state of all its
    /// elements.
    pub(crate) fn render(&self, holes: &HashMap<String, Vec<Node>>) -> Template {
        let mut text = String::new();
        let mut renderer = Renderer { holes, initial: Vec::new() };
        renderer.element(self, &mut text, 0);
        Template { file: None, text, initial: renderer.initial }
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
        for attribute in &element.attributes {
            // Writing to a string cannot fail.
            let _ = match attribute {
                Attribute::Named(name, Some(value)) => {
                    write!(out, " {name}=\"{}\"", escaped(value))
                }
                Attribute::Named(name, None) => write!(out, " {name}"),
                Attribute::Raw(text) => write!(out, " {text}"),
            };
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

/// Returns whether an HTML element has no content and no end tag.
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

impl From<Element> for Template {
    fn from(element: Element) -> Self {
        element.render(&Default::default())
    }
}
