//! The templates of an application, rendered in the test, and operated as its user does.
//!
//! The page's own code compiles and renders them in a JavaScript engine that knows no document. Its
//! calls go over the connection of a [`User`].

use std::{collections::HashMap, fmt};

use selvedge_wslink::Packed;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::{Error, Result, User, script::Script};

/// A page of a [`TestApp`](super::TestApp), as its user sees it: the text of its templates, and
/// controls that are found by their accessible names.
///
/// The templates are compiled and rendered by the page's own code, without a browser: conditions,
/// loops, expressions, `v-model`, events, templates in templates, routes and `<selvedge-job>` work.
/// There is no layout, no style sheet, and no script of a module: elements of widget packages are
/// plain elements with their attributes and content.
///
/// ```
/// use selvedge::{Ctx, Server, testing::{Result, TestApp}};
///
/// let server = Server::new("counter");
/// server.state().set("count", 0).set("name", "");
/// server.trigger("add", |cx: Ctx| cx.state().update("count", |count: &mut i64| *count += 1));
/// server.template("main", r#"
///     <label>Name <input v-model="name"></label>
///     <button @click="trigger('add')" :disabled="name === ''">More</button>
///     <p>{{ name }} has {{ count }}</p>
/// "#);
/// # async fn counts(server: Server) -> Result {
/// let app = TestApp::start(&server).await?;
/// let mut page = app.page().await?;
/// page.press("More").await.expect_err("there is no name yet");
/// page.fill("Name", "Ada").await?;
/// page.press("More").await?;
/// assert!(page.text().await?.ends_with("Ada has 1"));
/// assert!(page.mistakes()?.is_empty());
/// # app.stop().await
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(counts(server)).unwrap();
/// ```
///
/// A call of a template that fails is the error of the operation that has caused it, or else of the
/// next one.
pub struct Page {
    user: User,
    script: Script,
    /// The values that the page has.
    shown: HashMap<String, Packed>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a page has done since it was asked last.
#[derive(Deserialize)]
struct Taken {
    outgoing: Vec<Outgoing>,
    errors: Vec<String>,
}

/// A call of the page.
#[derive(Deserialize)]
struct Outgoing {
    id: u32,
    #[serde(flatten)]
    call: PageRequest,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PageRequest {
    Set { changes: Vec<Value> },
    Trigger { trigger: String, args: Vec<Value>, kwargs: Map<String, Value> },
    Call { method: String, args: Vec<Value> },
}

impl Page {
    pub(super) async fn open(user: User) -> Result<Self> {
        let mut page = Page { script: Script::load()?, user, shown: HashMap::new() };
        let values = page.news().unwrap_or_default();
        page.script.open(&values, &page.user.triggers())?;
        page.settle().await?;
        Ok(page)
    }

    /// Returns the user of the page.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Presses a button, link, check box, option or other element with a role or a click listener,
    /// by its accessible name. Returns when the calls that it has caused are answered.
    ///
    /// # Errors
    /// [`Error::Page`] if there is no such element, or several, or it is disabled, and if a call that
    /// it causes fails.
    pub async fn press(&mut self, name: &str) -> Result {
        self.settle().await?;
        self.script.press(name)?;
        self.settle().await
    }

    /// Enters a text into a field, or chooses an option of a list by its text or value. The control
    /// is found by its accessible name, such as its label.
    ///
    /// # Errors
    /// [`Error::Page`] if there is no such control or option, or several, or it is disabled or
    /// read-only, and if the application does not take the value.
    pub async fn fill(&mut self, name: &str, text: &str) -> Result {
        self.settle().await?;
        self.script.fill(name, text)?;
        self.settle().await
    }

    /// Goes back to the [route](crate::Server::route) before, as the button of a browser does.
    ///
    /// # Errors
    /// Those of a call that a template makes then.
    pub async fn back(&mut self) -> Result {
        self.script.back()?;
        self.settle().await
    }

    /// Returns the text that the user sees now. White space is one space.
    ///
    /// # Errors
    /// [`Error::Page`] if a template cannot be shown, or a call that it has made failed.
    pub async fn text(&mut self) -> Result<String> {
        self.settle().await?;
        self.script.text()
    }

    /// Waits until the text of the page contains `part`, for what tasks, jobs and timers change.
    ///
    /// # Errors
    /// [`Error::NotShown`] after the [time limit](User::patience) of the user, and those of
    /// [`text`](Self::text).
    pub async fn wait_for_text(&mut self, part: &str) -> Result {
        let limit = self.user.limit();
        let deadline = Instant::now() + limit;
        let mut changes = self.user.changes();
        loop {
            let text = self.text().await?;
            if text.contains(part) {
                return Ok(());
            }
            if timeout_at(deadline, changes.next()).await.is_err() {
                return Err(Error::NotShown { part: part.to_owned(), text, limit });
            }
        }
    }

    /// Returns what is wrong in the templates that were shown so far: keys, triggers and elements
    /// that do not exist, with the nearest names.
    ///
    /// # Errors
    /// [`Error::Page`] if the page has failed.
    pub fn mistakes(&self) -> Result<Vec<String>> {
        self.script.mistakes()
    }

    /// Carries the calls of the page and the values of the application until both have come to rest.
    async fn settle(&mut self) -> Result {
        let mut failures = Vec::new();
        loop {
            if let Some(values) = self.news() {
                self.script.apply(&values)?;
            }
            let Taken { outgoing, errors } = self.script.take()?;
            failures.extend(errors);
            if outgoing.is_empty() && !self.is_behind() {
                break;
            }
            for Outgoing { id, call } in outgoing {
                let answer = self.carry(call).await;
                self.script.answer(id, answer.map_err(|error| error.to_string()))?;
            }
        }
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Error::Page(failures.join("; "))),
        }
    }

    async fn carry(&self, call: PageRequest) -> Result<Value> {
        let result = match call {
            PageRequest::Set { changes } => {
                self.user.update(&changes).await?;
                return Ok(Value::Null);
            }
            PageRequest::Trigger { trigger, args, kwargs } => {
                self.user.trigger_with(&trigger, args, kwargs).await
            }
            PageRequest::Call { method, args } => self.user.call(&method, args).await,
        };
        Ok(result?.readable())
    }

    fn is_behind(&self) -> bool {
        self.user.packed().iter().any(|(key, value)| self.shown.get(key) != Some(value))
    }

    /// Returns the values that the page does not have yet.
    fn news(&mut self) -> Option<Map<String, Value>> {
        let mut news = Map::new();
        for (key, value) in self.user.packed() {
            if self.shown.get(&key) != Some(&value) {
                news.insert(key.clone(), value.readable());
                self.shown.insert(key, value);
            }
        }
        (!news.is_empty()).then_some(news)
    }
}
