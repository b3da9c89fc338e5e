//! The intentional differences from trame: each turns a recorded session into the expected one.
//!
//! `docs/differences.md` lists them with their reasons and their places in the recordings. A test
//! compares that list with these functions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::session::{CLIENT_ID, Event, SENTENCE, Session, What};

/// Maximum frame size in bytes that the recorded server and this server announce.
const MAX_FRAME: (u64, u64) = (4_194_304, 10_000_000);

/// The places where each difference was found, by name, session and time.
#[derive(Default)]
pub struct Places(BTreeMap<&'static str, BTreeMap<String, BTreeSet<u64>>>);

impl Places {
    fn note(&mut self, difference: &'static str, session: &str, time: u64) {
        let sessions = self.0.entry(difference).or_default();
        sessions.entry(session.to_owned()).or_default().insert(time);
    }

    /// Returns the places in the format of the page, by difference.
    pub fn listed(&self) -> BTreeMap<String, String> {
        let session = |(name, times): (&String, &BTreeSet<u64>)| {
            let times: Vec<_> = times.iter().map(u64::to_string).collect();
            format!("`{name}` {}", times.join(", "))
        };
        self.0
            .iter()
            .map(|(difference, sessions)| {
                let sessions: Vec<_> = sessions.iter().map(session).collect();
                ((*difference).to_owned(), sessions.join("; "))
            })
            .collect()
    }
}

/// Turns a recorded session into the expected one.
pub fn apply(session: &mut Session, places: &mut Places) {
    later_answers_do_not_overtake_pushes(session, places);
    for event in &mut session.events {
        let mut note = |difference| places.note(difference, &session.name, event.time);
        match &mut event.what {
            What::Receive(message) => rewrite(message, &mut note),
            What::Closed(code) => answer_instead(&session.name, event.time, code, &mut note)
                .into_iter()
                .for_each(|expected| event.what = expected),
            _ => {}
        }
    }
}

fn rewrite(message: &mut Value, note: &mut impl FnMut(&'static str)) {
    if let Some(frame) = message.pointer_mut("/result/maxMsgSize") {
        assert_eq!(*frame, MAX_FRAME.0);
        *frame = MAX_FRAME.1.into();
        note("frame size");
        message["result"]["clientID"] = CLIENT_ID.into();
    }
    if let Some(state) = message.pointer_mut("/result/state")
        && let Some(none) = state.as_object_mut().unwrap().remove("trame__react_use")
    {
        assert_eq!(none, json!([]));
        note("React");
    }
    if let Some(data) = message.pointer_mut("/error/data")
        && let Some(fields) = data.as_object_mut()
    {
        assert!(fields.remove("trace").is_some_and(|trace| trace.is_string()));
        fields["exception"] = SENTENCE.into();
        note("traceback");
    }
}

/// Returns what this server does where the recorded server dropped the connection.
fn answer_instead(
    session: &str,
    time: u64,
    code: &mut u16,
    note: &mut impl FnMut(&'static str),
) -> Option<What> {
    assert_eq!(*code, 1006);
    match (session, time) {
        ("raw_errors", 1136) => {
            note("no method");
            let error = json!({"code": -32600, "message": "A request without a method"});
            Some(answer("rpc:c:30", error))
        }
        ("raw_errors", 2661) => {
            note("long hello");
            let error = json!({"code": -32000, "message": "Authentication failed"});
            Some(answer("system:c0:0", error))
        }
        _ => {
            note("close code");
            *code = 1002;
            None
        }
    }
}

fn answer(id: &str, error: Value) -> What {
    What::Receive(json!({"wslink": "1.0", "id": id, "error": error}))
}

/// Moves pushes before later answers: the recorded server publishes late, so the answer to the next
/// call may come first.
fn later_answers_do_not_overtake_pushes(session: &mut Session, places: &mut Places) {
    if session.name != "browser_vue3" {
        return;
    }
    let events = &mut session.events;
    let at = |time| {
        let found = |event: &Event| event.time == time && matches!(event.what, What::Receive(_));
        events.iter().position(found).unwrap()
    };
    let (answer, push) = (at(5259), at(5260));
    assert_eq!(push, answer + 1);
    events.swap(answer, push);
    places.note("order", &session.name, 5260);
}
