//! JavaScript that the application runs in its pages.

use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_wslink::Packed;
use serde::Serialize;

use super::{Element, Node, el};
use crate::{Result, app::Server};

/// A script that the application runs in its pages, created by [`Server::js_eval`].
#[derive(Clone, Debug)]
pub struct JsEval {
    server: Server,
    reference: String,
    script: String,
}

impl Server {
    /// Creates a script for pages, as trame's `JSEval`: put it into an element, then call
    /// [`run`](JsEval::run).
    ///
    /// The script runs as an event handler of the template. It can use everything that handlers
    /// can, and `$event` is the value passed to `run`.
    ///
    /// ```
    /// use selvedge::{Server, ui::el};
    ///
    /// let server = Server::new("doc");
    /// let select = server.js_eval("document.getElementById($event).select()");
    /// server.template("main", el("div").child(el("input").attr("id", "name")).child(&select));
    /// select.run("name")?;
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn js_eval(&self, script: impl Into<String>) -> JsEval {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let reference = format!("js_eval_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        JsEval { server: self.clone(), reference, script: script.into() }
    }
}

impl JsEval {
    /// Runs the script in all pages that show its element, with `value` as `$event`. Pass `()` for
    /// no value.
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) if the value cannot be sent.
    pub fn run(&self, value: impl Serialize) -> Result<()> {
        let value = Packed::encode(&value)?;
        let arguments: Vec<Packed> = (!value.is_nil()).then_some(value).into_iter().collect();
        self.server.js_call(&self.reference, "exec", arguments)
    }

    /// Returns the element that must be in a template.
    fn element(&self) -> Element {
        el("trame-exec").reference(&self.reference).on("exec", self.script.as_str())
    }
}

impl From<&JsEval> for Node {
    fn from(eval: &JsEval) -> Self {
        eval.element().into()
    }
}

impl From<JsEval> for Node {
    fn from(eval: JsEval) -> Self {
        (&eval).into()
    }
}
