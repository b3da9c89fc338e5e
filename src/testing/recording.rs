//! Replays of what users did in the running program, from its log of messages.
//!
//! What must hold: an action is repeated when the state is what its user saw, not when as much time
//! has passed; each key that differs is reported once.

use std::{collections::HashSet, path::Path, time::Duration};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use indexmap::IndexMap;
use selvedge_wslink::words::{key, method};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::{Difference, Error, Result, TestApp, User};

/// How long a replay waits for recorded values unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// What users did in a running program and what they saw, to be repeated in a test.
///
/// The log of messages is the recording. To record, start the program with the environment variable
/// `TRAME_LOG_NETWORK=FILE`, or give its server
/// [`ServerOptions::log_network`](crate::run::ServerOptions::log_network), and use the program.
///
/// A replay opens a page for each recorded one, repeats the changes and calls of all pages in their
/// order, each when the state is as it was recorded then, and compares the state at the end. Keys
/// that begin with `trame__`, such as templates, are not compared. Of a job, only the run, its state
/// and its result are. Uploads, closed pages, and answers to dialogs and to calls into the page are
/// not part of a recording. Dates that a page has sent are repeated as texts.
///
/// ```no_run
/// # async fn doc(app: selvedge::testing::TestApp) -> selvedge::testing::Result {
/// use selvedge::testing::Recording;
///
/// let recording = Recording::read("tests/recordings/first_use.log")?.ignoring(["clock"]);
/// recording.replay(&app).await
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    entries: Vec<Entry>,
    ignored: HashSet<String>,
    patience: Duration,
}

/// An entry of the log.
#[derive(Clone, Debug)]
struct Entry {
    /// Seconds since the start of the server.
    at: f64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// A page got these values, or values changed in all pages.
    Saw { page: Option<String>, values: Map<String, Value> },
    /// A page called a method.
    Called { page: String, method: String, args: Vec<Value> },
}

impl Recording {
    /// Reads the log of a program.
    ///
    /// # Errors
    /// [`Error::Recording`] if the file is not such a log, or contains what a log shortens and a
    /// replay would have to send, such as bytes.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| crate::Error::Io { doing: "reading a recording", cause })?;
        let entries = Lines { path, text: &text }.entries()?;
        Ok(Recording { entries, ignored: HashSet::new(), patience: PATIENCE })
    }

    /// Leaves out keys that are different in each run, such as times and random numbers. Their
    /// changes by pages are repeated.
    pub fn ignoring<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.ignored.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Sets how long the replay waits until the state is as it was recorded, before each action and
    /// at the end. Default: 5 s.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Repeats the recording.
    ///
    /// # Errors
    /// [`Error::Different`] if keys had other values than in the recording.
    pub async fn replay(&self, app: &TestApp) -> Result {
        let mut replay = Replay {
            app,
            recording: self,
            pages: IndexMap::new(),
            expected: IndexMap::new(),
            differing: self.ignored.clone(),
            differences: Vec::new(),
            calls: FuturesUnordered::new(),
        };
        for Entry { at, what } in &self.entries {
            match what {
                What::Saw { page, values } => replay.see(page.as_deref(), *at, values).await?,
                What::Called { page, method, args } => replay.call(page, *at, method, args).await?,
            }
        }
        replay.compare().await?;
        replay.finish_calls().await?;
        match replay.differences.is_empty() {
            true => Ok(()),
            false => Err(Error::Different(replay.differences)),
        }
    }
}

/// A replay in progress.
struct Replay<'a> {
    app: &'a TestApp,
    recording: &'a Recording,
    pages: IndexMap<String, User>,
    /// The recorded values that were not compared yet, and their times.
    expected: IndexMap<String, (f64, Value)>,
    /// Keys that are not compared: those ignored, and those that differed before.
    differing: HashSet<String>,
    differences: Vec<Difference>,
    /// Calls that are not answered yet. Those of a page overlap, as they did when they were recorded.
    calls: FuturesUnordered<BoxFuture<'static, Result>>,
}

impl Replay<'_> {
    async fn see(&mut self, page: Option<&str>, at: f64, values: &Map<String, Value>) -> Result {
        if let Some(page) = page {
            self.page(page).await?;
        }
        for (key, value) in values {
            if !key.starts_with(key::RESERVED) && !self.differing.contains(key) {
                self.expected.insert(key.clone(), (at, value.clone()));
            }
        }
        Ok(())
    }

    async fn call(&mut self, page: &str, at: f64, method: &str, args: &[Value]) -> Result {
        self.compare().await?;
        let user = self.page(page).await?.same_page();
        let (name, given) = (method.to_owned(), args.to_vec());
        let mut repeated = async move { user.repeat(&name, &given).await }.boxed();
        // The first poll sends the call.
        match (&mut repeated).now_or_never() {
            Some(answer) => answer?,
            None => self.calls.push(repeated),
        }
        if method == method::STATE_UPDATE {
            self.see(None, at, &changes(args)).await?;
        }
        Ok(())
    }

    /// Returns the user of a recorded page, who opens it if it is not open yet.
    async fn page(&mut self, page: &str) -> Result<&User> {
        if !self.pages.contains_key(page) {
            let user = self.app.unannounced_user().await?;
            self.pages.insert(page.to_owned(), user);
        }
        Ok(&self.pages[page])
    }

    /// Waits for the calls that are left. One that goes on is no difference.
    async fn finish_calls(&mut self) -> Result {
        let deadline = Instant::now() + self.recording.patience;
        while let Ok(Some(answer)) = timeout_at(deadline, self.calls.next()).await {
            answer?;
        }
        Ok(())
    }

    /// Waits until all expected values are there, and notes those that do not come.
    async fn compare(&mut self) -> Result {
        let deadline = Instant::now() + self.recording.patience;
        for (key, (at, recorded)) in std::mem::take(&mut self.expected) {
            let Some((_, user)) = self.pages.first() else { return Ok(()) };
            let Err(replayed) = user.shows_by(deadline, &key, &recorded).await? else { continue };
            self.differing.insert(key.clone());
            self.differences.push(Difference { key, at, recorded, replayed });
        }
        Ok(())
    }
}

/// Returns the changes in the arguments of an update of the state.
fn changes(args: &[Value]) -> Map<String, Value> {
    let changes = args.first().and_then(Value::as_array).into_iter().flatten();
    let change =
        |change: &Value| Some((change["key"].as_str()?.to_owned(), change["value"].clone()));
    changes.filter_map(change).collect()
}

/// A log that is read.
struct Lines<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Lines<'_> {
    fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut lines = self.text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let Some(heading) = line.strip_prefix("=== ") else {
                if line.is_empty() {
                    continue;
                }
                return Err(self.error(number, "this is not the log of a program's messages"));
            };
            let mut content = String::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with("=== ")) {
                content.push_str(line);
                content.push('\n');
            }
            if let Some(entry) = self.entry(number, heading, &content)? {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn entry(&self, line: usize, heading: &str, content: &str) -> Result<Option<Entry>> {
        let parts: Vec<_> = heading.split(", ").collect();
        let [section, who, time] = parts[..] else {
            return Err(self.error(line, "the heading has no section, page and time"));
        };
        let at = time.strip_suffix(" s").and_then(|seconds| seconds.parse().ok());
        let at = at.ok_or_else(|| self.error(line, "the heading has no time"))?;
        let content: Value = serde_json::from_str(content)
            .map_err(|error| self.error(line, &format!("the entry cannot be read: {error}")))?;
        let what = match (section, content) {
            ("initial state", Value::Object(values)) => {
                Some(What::Saw { page: who.strip_prefix("to ").map(str::to_owned), values })
            }
            ("state s→c", Value::Object(values)) => Some(What::Saw { page: None, values }),
            ("state c→s", changes) => {
                let method = method::STATE_UPDATE.to_owned();
                Some(self.called(line, who, method, vec![changes])?)
            }
            ("event c→s", Value::Object(mut call)) => {
                let method = call["method"].as_str().unwrap_or_default().to_owned();
                let args = call.remove("args").and_then(|args| args.as_array().cloned());
                let named = call["kwargs"].as_object().is_some_and(|named| !named.is_empty());
                if named && !method::is_reserved(&method) {
                    return Err(self.error(line, "named arguments of a method cannot be repeated"));
                }
                match is_repeated(&method) {
                    true => Some(self.called(line, who, method, args.unwrap_or_default())?),
                    false => None,
                }
            }
            _ => None,
        };
        Ok(what.map(|what| Entry { at, what }))
    }

    fn called(&self, line: usize, who: &str, method: String, args: Vec<Value>) -> Result<What> {
        if let Some(shortened) = args.iter().find_map(shortened) {
            let reason = format!("the log has only {shortened} of what the page sent");
            return Err(self.error(line, &reason));
        }
        let page = who.strip_prefix("from ").unwrap_or(who).to_owned();
        Ok(What::Called { page, method, args })
    }

    fn error(&self, line: usize, reason: &str) -> Error {
        Error::Recording { path: self.path.into(), line: line + 1, reason: reason.to_owned() }
    }
}

/// Whether a replay repeats calls of this method: all that the application sees.
fn is_repeated(name: &str) -> bool {
    !method::is_reserved(name) || [method::TRIGGER, method::LIFECYCLE_UPDATE].contains(&name)
}

/// Returns the words that stand for a value which JSON does not have, if there are any.
pub(super) fn shortened(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => stands_for_another(text).then_some(text),
        Value::Array(items) => items.iter().find_map(shortened),
        Value::Object(entries) => entries.values().find_map(shortened),
        _ => None,
    }
}

/// Whether a text is what [`Packed::readable`](crate::values::Packed) writes for such a value.
fn stands_for_another(text: &str) -> bool {
    let inside = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match inside {
        Some("inf" | "-inf" | "NaN" | "malformed date") => true,
        Some(inside) => {
            inside.strip_prefix("bytes: ").is_some_and(is_number)
                || inside.strip_prefix("extension ").is_some_and(|rest| rest.ends_with(" bytes"))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Entry>> {
        Lines { path: Path::new("first.log"), text }.entries()
    }

    #[test]
    fn what_a_log_shortens_cannot_be_repeated() {
        let log = "=== state c→s, from c1, 1.500 s\n[\n{\"key\": \"a\", \"value\": \"(bytes: 5)\"}\n]\n\n";
        let error = read(log).unwrap_err().to_string();
        assert!(error.starts_with("first.log, line 1: the log has only (bytes: 5)"), "{error}");
        let seen = log.replace("c→s, from", "s→c, to").replace(['[', ']'], "");
        assert_eq!(read(&seen).unwrap().len(), 1);
        for text in ["(info)", "(infrared)", "(bytes: many)", "bytes: 5", "(inf"] {
            assert_eq!(shortened(&Value::from(text)), None);
        }
    }

    #[test]
    fn other_files_are_refused_with_the_line() {
        let error = read("\nrubbish").unwrap_err().to_string();
        assert_eq!(error, "first.log, line 2: this is not the log of a program's messages");
        let error = read("=== state c→s, from c1, soon\n[]").unwrap_err().to_string();
        assert_eq!(error, "first.log, line 1: the heading has no time");
        let error = read("=== state c→s, from c1, 1.0 s\n[").unwrap_err().to_string();
        assert!(error.contains("line 1: the entry cannot be read"), "{error}");
    }
}
