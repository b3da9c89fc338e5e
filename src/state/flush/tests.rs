//! Tests of flush rounds and of what the clients receive.
use std::{
    panic::Location,
    sync::{Mutex, mpsc},
    thread,
};

use futures_util::future::BoxFuture;
use selvedge_wslink::ClientId;
use serde_json::{Value, json};

use super::*;
use crate::state::{KeyName, Sink};

/// Records what would be sent to the clients.
#[derive(Default)]
struct Recorder {
    pushes: Mutex<Vec<Value>>,
    unflushed: Mutex<u32>,
    due: Mutex<u32>,
}

impl Sink for Recorder {
    fn push(
        &self,
        changes: &[(KeyName, Packed)],
        _: &[(KeyName, Packed)],
        except: Option<ClientId>,
    ) {
        let mut map: serde_json::Map<String, Value> =
            changes.iter().map(|(key, value)| (key.to_string(), value.decode().unwrap())).collect();
        if except.is_some() {
            map.insert("(except)".to_owned(), json!(true));
        }
        self.pushes.lock().unwrap().push(map.into());
    }
    fn hold_until_stored(&self, _: u64) {}

    fn unflushed(&self) {
        *self.unflushed.lock().unwrap() += 1;
    }
    fn listeners_due(&self) {
        *self.due.lock().unwrap() += 1;
    }
    fn drive(&self, _: BoxFuture<'static, ()>) {}
}

fn state() -> (State, Arc<Recorder>) {
    let (state, recorder) = (State::new(), Arc::new(Recorder::default()));
    state.connect(recorder.clone());
    state.ready();
    (state, recorder)
}

fn listen(state: &State, keys: &[&str], run: impl Fn(&State, Vec<i64>) + Send + Sync + 'static) {
    let handle = state.clone();
    state.listen(Listener::new(
        keys.iter().map(|key| KeyName::from(*key)).collect(),
        Location::caller(),
        move |values, _| {
            run(&handle, values.iter().map(|value| value.decode().unwrap_or(-1)).collect());
            Reaction::Done
        },
    ));
}

fn pushes(recorder: &Recorder) -> Value {
    std::mem::take(&mut *recorder.pushes.lock().unwrap()).into()
}

#[test]
fn a_derived_value_arrives_in_a_second_message() {
    let (state, recorder) = state();
    listen(&state, &["a"], |state, values| {
        state.set("b", values[0] * 2).flush();
    });
    state.set("a", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"a": 1}, {"b": 2}]));
}

#[test]
fn a_value_set_back_before_the_flush_is_not_a_change() {
    let (state, recorder) = state();
    let (called, calls) = mpsc::channel();
    listen(&state, &["a"], move |_, values| called.send(values[0]).unwrap());
    state.set("a", 1).flush();
    state.set("a", 2).set("a", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"a": 1}]));
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_change_of_type_is_a_change() {
    let (state, recorder) = state();
    state.set("a", 1).flush();
    state.set("a", true).flush();
    state.set("a", 1.0).flush();
    state.set("a", 1.0).flush();
    assert_eq!(pushes(&recorder), json!([{"a": 1}, {"a": true}, {"a": 1.0}]));
}

#[test]
fn a_listener_on_several_keys_runs_once_a_round_in_order() {
    let (state, _) = state();
    let (called, calls) = mpsc::channel();
    let also = called.clone();
    listen(&state, &["a", "b"], move |_, values| called.send(format!("first {values:?}")).unwrap());
    listen(&state, &["b"], move |_, values| also.send(format!("second {values:?}")).unwrap());
    state.batch(|batch| {
        batch.set("b", 2).set("a", 1);
    });
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), ["first [1, 2]", "second [2]"]);
}

#[test]
fn nothing_happens_before_ready_and_all_listeners_run_once_then() {
    let (state, recorder) = (State::new(), Arc::new(Recorder::default()));
    state.connect(recorder.clone());
    let (called, calls) = mpsc::channel();
    listen(&state, &["a", "b"], move |_, values| called.send(values).unwrap());
    state.set("a", 1).set("b", 2).flush();
    assert_eq!(pushes(&recorder), json!([]));
    state.ready();
    assert_eq!(pushes(&recorder), json!([{"a": 1, "b": 2}]));
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [vec![1, 2]]);
}

#[test]
fn dirty_runs_listeners_and_sends_nothing_known() {
    let (state, recorder) = state();
    let (called, calls) = mpsc::channel();
    state.set("a", 1).flush();
    listen(&state, &["a"], move |_, values| called.send(values).unwrap());
    state.dirty(&["a"]);
    assert!(state.is_dirty(&["a"]));
    state.flush();
    state.dirty(&["a"]);
    state.set("a", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"a": 1}]));
    assert_eq!(calls.try_iter().count(), 1);
}

#[test]
fn a_client_is_told_only_what_a_listener_corrected() {
    let (state, recorder) = state();
    state.set("clamped", 5).flush();
    listen(&state, &["clamped"], |state, values| {
        state.set("clamped", values[0].min(10));
    });
    let client = ClientId::random().unwrap();
    state.set_from_client(
        client,
        vec![("clamped".to_owned(), Packed::encode(&50).unwrap())],
        || {},
    );
    state.flush();
    assert_eq!(
        pushes(&recorder),
        json!([{"clamped": 5}, {"clamped": 50, "(except)": true}, {"clamped": 10}])
    );
}

#[test]
fn listeners_that_fight_are_stopped() {
    let (state, recorder) = state();
    listen(&state, &["a"], |state, values| {
        state.set("b", values[0] + 1);
    });
    listen(&state, &["b"], |state, values| {
        state.set("a", values[0] + 1);
    });
    state.set("a", 0).flush();
    assert_eq!(pushes(&recorder).as_array().unwrap().len(), 1 + MAX_DEPTH as usize);
    state.set("c", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"c": 1}]), "the state is usable afterwards");
}

#[test]
fn another_thread_flushes_while_a_listener_runs() {
    let (state, recorder) = state();
    let (entered, wait_entered) = mpsc::channel();
    let (leave, wait_leave) = mpsc::channel::<()>();
    let wait_leave = Mutex::new(wait_leave);
    listen(&state, &["slow"], move |_, _| {
        entered.send(()).unwrap();
        wait_leave.lock().unwrap().recv().unwrap();
    });
    let (called, calls) = mpsc::channel();
    listen(&state, &["quick"], move |_, values| called.send(values).unwrap());
    let other = state.clone();
    let flusher = thread::spawn(move || other.set("slow", 1).flush());
    wait_entered.recv().unwrap();
    state.set("quick", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"slow": 1}, {"quick": 1}]), "sent at once");
    assert_eq!(calls.try_iter().count(), 0, "its listener waits for its turn");
    leave.send(()).unwrap();
    flusher.join().unwrap();
    assert_eq!(
        calls.try_iter().count(),
        0,
        "the flush of the other thread has ended with its own changes"
    );
    assert_eq!(*recorder.due.lock().unwrap(), 1, "and has left the rest to the server");
    state.flush();
    assert_eq!(calls.try_iter().count(), 1);
}

#[test]
fn a_panicking_listener_does_not_stop_later_flushes() {
    let (state, recorder) = state();
    listen(&state, &["bad"], |_, _| panic!("in a listener"));
    let other = state.clone();
    assert!(thread::spawn(move || other.set("bad", 1).flush()).join().is_err());
    let (called, calls) = mpsc::channel();
    listen(&state, &["a"], move |_, values| called.send(values).unwrap());
    state.set("a", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"bad": 1}, {"a": 1}]));
    assert_eq!(calls.try_iter().count(), 1);
}

#[test]
fn updates_from_many_threads_are_all_counted() {
    let (state, _) = state();
    state.set("n", 0).flush();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    state.update("n", |n: &mut i64| *n += 1).unwrap();
                    state.flush();
                }
            });
        }
    });
    assert_eq!(state.get::<i64>("n").unwrap(), 1000);
}

#[test]
fn changes_that_no_thread_will_flush_are_reported() {
    let (state, recorder) = state();
    state.batch(|batch| {
        batch.set("a", 1);
    });
    scope::deferred(|| state.set("b", 1).flush());
    assert_eq!(*recorder.unflushed.lock().unwrap(), 0);
    state.set("c", 1);
    assert_eq!(*recorder.unflushed.lock().unwrap(), 1);
}

#[test]
fn a_flush_ends_beside_a_thread_that_changes_values_all_the_time() {
    let (state, _) = state();
    let other = state.clone();
    // Each time this listener runs, another thread has changed its key once more.
    listen(&state, &["busy"], move |_, values| {
        let other = other.clone();
        thread::spawn(move || other.set("busy", values[0] + 1).flush()).join().unwrap();
    });
    listen(&state, &["mine"], |state, values| {
        state.set("derived", values[0] * 2);
    });
    let (called, calls) = mpsc::channel();
    listen(&state, &["derived"], move |_, values| called.send(values).unwrap());
    state.set("busy", 1).set("mine", 4).flush();
    assert_eq!(state.get::<i64>("busy").unwrap(), 2);
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [vec![8]], "its own consequences are done");
}

#[test]
fn changes_of_other_states_in_a_callback_are_flushed_at_its_end() {
    let (state, recorder) = state();
    let (other, other_recorder) = self::state();
    scope::deferred(|| {
        state.set("a", 1);
        other.set("b", 2);
        assert_eq!((pushes(&recorder), pushes(&other_recorder)), (json!([]), json!([])));
    });
    assert_eq!(pushes(&recorder), json!([{"a": 1}]));
    assert_eq!(pushes(&other_recorder), json!([{"b": 2}]));
    let within = other.clone();
    listen(&state, &["a"], move |_, values| {
        within.set("b", values[0] * 10);
    });
    state.set("a", 5).flush();
    assert_eq!(pushes(&other_recorder), json!([{"b": 50}]), "in a listener as well");
}

#[test]
fn suppressions_end_in_any_order() {
    let (state, _) = state();
    let (called, calls) = mpsc::channel();
    let also = called.clone();
    listen(&state, &["a"], move |_, _| called.send("a").unwrap());
    listen(&state, &["b"], move |_, _| also.send("b").unwrap());
    let quiet_a = state.suppress_change_listeners(&["a"]);
    let quiet_b = state.suppress_change_listeners(&["b"]);
    drop(quiet_a);
    state.set("a", 1).set("b", 1).flush();
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), ["a"]);
    drop(quiet_b);
    state.set("a", 2).set("b", 2).flush();
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn pending_values_leave_in_their_order_after_one_was_taken_back() {
    let (state, recorder) = state();
    state.set("b", 0).flush();
    state.set("a", 1).set("b", 2).set("c", 3).set("d", 4).set("a", 5).set("b", 0);
    pushes(&recorder);
    let (called, calls) = mpsc::channel();
    listen(&state, &["a", "c", "d"], move |state, _| called.send(state.modified_keys()).unwrap());
    state.flush();
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [["a", "c", "d"]]);
}

#[test]
fn suppressed_listeners_stay_quiet_and_clients_are_told() {
    let (state, recorder) = state();
    let (called, calls) = mpsc::channel();
    let also = called.clone();
    listen(&state, &["a"], move |_, _| called.send("a").unwrap());
    listen(&state, &["a", "b"], move |_, _| also.send("a or b").unwrap());
    {
        let _quiet = state.suppress_change_listeners(&["a"]);
        state.set("a", 1).flush();
    }
    assert_eq!(pushes(&recorder), json!([{"a": 1}]));
    assert!(calls.try_iter().next().is_none());
    {
        let _quiet = state.suppress_change_listeners(&["a"]);
        state.set("a", 2).set("b", 2).flush();
    }
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), ["a or b"]);
    {
        let _all = state.suppress_change_listeners(&[]);
        state.set("a", 3).set("b", 3);
    }
    state.flush();
    assert!(calls.try_iter().next().is_none(), "also when it is flushed later");
    state.set("a", 4).flush();
    assert_eq!(calls.try_iter().count(), 2);
}

#[test]
fn cleaned_keys_are_taken_as_they_are_and_others_are_not() {
    let (state, recorder) = state();
    let (called, calls) = mpsc::channel();
    listen(&state, &["a", "b"], move |_, values| called.send(values).unwrap());
    state.set("a", 1).set("b", 2);
    state.clean(&["a"]);
    assert_eq!(state.get::<i64>("a").unwrap(), 1);
    state.flush();
    assert_eq!(pushes(&recorder), json!([{"b": 2}]));
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [vec![1, 2]]);
}

#[test]
fn a_cleared_cache_sends_the_same_value_once_more() {
    let (state, recorder) = state();
    state.set("a", 1).flush();
    state.clear_client_cache(&["a"]);
    state.set("a", 1).flush();
    state.set("a", 1).flush();
    assert_eq!(pushes(&recorder), json!([{"a": 1}, {"a": 1}]));
}

#[test]
fn listeners_see_what_changed_in_their_round() {
    let (state, _) = state();
    let (called, calls) = mpsc::channel();
    listen(&state, &["a", "c"], move |state, _| {
        state.set("c", 1);
        called.send(state.modified_keys()).unwrap();
    });
    state.set("a", 1).set("b", 2).flush();
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [vec!["a", "b"], vec!["c"]]);
    assert!(state.modified_keys().is_empty());
}

#[test]
fn a_scope_flushes_at_its_end_also_when_it_panics() {
    let (state, recorder) = state();
    {
        let scope = state.scope();
        scope.set("a", 1).set("b", 2);
        assert_eq!(pushes(&recorder), json!([]));
    }
    assert_eq!(pushes(&recorder), json!([{"a": 1, "b": 2}]));
    let other = state.clone();
    let panicking = move || {
        let scope = other.scope();
        scope.set("a", 3);
        panic!("in a scope");
    };
    assert!(thread::spawn(panicking).join().is_err());
    assert_eq!(pushes(&recorder), json!([{"a": 3}]));
}

#[test]
fn listeners_learn_whose_change_it_was() {
    let (state, _) = state();
    let (called, calls) = mpsc::channel();
    let handle = state.clone();
    let watch = |keys: &[&str], run: Box<dyn Fn(Option<ClientId>) + Send + Sync>| {
        let keys = keys.iter().map(|key| KeyName::from(*key)).collect();
        handle.listen(Listener::new(keys, Location::caller(), move |_, client| {
            run(client);
            Reaction::Done
        }));
    };
    let inner = state.clone();
    watch(
        &["a"],
        Box::new(move |_| {
            inner.set("derived", 1);
        }),
    );
    watch(&["derived"], Box::new(move |client| called.send(client).unwrap()));
    let client = ClientId::random().unwrap();
    state.set_from_client(client, vec![("a".to_owned(), Packed::encode(&1).unwrap())], || {});
    state.flush();
    state.set("derived", 2).flush();
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [Some(client), None]);
}
