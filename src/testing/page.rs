//! The templates of an application, rendered in the test, and operated as its user does.
//!
//! The page's own code compiles and renders them in a JavaScript engine that knows no document. Its
//! calls go over the connection of a [`User`], all of them at once, as those of a page do.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use selvedge_wslink::Packed;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::{Error, Result, User, recording::shortened, script::Script};

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
///
/// # Cancellation
/// If the future of an operation is dropped, its calls go on, and the next operation waits for them.
pub struct Page {
    user: User,
    script: Script,
    /// The values that the page has.
    shown: HashMap<String, Packed>,
    /// Calls of the page that are not answered yet, and their numbers.
    calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    open: BTreeSet<u32>,
    /// The number of the last call.
    last: u32,
}

/// The answer to a call of the page.
struct Answer {
    id: u32,
    /// The result, or why there is none.
    result: Result<Value, String>,
    /// The keys that the call has set.
    keys: Vec<String>,
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

impl PageRequest {
    /// Returns the keys that it sets.
    fn keys(&self) -> Vec<String> {
        let PageRequest::Set { changes } = self else { return Vec::new() };
        let key = |change: &Value| change["key"].as_str().map(str::to_owned);
        changes.iter().filter_map(key).collect()
    }
}

impl Page {
    pub(super) async fn open(user: User) -> Result<Self> {
        let mut page = Page {
            script: Script::load()?,
            user,
            shown: HashMap::new(),
            calls: FuturesUnordered::new(),
            open: BTreeSet::new(),
            last: 0,
        };
        let values = page.news().unwrap_or_default();
        page.script.open(&values, &page.user.triggers())?;
        page.settle(0).await?;
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
    /// it causes fails; [`Error::NotAnswered`] after the [time limit](User::patience) of the user.
    pub async fn press(&mut self, name: &str) -> Result {
        self.operate(|script| script.press(name)).await
    }

    /// Presses an element as [`press`](Self::press) does, and does not wait for the calls: for a
    /// call that goes on until the user presses something else. A failure of it is the error of a
    /// later operation.
    ///
    /// # Errors
    /// [`Error::Page`] if there is no such element, or several, or it is disabled.
    pub async fn press_without_waiting(&mut self, name: &str) -> Result {
        self.take_arrivals()?;
        self.script.press(name)?;
        self.take_arrivals()
    }

    /// Enters a text into a field, or chooses an option of a list by its text or value. The control
    /// is found by its accessible name, such as its label.
    ///
    /// # Errors
    /// [`Error::Page`] if there is no such control or option, or several, or it is disabled or
    /// read-only, and if the application does not take the value.
    pub async fn fill(&mut self, name: &str, text: &str) -> Result {
        self.operate(|script| script.fill(name, text)).await
    }

    /// Goes back to the [route](crate::Server::route) before, as the button of a browser does.
    ///
    /// # Errors
    /// Those of a call that a template makes then.
    pub async fn back(&mut self) -> Result {
        self.operate(Script::back).await
    }

    /// Returns the text that the user sees now. White space is one space.
    ///
    /// # Errors
    /// [`Error::Page`] if a template cannot be shown, or a call that it has made failed.
    pub async fn text(&mut self) -> Result<String> {
        self.take_arrivals()?;
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
            let news = async {
                tokio::select! {
                    changed = changes.next() => Ok(changed?),
                    Some(answer) = self.calls.next(), if !self.calls.is_empty() => self.answered(answer),
                }
            };
            match timeout_at(deadline, news).await {
                Ok(changed) => changed?,
                Err(_) => return Err(Error::NotShown { part: part.to_owned(), text, limit }),
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

    /// Does something in the page, and waits for the calls that it causes.
    async fn operate(&mut self, operation: impl FnOnce(&Script) -> Result) -> Result {
        self.take_arrivals()?;
        let before = self.last;
        operation(&self.script)?;
        self.settle(before).await
    }

    /// Waits until the calls after that of this number are answered, and those that follow from them.
    async fn settle(&mut self, before: u32) -> Result {
        let limit = self.user.limit();
        let deadline = Instant::now() + limit;
        loop {
            self.take_arrivals()?;
            if self.open.range(before + 1..).next().is_none() {
                return Ok(());
            }
            match timeout_at(deadline, self.calls.next()).await {
                Ok(Some(answer)) => self.answered(answer)?,
                Ok(None) => return Ok(()),
                Err(_) => return Err(Error::NotAnswered { limit }),
            }
        }
    }

    /// Passes an answer to the page.
    fn answered(&mut self, Answer { id, result, keys }: Answer) -> Result {
        self.open.remove(&id);
        // The application may have corrected or refused values; its own are news then.
        keys.iter().for_each(|key| drop(self.shown.remove(key)));
        self.script.answer(id, result)
    }

    /// Passes on what has arrived, in both directions, without waiting for more.
    fn take_arrivals(&mut self) -> Result {
        let mut failures = Vec::new();
        loop {
            while let Some(Some(answer)) = self.calls.next().now_or_never() {
                self.answered(answer)?;
            }
            let renewed = self.refresh()?;
            let (sent, errors) = self.send()?;
            failures.extend(errors);
            if !sent && !renewed {
                break;
            }
        }
        match failures.is_empty() {
            true => Ok(()),
            false => Err(Error::Page(failures.join("; "))),
        }
    }

    /// Passes new values of the application to the page. Returns whether there were any.
    fn refresh(&mut self) -> Result<bool> {
        match self.news() {
            Some(values) => self.script.apply(&values).map(|()| true),
            None => Ok(false),
        }
    }

    /// Sends the calls that the page wants to make, in their order. Returns whether there were any,
    /// and the errors of the page.
    fn send(&mut self) -> Result<(bool, Vec<String>)> {
        let Taken { outgoing, errors } = self.script.take()?;
        let sent = !outgoing.is_empty();
        for Outgoing { id, call } in outgoing {
            self.last = self.last.max(id);
            let keys = call.keys();
            let user = self.user.same_page();
            let mut answer = async move {
                let result = carry(&user, call).await.map_err(|error| error.to_string());
                Answer { id, result, keys }
            }
            .boxed();
            // The first poll sends it, unless the server has to read earlier messages first.
            match (&mut answer).now_or_never() {
                Some(answer) => self.answered(answer)?,
                None => {
                    self.open.insert(id);
                    self.calls.push(answer);
                }
            }
        }
        Ok((sent, errors))
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

/// Makes a call of the page.
async fn carry(user: &User, call: PageRequest) -> Result<Value> {
    let sent = match &call {
        PageRequest::Set { changes } => changes,
        PageRequest::Trigger { args, .. } | PageRequest::Call { args, .. } => args,
    };
    if let Some(text) = sent.iter().find_map(shortened) {
        return Err(Error::Page(format!("a page of a test cannot send {text}")));
    }
    let result = match call {
        PageRequest::Set { changes } => return user.update(&changes).await.map(|()| Value::Null),
        PageRequest::Trigger { trigger, args, kwargs } => {
            user.trigger_with(&trigger, args, kwargs).await
        }
        PageRequest::Call { method, args } => user.call(&method, args).await,
    };
    Ok(result?.readable())
}
