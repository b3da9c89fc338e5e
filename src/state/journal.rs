//! The seam to a store that outlives the program: what a state commits is recorded there, and a state
//! can go on where another one with the same store has ended.
//!
//! What must hold: a value of a durable key reaches no client before it is stored; commits are
//! recorded in their order; a client that resumes with a mark of an earlier state misses nothing.

use std::sync::{Arc, atomic::Ordering};

use futures_util::future::BoxFuture;
use selvedge_wslink::Packed;

use super::{KeyName, State, scope::Cause, store::touch};
use crate::{Error, Result};

/// Where commits are recorded.
pub(crate) trait Journal: Send + Sync {
    /// Records what a commit has changed. Returns whether no client may see it before it is stored.
    /// Called under the lock of the state: it must be quick and must not call back.
    fn record(&self, changes: &[(KeyName, Packed)], commit: u64, is_durable: bool) -> bool;

    /// Returns why a value cannot be written now, if it cannot.
    fn refusal(&self, is_durable: bool) -> Option<&'static str>;

    /// Waits until all commits up to this one are stored.
    fn stored(&self, commit: u64) -> BoxFuture<'static, Result<()>>;
}

/// What a store knows of a state.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Names the history that begins now in marks.
    pub(crate) history: String,
    /// The newest commit that the store knows. The history goes on with the next number.
    pub(crate) newest: u64,
    /// Each value with the commit that changed it last.
    pub(crate) values: Vec<(String, Packed, u64)>,
    /// The earlier histories, each with its last commit that is stored with all commits before it.
    pub(crate) before: Vec<(String, u64)>,
}

impl State {
    /// Makes keys durable, for applications whose rooms are in a [store](crate::cluster): a client or
    /// listener on another machine sees a value of such a key, and the answer to the call that set
    /// it, only when the store has it. Other keys are stored a moment later, and the loss of a machine
    /// can undo what was set in the last moment. Without a store this has no effect.
    ///
    /// While the store is not reachable, durable keys cannot be set: a page gets an error and the true
    /// value, and [`try_set`](Self::try_set) returns [`Error::NotStored`].
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("orders", Vec::<String>::new()).durable(&["orders"]);
    /// ```
    pub fn durable(&self, keys: &[&str]) -> &Self {
        let mut inner = self.store.lock();
        inner.durable.extend(keys.iter().map(|key| KeyName::from(&*self.name(key))));
        drop(inner);
        self
    }

    /// Waits until everything that was committed so far is in the [store](crate::cluster) of the
    /// application's rooms. Returns at once without such a store. Pending values are committed by
    /// [`flush`](Self::flush).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("paid", true).flush();
    /// server.state().stored().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotStored`] if the room has moved to another machine in the meantime: it is not known
    /// whether the last changes went with it.
    ///
    /// # Cancellation
    /// Dropping the future ends the wait.
    pub async fn stored(&self) -> Result<()> {
        let waiting = {
            let inner = self.store.lock();
            let commit = inner.history.now().commit;
            inner.journal.as_ref().map(|journal| journal.stored(commit))
        };
        match waiting {
            Some(waiting) => waiting.await,
            None => Ok(()),
        }
    }

    /// Goes on with what a store knows, and records all commits there from now on. Called after the
    /// application's set-up and before any listener runs. Returns the number of values that the rules
    /// of the application do not admit any more.
    pub(crate) fn continue_from(&self, recorded: Recorded, journal: Arc<dyn Journal>) -> usize {
        let all = recorded.values.len();
        // Checks are application code, so no lock may be held.
        let admitted = |(key, value, commit): (String, Packed, u64)| {
            Some((self.admit_recorded(&key, value)?, key, commit))
        };
        let values: Vec<_> = recorded.values.into_iter().filter_map(admitted).collect();
        let refused = all - values.len();
        let mut inner = self.store.lock();
        inner.history.continue_from(recorded.history, recorded.newest, recorded.before);
        let next = inner.history.next();
        inner.pushed.restamp(next);
        for (value, key, commit) in values {
            inner.restore(&key, value, commit);
        }
        inner.journal = Some(journal);
        drop(inner);
        self.store.has_journal.store(true, Ordering::Release);
        refused
    }

    /// Records nothing more.
    pub(crate) fn stop_recording(&self) {
        self.store.has_journal.store(false, Ordering::Release);
        let journal = self.store.lock().journal.take();
        drop(journal);
    }

    /// Returns whether the values of a key are recorded. `transient` keys are not, nor those that the
    /// framework sets.
    pub(crate) fn is_recorded(&self, key: &str) -> bool {
        self.is_keepable(key)
    }

    /// Checks that a value of a key can be stored, if it has to be.
    ///
    /// # Errors
    /// [`Error::NotStored`].
    pub(super) fn check_storable(&self, name: &str) -> Result<()> {
        if !self.store.has_journal.load(Ordering::Acquire) {
            return Ok(());
        }
        let inner = self.store.lock();
        let is_durable = inner.durable.contains(name);
        match inner.journal.as_ref().and_then(|journal| journal.refusal(is_durable)) {
            Some(reason) if is_durable => Err(Error::NotStored(reason)),
            _ => Ok(()),
        }
    }

    /// Returns why a client cannot set a key now, if it cannot.
    pub(super) fn refusal_of_store(&self, name: &str) -> Option<&'static str> {
        if !self.store.has_journal.load(Ordering::Acquire) {
            return None;
        }
        let inner = self.store.lock();
        inner.journal.as_ref()?.refusal(inner.durable.contains(name))
    }
}

impl super::store::Stored {
    /// Sets a value that clients of an earlier state have already. Its listeners run.
    fn restore(&mut self, key: &str, value: Packed, commit: u64) {
        let key = self.key(key);
        self.forget_pending(&key);
        self.pushed.insert(KeyName::clone(&key), value, commit);
        touch(&mut self.touched, &key, Cause::default());
    }
}
