//! The queue of an outbox: what waits, in which order, and what may be sent now.

use std::{collections::VecDeque, mem::take, sync::Arc};

use indexmap::IndexSet;
use selvedge_wslink::chunk::{Frame, Outgoing};
use tokio::time::Instant;

use super::{BATCH, CloseFrame, HOLD, Next, TOO_SLOW};
use crate::{blocking::Deferral, protocol::stream::Streams, state::KeyName};

/// Number of barriers in a queue from which on a new one is merged with the last one.
const MANY_BARRIERS: usize = 64;

#[derive(Default)]
pub(super) struct OutboxQueue {
    pub(super) items: VecDeque<Item>,
    /// Number of barriers among the items.
    barriers: usize,
    /// Bytes of the items that are not answers.
    pub(super) bytes: usize,
    /// Bytes of answers.
    pub(super) answer_bytes: usize,
    pub(super) holds: u32,
    /// When the first of the current holds began; `None` without a hold, or after a hold that took
    /// too long.
    pub(super) held_since: Option<Instant>,
    /// How many items may be sent while there are holds.
    pub(super) free: usize,
    /// Keys whose changes were folded and whose latest values the client still has to get.
    pub(super) behind: IndexSet<KeyName>,
    pub(super) streams: Streams,
    pub(super) closing: Option<CloseFrame>,
    /// Whether the writing task has to look for control frames.
    pub(super) interrupted: bool,
    /// The wake-up of the writing task that is under way.
    pub(super) wakeup: Option<Wakeup>,
    /// Whether a task waits until the client may make another call.
    pub(super) room_awaited: bool,
    /// Whether a task waits until everything is sent.
    pub(super) drain_awaited: bool,
    /// Whether the last batch is still being written.
    pub(super) sending: bool,
    /// Whether the latest values of folded keys were requested and are not queued yet.
    pub(super) catching_up: bool,
}

/// A wake-up of the writing task.
pub(super) enum Wakeup {
    Delivered,
    Deferred(Deferral),
}

impl Wakeup {
    /// Returns whether the calling code needs no other wake-up.
    pub(super) fn is_sufficient(&self, is_eager: bool) -> bool {
        match self {
            Wakeup::Delivered => true,
            Wakeup::Deferred(deferral) => !is_eager && deferral.is_by_caller(),
        }
    }
}

pub(super) enum Item {
    Answer(Outgoing),
    Message(Outgoing),
    State(Outgoing, Arc<[KeyName]>),
    /// What follows waits until the commits up to this one are stored.
    Barrier(u64),
}

impl Item {
    fn message(&self) -> Option<&Outgoing> {
        match self {
            Item::Answer(message) | Item::Message(message) | Item::State(message, _) => {
                Some(message)
            }
            Item::Barrier(_) => None,
        }
    }
}

impl OutboxQueue {
    pub(super) fn is_holding(&self) -> bool {
        self.held_since.is_some()
    }

    pub(super) fn release_long_hold(&mut self) {
        self.held_since = self.held_since.filter(|since| since.elapsed() < HOLD);
    }

    pub(super) fn has_room(&self, limit: usize) -> bool {
        self.answer_bytes <= limit || self.closing.is_some()
    }

    pub(super) fn is_drained(&self) -> bool {
        !self.sending && !self.has_waiting()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.items.is_empty() || !self.behind.is_empty()
    }

    pub(super) fn next(&mut self, batch: &mut Vec<Frame>) -> Option<Next> {
        let mut size = 0;
        while size < BATCH && (!self.is_holding() || self.free > 0) {
            if self.is_blocked() {
                break;
            }
            let Some(item) = self.items.pop_front() else {
                break;
            };
            self.free = self.free.saturating_sub(1);
            let Some(message) = item.message() else { continue };
            match &item {
                Item::Answer(_) => self.answer_bytes -= message.size(),
                _ => self.bytes -= message.size(),
            }
            size += message.size();
            batch.extend_from_slice(message.frames());
        }
        if take(&mut self.interrupted) || !batch.is_empty() {
            return Some(Next::Send);
        }
        if !self.is_holding() && !self.is_blocked() && !self.behind.is_empty() {
            return Some(Next::CatchUp(take(&mut self.behind)));
        }
        if let (Some(closing), true) = (self.closing, self.items.is_empty()) {
            return Some(Next::Close(closing));
        }
        if self.is_blocked() {
            return None; // a picture may show what is not stored
        }
        batch.extend_from_slice(self.streams.next()?.frames());
        Some(Next::Send)
    }

    /// Removes all waiting changes of state, and marks their keys and `keys` as keys whose latest
    /// values are due.
    pub(super) fn fold(&mut self, keys: &[KeyName]) {
        let mut behind = take(&mut self.behind);
        self.retain(|item| match item {
            Item::State(_, folded) => {
                behind.extend(folded.iter().cloned());
                false
            }
            _ => true,
        });
        self.behind = behind;
        self.behind.extend(keys.iter().cloned());
    }

    /// Whether the next message has to wait for the store.
    fn is_blocked(&self) -> bool {
        matches!(self.items.front(), Some(Item::Barrier(_)))
    }

    /// Lets what is queued from now on wait until the commits up to this one are stored; so does the
    /// answer to a call in progress.
    pub(super) fn hold_until_stored(&mut self, commit: u64) {
        if self.closing.is_some() {
            return; // nothing follows but the close frame
        }
        let place = if self.is_holding() { self.free } else { self.items.len() };
        let barriers = self.items.iter_mut().filter_map(|item| match item {
            Item::Barrier(known) => Some(known),
            _ => None,
        });
        let (count, last) = barriers.fold((0, None), |(count, _), known| (count + 1, Some(known)));
        match last {
            // The answer to a call in progress would pass one that stands behind it.
            Some(last) if count >= MANY_BARRIERS && self.held_since.is_none() => *last = commit,
            _ => {
                self.items.insert(place, Item::Barrier(commit));
                self.free += usize::from(self.held_since.is_some());
                self.barriers += 1;
            }
        }
    }

    /// Lets go what has waited for these commits.
    pub(super) fn stored(&mut self, commit: u64) {
        if self.barriers > 0 {
            self.retain(|item| !matches!(item, Item::Barrier(wanted) if *wanted <= commit));
        }
    }

    /// Removes what waits for the store.
    pub(super) fn discard_unstored(&mut self) {
        let mut is_behind = false;
        self.retain(|item| {
            is_behind |= matches!(item, Item::Barrier(_));
            !is_behind
        });
        self.behind.clear();
        self.streams = Streams::default();
    }

    /// Removes items.
    fn retain(&mut self, mut keep: impl FnMut(&Item) -> bool) {
        let (limit, mut position) = (self.free, 0);
        let OutboxQueue { items, free, bytes, answer_bytes, barriers, .. } = self;
        items.retain(|item| {
            position += 1;
            if keep(item) {
                return true;
            }
            *free -= usize::from(position <= limit);
            match item {
                Item::Answer(message) => *answer_bytes -= message.size(),
                Item::Message(message) | Item::State(message, _) => *bytes -= message.size(),
                Item::Barrier(_) => *barriers -= 1,
            }
            false
        });
    }

    pub(super) fn give_up(&mut self) {
        self.items.clear();
        self.behind.clear();
        self.streams = Streams::default();
        (self.bytes, self.answer_bytes, self.free, self.barriers) = (0, 0, 0, 0);
        self.closing = Some(TOO_SLOW);
    }
}
