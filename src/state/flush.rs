//! Flush rounds.
//!
//! One thread at a time runs the rounds; what other threads commit meanwhile is sent at once and its listeners run in the
//! next round. A round sends what is pending, then runs each listener of the changed keys once, in the order in which
//! the keys changed and then of registration. What listeners set makes the next round.

use std::sync::Arc;

use super::{Listener, Reaction, State, scope};
use crate::wire::Packed;

/// How many listeners may set each other off one after another before it counts as a fight.
const MAX_DEPTH: u32 = 100;

/// A listener that is due, with the values of its keys still to be read, and the depth of the change.
type Due = (Arc<Listener>, u32);

impl State {
    /// Sends what is pending to the clients and runs the change listeners, until there is nothing more to do.
    ///
    /// Does nothing before the server is ready, and nothing inside a change listener, whose changes go out when it has
    /// returned. A listener that sets off another one, which sets off the first again, and so on a hundred times, is
    /// stopped with an error in the log that names both.
    pub fn flush(&self) {
        if scope::listener_depth(self.identity()).is_some() {
            return;
        }
        {
            let mut inner = self.store.lock();
            if !inner.ready {
                return;
            }
            inner.commit();
            if inner.flushing || inner.touched.is_empty() {
                return;
            }
            inner.flushing = true;
        }
        let mut rounds = Rounds {
            state: self,
            finished: false,
        };
        while let Some(due) = rounds.next() {
            for (listener, depth) in due {
                self.react(&listener, depth);
            }
        }
    }

    /// Lets flushes do their work from now on, and makes the first one.
    pub(crate) fn ready(&self) {
        self.store.lock().ready = true;
        self.flush();
    }

    /// Makes flushes wait for the next start.
    pub(crate) fn not_ready(&self) {
        self.store.lock().ready = false;
    }

    fn react(&self, listener: &Arc<Listener>, depth: u32) {
        if depth >= MAX_DEPTH {
            tracing::error!(
                "{listener} has set itself off {MAX_DEPTH} times, through its own changes or those of a listener that \
                 works against it, and was stopped; let one of them leave the value alone"
            );
            return;
        }
        let values = self.values(listener);
        if let Reaction::Pending(future) =
            scope::listening(self.identity(), depth + 1, || listener.run(values))
        {
            let sink = self.store.lock().sink.clone();
            if let Some(sink) = sink {
                sink.drive(future);
            }
        }
    }

    fn values(&self, listener: &Listener) -> Vec<Packed> {
        let inner = self.store.lock();
        let value = |key| inner.current(key).cloned().unwrap_or(Packed::nil());
        listener.keys.iter().map(|key| value(key)).collect()
    }
}

/// The right to run rounds, given back also when a listener panics.
struct Rounds<'a> {
    state: &'a State,
    finished: bool,
}

impl Rounds<'_> {
    /// Commits and collects the listeners that are due; `None` when everything is quiet.
    fn next(&mut self) -> Option<Vec<Due>> {
        let mut inner = self.state.store.lock();
        inner.commit();
        if inner.touched.is_empty() {
            inner.flushing = false;
            self.finished = true;
            return None;
        }
        let touched = std::mem::take(&mut inner.touched);
        let mut due: Vec<Due> = Vec::new();
        for (key, depth) in touched {
            for listener in inner.listeners.get(&key).into_iter().flatten() {
                match due
                    .iter_mut()
                    .find(|(known, _)| Arc::ptr_eq(known, listener))
                {
                    Some((_, known)) => *known = (*known).min(depth),
                    None => due.push((Arc::clone(listener), depth)),
                }
            }
        }
        Some(due)
    }
}

impl Drop for Rounds<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.state.store.lock().flushing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        panic::Location,
        sync::{Mutex, mpsc},
        thread,
    };

    use futures_util::future::BoxFuture;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        state::{Key, Sink},
        wire::ClientId,
    };

    /// Records what would have gone to the clients.
    #[derive(Default)]
    struct Recorder {
        pushes: Mutex<Vec<Value>>,
        unflushed: Mutex<u32>,
    }

    impl Sink for Recorder {
        fn push(&self, changes: &[(Key, Packed)], except: Option<ClientId>) {
            let mut map: serde_json::Map<String, Value> = changes
                .iter()
                .map(|(key, value)| (key.to_string(), value.decode().unwrap()))
                .collect();
            if except.is_some() {
                map.insert("(except)".to_owned(), json!(true));
            }
            self.pushes.lock().unwrap().push(map.into());
        }
        fn unflushed(&self) {
            *self.unflushed.lock().unwrap() += 1;
        }
        fn drive(&self, _: BoxFuture<'static, ()>) {}
    }

    fn state() -> (State, Arc<Recorder>) {
        let (state, recorder) = (State::new(), Arc::new(Recorder::default()));
        state.connect(recorder.clone());
        state.ready();
        (state, recorder)
    }

    fn listen(
        state: &State,
        keys: &[&str],
        run: impl Fn(&State, Vec<i64>) + Send + Sync + 'static,
    ) {
        let handle = state.clone();
        state.listen(Listener::new(
            keys.iter().map(|key| Key::from(*key)).collect(),
            Location::caller(),
            move |values| {
                run(
                    &handle,
                    values
                        .iter()
                        .map(|value| value.decode().unwrap_or(-1))
                        .collect(),
                );
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
    fn a_value_set_back_before_the_flush_is_no_change() {
        let (state, recorder) = state();
        let (called, calls) = mpsc::channel();
        listen(&state, &["a"], move |_, values| {
            called.send(values[0]).unwrap()
        });
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
        assert_eq!(
            pushes(&recorder),
            json!([{"a": 1}, {"a": true}, {"a": 1.0}])
        );
    }

    #[test]
    fn a_listener_on_several_keys_runs_once_a_round_in_order() {
        let (state, _) = state();
        let (called, calls) = mpsc::channel();
        let also = called.clone();
        listen(&state, &["a", "b"], move |_, values| {
            called.send(format!("first {values:?}")).unwrap()
        });
        listen(&state, &["b"], move |_, values| {
            also.send(format!("second {values:?}")).unwrap()
        });
        state.batch(|batch| {
            batch.set("b", 2).set("a", 1);
        });
        assert_eq!(
            calls.try_iter().collect::<Vec<_>>(),
            ["first [1, 2]", "second [2]"]
        );
    }

    #[test]
    fn nothing_happens_before_ready_and_all_listeners_run_once_then() {
        let (state, recorder) = (State::new(), Arc::new(Recorder::default()));
        state.connect(recorder.clone());
        let (called, calls) = mpsc::channel();
        listen(&state, &["a", "b"], move |_, values| {
            called.send(values).unwrap()
        });
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
        listen(&state, &["a"], move |_, values| {
            called.send(values).unwrap()
        });
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
        assert_eq!(
            pushes(&recorder).as_array().unwrap().len(),
            1 + MAX_DEPTH as usize
        );
        state.set("c", 1).flush();
        assert_eq!(
            pushes(&recorder),
            json!([{"c": 1}]),
            "the state is usable afterwards"
        );
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
        listen(&state, &["quick"], move |_, values| {
            called.send(values).unwrap()
        });
        let other = state.clone();
        let flusher = thread::spawn(move || other.set("slow", 1).flush());
        wait_entered.recv().unwrap();
        state.set("quick", 1).flush();
        assert_eq!(
            pushes(&recorder),
            json!([{"slow": 1}, {"quick": 1}]),
            "sent at once"
        );
        assert_eq!(
            calls.try_iter().count(),
            0,
            "its listener waits for its turn"
        );
        leave.send(()).unwrap();
        flusher.join().unwrap();
        assert_eq!(calls.try_iter().count(), 1);
    }

    #[test]
    fn a_panicking_listener_does_not_stop_later_flushes() {
        let (state, recorder) = state();
        listen(&state, &["bad"], |_, _| panic!("in a listener"));
        let other = state.clone();
        assert!(
            thread::spawn(move || other.set("bad", 1).flush())
                .join()
                .is_err()
        );
        let (called, calls) = mpsc::channel();
        listen(&state, &["a"], move |_, values| {
            called.send(values).unwrap()
        });
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
    fn what_nobody_is_about_to_flush_is_reported() {
        let (state, recorder) = state();
        state.batch(|batch| {
            batch.set("a", 1);
        });
        scope::deferred(|| state.set("b", 1).flush());
        assert_eq!(*recorder.unflushed.lock().unwrap(), 0);
        state.set("c", 1);
        assert_eq!(*recorder.unflushed.lock().unwrap(), 1);
    }
}
