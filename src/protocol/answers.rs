//! Answers to calls that outlive their connection.
//!
//! A connection may be lost while a call runs, or while its answer is on the way. The built-in page
//! sends a *ticket* with each call, and redeems it on its next connection: it gets the outcome of
//! the call, at once or when the call ends. With its calls it also says which tickets it needs no
//! more. Tickets are random, and worth one outcome.
//!
//! What is kept is bounded in number, in bytes and in time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use selvedge_wslink::{Packed, words::ErrorCode};
use tokio::{sync::oneshot, time::Instant};

/// How long an outcome is kept.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(60);

/// Maximum number of kept outcomes.
const MAX_OUTCOMES: usize = 10_000;

/// Maximum size in bytes of all kept outcomes.
const MAX_BYTES: usize = 64 << 20;

/// Maximum size in bytes of one kept outcome.
const MAX_OUTCOME: usize = 16 << 20;

/// Maximum length of a ticket in bytes.
pub(super) const MAX_TICKET: usize = 64;

/// The outcome of a call, as its client gets it.
pub(super) type Outcome = Result<Packed, CallFault>;

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct CallFault {
    pub(super) code: ErrorCode,
    pub(super) text: &'static str,
    pub(super) data: Option<Packed>,
}

/// The calls with tickets.
#[derive(Default)]
pub(crate) struct Answers {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    calls: HashMap<Arc<str>, Call>,
    /// The kept outcomes, in the order in which the calls have ended.
    ended: BTreeMap<u64, (Instant, Arc<str>)>,
    last: u64,
    bytes: usize,
}

enum Call {
    /// The call runs; a client may wait for its outcome.
    Running(Option<oneshot::Sender<Outcome>>),
    /// With its place in the order.
    Ended(u64, Outcome),
}

/// What a ticket is worth.
pub(super) enum Redeemed {
    Now(Outcome),
    /// The receiver fails if the call is dropped.
    Later(oneshot::Receiver<Outcome>),
}

/// The ticket of a running call. If it is dropped before the call ends, the ticket is void.
pub(super) struct Ticket {
    answers: Arc<Answers>,
    name: Arc<str>,
}

impl Answers {
    /// Notes that a call runs.
    pub(super) fn begin(self: &Arc<Self>, ticket: &str) -> Ticket {
        let name: Arc<str> = ticket.into();
        let mut kept = self.kept.lock();
        kept.remove(&name);
        kept.calls.insert(Arc::clone(&name), Call::Running(None));
        Ticket { answers: Arc::clone(self), name }
    }

    /// Drops the outcome of a call that has ended: the client has it.
    pub(super) fn forget(&self, ticket: &str) {
        let mut kept = self.kept.lock();
        if matches!(kept.calls.get(ticket), Some(Call::Ended(..))) {
            kept.remove(ticket);
        }
    }

    /// Returns the outcome of a call, or a receiver for it; `None` for an unknown ticket.
    pub(super) fn redeem(&self, ticket: &str) -> Option<Redeemed> {
        let mut kept = self.kept.lock();
        kept.expire();
        match kept.calls.get_mut(ticket)? {
            Call::Running(waiting) => {
                let (sender, receiver) = oneshot::channel();
                *waiting = Some(sender);
                Some(Redeemed::Later(receiver))
            }
            // It stays until it expires: this answer may be lost, too.
            Call::Ended(_, outcome) => Some(Redeemed::Now(outcome.clone())),
        }
    }

    /// Drops outcomes that are too old.
    pub(super) fn expire(&self) {
        self.kept.lock().expire();
    }

    /// Drops all outcomes.
    pub(super) fn clear(&self) {
        let mut kept = self.kept.lock();
        while kept.remove_oldest() {}
    }
}

impl Ticket {
    /// Notes the outcome of the call.
    pub(super) fn end(self, outcome: Outcome) {
        let mut kept = self.answers.kept.lock();
        let Some(Call::Running(waiting)) = kept.calls.get_mut(&self.name) else {
            return;
        };
        if let Some(waiting) = waiting.take() {
            // It fails if that client has gone as well.
            let _ = waiting.send(outcome.clone());
        }
        if size(&outcome) > MAX_OUTCOME {
            kept.calls.remove(&self.name);
            return;
        }
        kept.bytes += size(&outcome);
        kept.last += 1;
        let place = kept.last;
        kept.calls.insert(Arc::clone(&self.name), Call::Ended(place, outcome));
        kept.ended.insert(place, (Instant::now(), Arc::clone(&self.name)));
        kept.expire();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut kept = self.answers.kept.lock();
        if matches!(kept.calls.get(&self.name), Some(Call::Running(_))) {
            kept.calls.remove(&self.name);
        }
    }
}

impl Kept {
    fn remove(&mut self, ticket: &str) {
        if let Some(Call::Ended(place, outcome)) = self.calls.remove(ticket) {
            self.ended.remove(&place);
            self.bytes -= size(&outcome);
        }
    }

    fn remove_oldest(&mut self) -> bool {
        let oldest = self.ended.first_key_value().map(|(_, (_, ticket))| Arc::clone(ticket));
        oldest.inspect(|ticket| self.remove(ticket)).is_some()
    }

    /// Drops outcomes that are too old or too many.
    fn expire(&mut self) {
        while let Some((_, (ended, _))) = self.ended.first_key_value() {
            let is_over = ended.elapsed() > KEPT_FOR
                || self.ended.len() > MAX_OUTCOMES
                || self.bytes > MAX_BYTES;
            if !is_over || !self.remove_oldest() {
                return;
            }
        }
    }
}

fn size(outcome: &Outcome) -> usize {
    match outcome {
        Ok(result) => result.size(),
        Err(fault) => fault.data.as_ref().map_or(0, Packed::size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Outcome {
        Ok(Packed::encode(&"x".repeat(length)).unwrap())
    }

    fn is_known(answers: &Answers, ticket: &str) -> bool {
        answers.redeem(ticket).is_some()
    }

    #[tokio::test]
    async fn an_outcome_is_given_when_the_call_has_ended() {
        let answers = Arc::new(Answers::default());
        let ticket = answers.begin("a");
        let Some(Redeemed::Later(outcome)) = answers.redeem("a") else { panic!("it runs") };
        ticket.end(text(3));
        assert_eq!(outcome.await.unwrap().unwrap().decode::<String>().unwrap(), "xxx");
        assert!(matches!(answers.redeem("a"), Some(Redeemed::Now(Ok(_)))));
        answers.forget("a");
        assert!(!is_known(&answers, "a"));
        assert_eq!(answers.kept.lock().bytes, 0);
    }

    #[tokio::test]
    async fn a_dropped_call_is_unknown() {
        let answers = Arc::new(Answers::default());
        let ticket = answers.begin("a");
        answers.forget("a");
        let Some(Redeemed::Later(outcome)) = answers.redeem("a") else { panic!("it runs") };
        drop(ticket);
        assert!(outcome.await.is_err() && !is_known(&answers, "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn outcomes_are_bounded_in_time_number_and_bytes() {
        let answers = Arc::new(Answers::default());
        answers.begin("old").end(text(1));
        tokio::time::advance(KEPT_FOR + Duration::from_secs(1)).await;
        answers.begin("new").end(text(1));
        assert!(!is_known(&answers, "old") && is_known(&answers, "new"));
        answers.begin("too large").end(text(MAX_OUTCOME + 1));
        assert!(!is_known(&answers, "too large") && is_known(&answers, "new"));
        for number in 0..5 {
            answers.begin(&format!("large {number}")).end(text(MAX_OUTCOME - 100));
        }
        assert!(!is_known(&answers, "large 0") && is_known(&answers, "large 4"));
        for _ in 0..=MAX_OUTCOMES {
            answers.begin("done").end(text(1));
            answers.forget("done");
        }
        assert!(is_known(&answers, "large 4"), "only what is kept counts");
        for number in 0..=MAX_OUTCOMES {
            answers.begin(&number.to_string()).end(text(1));
        }
        assert!(!is_known(&answers, "0") && is_known(&answers, "1"));
        assert_eq!(answers.kept.lock().calls.len(), MAX_OUTCOMES);
        answers.clear();
        assert!(answers.kept.lock().calls.is_empty() && answers.kept.lock().bytes == 0);
    }
}
