//! Resuming a page: what the server sends to a page that had the state before, instead of
//! everything.
//!
//! The built-in page regularly asks for a *mark*: the position in the order of commits up to which
//! it has the state. When it reconnects, it presents the last mark and receives the keys that have
//! changed since. A mark may be older than the page's state but never newer: some values may be
//! sent twice, and none is missing.

use selvedge_wslink::{
    Packed,
    messages::server::{self as messages, Request},
    words::topic,
};

use super::{Client, dispatch::argument};
use crate::{Result, app::Server, state::Mark};

impl Server {
    /// Publishes a mark to a client and answers its request.
    ///
    /// The answer cannot carry the mark: it may leave before changes that were folded, see the
    /// outbox.
    pub(crate) fn send_mark(&self, client: &Client, id: &Packed) {
        let max_frame = self.hub().max_frame();
        self.state().with_mark(|mark| {
            if let Ok(mark) = Packed::encode(&(&mark.state, mark.commit)) {
                client.outbox.mark(&messages::publish(topic::MARK, &mark, max_frame));
            }
        });
        client.outbox.answer(messages::reply(id, &Packed::nil(), max_frame));
    }

    /// Answers with the values that have changed after a mark, or with nil if the mark is unknown
    /// because the program was restarted.
    ///
    /// # Errors
    /// If the arguments are not a mark.
    pub(crate) fn send_missed(&self, client: &Client, request: &Request) -> Result<()> {
        let mark = Mark { state: argument(request, 0)?, commit: argument(request, 1)? };
        let max_frame = self.hub().max_frame();
        self.state().changed_after(&mark, |changed| {
            let reply = match changed {
                Some(entries) => messages::reply_map(&request.id, entries.into_iter(), max_frame),
                None => messages::reply(&request.id, &Packed::nil(), max_frame),
            };
            client.outbox.answer(reply);
        });
        Ok(())
    }
}
