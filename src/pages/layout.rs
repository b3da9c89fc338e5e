//! Layouts made of elements, with holes that other parts of the application fill.

use std::collections::HashMap;

use super::{Element, Node};
use crate::app::Server;

/// The layouts of a server and the holes in them.
///
/// ```
/// use selvedge::{Server, ui::el};
///
/// let server = Server::new("doc");
/// server.ui().layout("main", el("div").hole("toolbar").child(el("main").expr("count")));
/// server.ui().fill("toolbar", [el("button").text("Reset")]);
/// assert_eq!(
///     server.state().get::<String>("trame__template_main")?,
///     "<div><button>{{ 'Reset' }}</button><main>{{ count }}</main></div>"
/// );
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ui {
    server: Server,
}

/// The layouts by template name, and the contents of their holes.
#[derive(Default)]
pub(crate) struct Layouts {
    layouts: HashMap<String, Element>,
    holes: HashMap<String, Vec<Node>>,
}

impl Server {
    /// Returns the layouts and the holes in them.
    pub fn ui(&self) -> Ui {
        Ui { server: self.clone() }
    }
}

impl Ui {
    /// Shows a layout as the template of this name, and updates it whenever one of its holes
    /// changes.
    pub fn layout(&self, template: &str, layout: Element) {
        self.server.inner.layouts.lock().layouts.insert(template.to_owned(), layout);
        self.show();
    }

    /// Replaces the content of a hole and updates the layouts that contain it.
    pub fn fill<N: Into<Node>>(&self, hole: &str, nodes: impl IntoIterator<Item = N>) {
        let nodes = nodes.into_iter().map(Into::into).collect();
        self.server.inner.layouts.lock().holes.insert(hole.to_owned(), nodes);
        self.show();
    }

    /// Appends a node to the content of a hole.
    pub fn add(&self, hole: &str, node: impl Into<Node>) {
        self.server
            .inner
            .layouts
            .lock()
            .holes
            .entry(hole.to_owned())
            .or_default()
            .push(node.into());
        self.show();
    }

    /// Empties a hole.
    pub fn clear(&self, hole: &str) {
        self.server.inner.layouts.lock().holes.remove(hole);
        self.show();
    }

    /// Removes all layouts; the templates stay as they are.
    pub fn clear_layouts(&self) {
        self.server.inner.layouts.lock().layouts.clear();
    }

    /// Returns the content of a hole as template text.
    pub fn html(&self, hole: &str) -> String {
        let layouts = self.server.inner.layouts.lock();
        let nodes = layouts.holes.get(hole).into_iter().flatten();
        let text = |node: &Node| match node {
            Node::Element(element) => element.render(&layouts.holes).as_str().to_owned(),
            Node::Html(html) => html.clone(),
            Node::Hole(_) => String::new(),
        };
        nodes.map(text).collect()
    }

    fn show(&self) {
        let layouts = self.server.inner.layouts.lock();
        let render =
            |(name, layout): (&String, &Element)| (name.clone(), layout.render(&layouts.holes));
        let shown: Vec<_> = layouts.layouts.iter().map(render).collect();
        drop(layouts);
        for (name, template) in shown {
            self.server.template(&name, template);
        }
    }
}
