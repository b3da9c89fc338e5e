//! What a page gets that was here before, instead of everything.
//!
//! A page of ours asks now and then for a *mark*: the place in the order of the commits up to which it has the state.
//! When it comes back after its connection was lost, it shows the last mark and gets the keys that have changed since.
//! A mark may be older than what the page has, never newer: then some values are sent once more, and none is missing.

use super::{Server, dispatch::argument};
use crate::{
    Result,
    session::Client,
    state::Mark,
    wire::{
        Packed,
        message::{self, Request},
    },
};

/// Where marks are published, to the client alone that asks.
const MARK_TOPIC: &str = "selvedge.mark";

impl Server {
    /// Publishes a mark to a client, and answers its request.
    ///
    /// The answer cannot carry the mark: it may leave before changes that were folded, see the outbox.
    pub(super) fn send_mark(&self, client: &Client, id: &Packed) {
        let max_frame = self.hub().max_frame();
        self.state().with_mark(|mark| {
            if let Ok(mark) = Packed::encode(&(&mark.state, mark.commit)) {
                client.outbox.mark(&message::publish(MARK_TOPIC, &mark, max_frame));
            }
        });
        client.outbox.answer(message::reply(id, &Packed::nil(), max_frame));
    }

    /// Answers with the values that have changed after a mark; with nil where the mark is not known, since the program was
    /// started anew.
    ///
    /// # Errors
    /// When the arguments are no mark.
    pub(super) fn send_missed(&self, client: &Client, request: &Request) -> Result<()> {
        let mark = Mark { state: argument(request, 0)?, commit: argument(request, 1)? };
        let max_frame = self.hub().max_frame();
        self.state().changed_after(&mark, |changed| {
            let reply = match changed {
                Some(entries) => message::reply_map(&request.id, entries.into_iter(), max_frame),
                None => message::reply(&request.id, &Packed::nil(), max_frame),
            };
            client.outbox.answer(reply);
        });
        Ok(())
    }
}
