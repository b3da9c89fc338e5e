//! A readable log of the wire: the state a page starts with, and changes and events in both
//! directions.
//!
//! For debugging an application. An entry is written when its message is queued, so entries are in
//! the order of the messages. That delays other threads; without a log there is no cost. Secrets
//! are not logged: they are checked before a client can make calls. Pictures of streams are left
//! out.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use parking_lot::Mutex;
use selvedge_wslink::{
    ClientId, Packed,
    messages::server::Request,
    words::{method, topic},
};
use serde_json::{Map, Value, json};

use crate::state::{KeyName, Pushed};

/// Writes the log of one server.
pub(crate) struct NetworkLog {
    path: PathBuf,
    /// The file and the time of the server's start; `None` while the server does not run.
    open: Mutex<Option<(File, Instant)>>,
}

impl NetworkLog {
    /// Creates a log in this file, which [`begin`](Self::begin) creates.
    pub(crate) fn new(path: &Path) -> Self {
        NetworkLog { path: path.to_owned(), open: Mutex::default() }
    }

    /// Creates the file, or truncates an existing one.
    pub(crate) fn begin(&self) {
        let opened = File::create(&self.path);
        if let Err(error) = &opened {
            let path = self.path.display();
            tracing::error!(%error, "the network log {path} cannot be written; there is none");
        }
        let mut open = self.open.lock();
        *open = opened.ok().map(|file| (file, Instant::now()));
    }

    /// Logs that a client asked for the whole state.
    pub(crate) fn initial_state(&self, client: ClientId, state: &Pushed) {
        let entries = state.iter().map(|(key, value)| (&**key, value));
        self.write("initial state", &format!("to {client:?}"), &object(entries));
    }

    /// Logs a call from a client.
    pub(crate) fn received(&self, client: ClientId, request: &Request) {
        let from = format!("from {client:?}");
        if request.method == method::STATE_UPDATE {
            let changes = request.args.first().map_or(Value::Null, Packed::readable);
            return self.write("state c→s", &from, &changes);
        }
        let args: Vec<Value> = request.args.iter().map(Packed::readable).collect();
        let kwargs = request.kwargs.iter();
        let kwargs = object(kwargs.map(|(name, value)| (name.as_str(), value)));
        let call = json!({"method": request.method, "args": args, "kwargs": kwargs});
        self.write("event c→s", &from, &call);
    }

    /// Logs changed values that are sent to all clients except `except`.
    pub(crate) fn state_sent(&self, changes: &[(KeyName, Packed)], except: Option<ClientId>) {
        let entries = changes.iter().map(|(key, value)| (&**key, value));
        self.write("state s→c", &to_all_but(except), &object(entries));
    }

    /// Logs values that are sent to one client, in place of those that it has set.
    pub(crate) fn state_restored(&self, values: &[(KeyName, Packed)], client: ClientId) {
        let entries = values.iter().map(|(key, value)| (&**key, value));
        self.write("state s→c", &format!("to {client:?}"), &object(entries));
    }

    /// Logs a message that is published on a topic.
    pub(crate) fn published(&self, topic: &str, data: &Packed, except: Option<ClientId>) {
        self.publish_entry(topic, data, &to_all_but(except));
    }

    /// Logs a message that is published for one client.
    pub(crate) fn published_to(&self, topic: &str, data: &Packed, client: ClientId) {
        self.publish_entry(topic, data, &format!("to {client:?}"));
    }

    fn publish_entry(&self, topic: &str, data: &Packed, recipients: &str) {
        if topic == topic::STATE {
            return self.write("state s→c", recipients, &data.readable());
        }
        let event = json!({"topic": topic, "data": data.readable()});
        self.write("event s→c", recipients, &event);
    }

    fn write(&self, section: &str, who: &str, content: &Value) {
        let mut open = self.open.lock();
        let Some((file, start)) = &mut *open else {
            return;
        };
        let seconds = start.elapsed().as_secs_f64();
        let entry = format!("=== {section}, {who}, {seconds:.3} s\n{content:#}\n\n");
        if let Err(error) = file.write_all(entry.as_bytes()) {
            *open = None;
            report(error);
        }
    }
}

/// Reports the end of the log on a separate thread: entries are written under the locks of the
/// state and of the list of clients, and a log layer of the application may change the state.
fn report(error: io::Error) {
    thread::spawn(move || tracing::error!(%error, "the network log ends here"));
}

fn to_all_but(except: Option<ClientId>) -> String {
    except.map_or_else(|| "to all".into(), |client| format!("to all but {client:?}"))
}

/// Returns a map as clients get it: without the keys that its `_filter` keeps on the server.
fn object<'a>(entries: impl Iterator<Item = (&'a str, &'a Packed)>) -> Value {
    let entry = |(name, value): (&str, &Packed)| (name.to_owned(), value.filtered().readable());
    Value::Object(entries.map(entry).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_wslink::{Attachment, messages::server as messages};

    fn request(method: &str, args: &Value, kwargs: &Value) -> Request {
        let call = json!({"id": "rpc:c0:1", "method": method, "args": args, "kwargs": kwargs});
        let call = Packed::encode(&call).unwrap();
        match messages::Incoming::parse(call.as_bytes().to_vec().into()).unwrap() {
            messages::Incoming::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the log entries, each with its heading, without the time.
    fn entries(path: &Path) -> Vec<(String, Value)> {
        let text = std::fs::read_to_string(path).unwrap();
        let entry = |entry: &str| {
            let (heading, content) = entry.split_once('\n').unwrap();
            let heading = heading.rsplit_once(", ").unwrap().0.to_owned();
            (heading, serde_json::from_str(content).unwrap())
        };
        text.split("=== ").skip(1).map(entry).collect()
    }

    #[test]
    fn each_direction_has_a_section_and_bytes_have_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("network.log");
        std::fs::write(&path, "an old log").unwrap();
        let log = NetworkLog::new(&path);
        log.begin();
        let client = ClientId::random().unwrap();
        let mut state = Pushed::default();
        state.insert("count".into(), Packed::encode(&1).unwrap(), 1);
        log.initial_state(client, &state);
        let change = json!([[{"key": "count", "value": 3}]]);
        log.received(client, &request("trame.state.update", &change, &json!({})));
        let upload = json!({"name": "a", "content": "long", "_filter": ["content"]});
        let changes = [
            (KeyName::from("doubled"), Packed::encode(&f64::INFINITY).unwrap()),
            (KeyName::from("upload"), Packed::encode(&upload).unwrap()),
        ];
        log.state_sent(&changes, Some(client));
        log.received(client, &request("demo.add", &json!([1]), &json!({"b": 2})));
        let picture = Packed::encode(&Attachment::from(vec![0; 5000])).unwrap();
        log.published("demo.picture", &picture, None);
        log.published_to(topic::STATE, &Packed::encode(&json!({"a": 1})).unwrap(), client);
        let expected = [
            (format!("initial state, to {client:?}"), json!({"count": 1})),
            (format!("state c→s, from {client:?}"), json!([{"key": "count", "value": 3}])),
            (
                format!("state s→c, to all but {client:?}"),
                json!({"doubled": "(inf)", "upload": {"name": "a", "_filter": ["content"]}}),
            ),
            (
                format!("event c→s, from {client:?}"),
                json!({"method": "demo.add", "args": [1], "kwargs": {"b": 2}}),
            ),
            (
                "event s→c, to all".to_owned(),
                json!({"topic": "demo.picture", "data": "(bytes: 5000)"}),
            ),
            (format!("state s→c, to {client:?}"), json!({"a": 1})),
        ];
        assert_eq!(entries(&path), expected);
    }

    #[test]
    fn a_network_log_that_cannot_be_written_is_turned_off() {
        let dir = tempfile::tempdir().unwrap();
        let log = NetworkLog::new(&dir.path().join("no such folder/network.log"));
        log.begin();
        log.published("topic", &Packed::nil(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
