//! Checks the protocol of a room over several nodes: every order of its steps, within small bounds.
//!
//! The steps are those of `docs/cluster-protocol.md`. The room has one durable value, which counts its
//! commits. Messages between a node and the store may be late, lost, or arrive after the node has
//! given up waiting; a node may be suspended or lost between any two steps.
#![allow(clippy::unwrap_used)]

use std::collections::{HashSet, VecDeque};

const NODES: usize = 2;
const MAX_VALUE: u8 = 2;
const MAX_EPOCH: u8 = 3;
/// Messages of a node that are on their way.
const MAX_MESSAGES: usize = 2;

/// What the store has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Store {
    epoch: u8,
    owner: Option<usize>,
    value: u8,
    newest: u8,
    /// The nodes whose lease has not lapsed.
    alive: [bool; NODES],
}

/// An append, with the number of the attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Append {
    epoch: u8,
    value: u8,
}

/// The room on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    epoch: u8,
    value: u8,
    /// What clients may see.
    shown: u8,
    /// The append whose answer is awaited.
    awaited: Option<Append>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    store: Store,
    runs: [Option<Run>; NODES],
    /// Appends that have not arrived, in any order.
    on_the_way: Vec<Append>,
    /// Appends whose answer has not arrived, with the answer.
    answers: Vec<(Append, bool)>,
    /// The newest value that a client has seen, on any node.
    seen: u8,
}

/// Variants of the protocol that lack one of its rules, to show that the check finds that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    All,
    WithoutEpochs,
    WithoutOrder,
    WithoutBarrier,
}

impl State {
    /// Returns the states after each possible step.
    fn next(&self, rules: Rules) -> Vec<State> {
        let mut next = Vec::new();
        for node in 0..NODES {
            self.claim(node, &mut next);
            self.step(node, rules, &mut next);
            self.lease(node, &mut next);
        }
        self.deliver(rules, &mut next);
        next
    }

    fn with(&self, next: &mut Vec<State>, change: impl FnOnce(&mut State)) {
        let mut state = self.clone();
        change(&mut state);
        state.on_the_way.sort();
        state.answers.sort();
        next.push(state);
    }

    /// A claim, also of an owner whose lease has not lapsed: its node may only seem to have ended.
    fn claim(&self, node: usize, next: &mut Vec<State>) {
        if self.runs[node].is_some() || self.store.epoch == MAX_EPOCH || !self.store.alive[node] {
            return;
        }
        self.with(next, |state| {
            let store = &mut state.store;
            (store.epoch, store.owner, store.newest) = (store.epoch + 1, Some(node), 0);
            let (epoch, value) = (store.epoch, store.value);
            state.runs[node] = Some(Run { epoch, value, shown: value, awaited: None });
            state.seen = state.seen.max(value);
        });
    }

    fn step(&self, node: usize, rules: Rules, next: &mut Vec<State>) {
        let Some(run) = &self.runs[node] else { return };
        if run.value < MAX_VALUE {
            self.with(next, |state| {
                let run = state.runs[node].as_mut().unwrap();
                run.value += 1;
                if rules == Rules::WithoutBarrier {
                    run.shown = run.value;
                    state.seen = state.seen.max(run.value);
                }
            });
        }
        // The node sends what is new, also if it has given up an earlier attempt.
        if run.value > run.shown && self.on_the_way.len() < MAX_MESSAGES {
            self.with(next, |state| {
                let run = state.runs[node].as_mut().unwrap();
                let append = Append { epoch: run.epoch, value: run.value };
                run.awaited = Some(append.clone());
                state.on_the_way.push(append);
            });
        }
        for (index, (append, is_applied)) in self.answers.iter().enumerate() {
            if run.awaited.as_ref() != Some(append) {
                continue;
            }
            self.with(next, |state| {
                state.answers.remove(index);
                match (is_applied, state.runs[node].as_mut()) {
                    (true, Some(run)) => {
                        (run.shown, run.awaited) = (run.shown.max(append.value), None);
                        state.seen = state.seen.max(append.value);
                    }
                    _ => state.runs[node] = None,
                }
            });
        }
        // The room ends when all is stored; or the node is lost.
        if run.value == run.shown {
            self.with(next, |state| {
                if state.store.epoch == run.epoch {
                    state.store.owner = None;
                }
                state.runs[node] = None;
            });
        }
        self.with(next, |state| state.runs[node] = None);
    }

    fn lease(&self, node: usize, next: &mut Vec<State>) {
        self.with(next, |state| state.store.alive[node] = !self.store.alive[node]);
    }

    /// An append arrives, or is lost; an answer is lost.
    fn deliver(&self, rules: Rules, next: &mut Vec<State>) {
        for index in 0..self.on_the_way.len() {
            self.with(next, |state| {
                let append = state.on_the_way.remove(index);
                let store = &mut state.store;
                let is_current = append.epoch == store.epoch && store.owner.is_some();
                let is_applied = is_current || rules == Rules::WithoutEpochs;
                let is_late = append.value < store.newest && rules != Rules::WithoutOrder;
                if is_applied && !is_late {
                    (store.value, store.newest) = (append.value, append.value);
                }
                if state.answers.len() < MAX_MESSAGES {
                    state.answers.push((append, is_applied));
                }
            });
            self.with(next, |state| {
                state.on_the_way.remove(index);
            });
        }
        for index in 0..self.answers.len() {
            self.with(next, |state| {
                state.answers.remove(index);
            });
        }
    }

    /// What must hold in every state.
    fn check(&self) -> Result<(), &'static str> {
        if self.store.value < self.seen {
            return Err("a value that was seen is not stored");
        }
        let epochs = self.runs.iter().flatten().map(|run| run.epoch);
        if epochs.clone().count() != epochs.collect::<HashSet<_>>().len() {
            return Err("two rooms have the same epoch");
        }
        let is_ahead = |run: &Run| run.shown > self.store.value || run.epoch > self.store.epoch;
        if self.runs.iter().flatten().any(is_ahead) {
            return Err("a room shows more than is stored");
        }
        Ok(())
    }
}

/// Returns the number of states that can be reached.
///
/// # Errors
/// The steps to a state in which something does not hold.
fn explore(rules: Rules) -> Result<usize, String> {
    let first = State::default();
    let mut known = HashSet::from([first.clone()]);
    let mut waiting = VecDeque::from([first]);
    while let Some(state) = waiting.pop_front() {
        state.check().map_err(|what| format!("{what}: {state:?}"))?;
        for next in state.next(rules) {
            if known.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
    }
    Ok(known.len())
}

#[test]
fn nothing_that_was_seen_is_lost_in_any_order_of_steps() {
    let states = explore(Rules::All).unwrap();
    assert!(states > 10_000, "only {states} states");
    println!("{states} states");
}

#[test]
fn each_rule_is_needed() {
    for rules in [Rules::WithoutEpochs, Rules::WithoutOrder, Rules::WithoutBarrier] {
        assert!(explore(rules).is_err());
    }
}
