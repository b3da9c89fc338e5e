//! What the application sends to pages besides state.

use indexmap::IndexMap;
use serde::Serialize;

use super::Server;
use crate::{
    Result,
    session::{ACTIONS_TOPIC, STATE_TOPIC},
    state::Key,
    wire::{ClientId, Packed},
};

impl Server {
    /// Sends data to all clients that listen to a topic.
    ///
    /// Every client gets every message, in order; one that does not keep up is disconnected. For pictures and the like,
    /// where only the newest counts, use [`stream`](Self::stream).
    pub fn publish(&self, topic: &str, data: impl Serialize) -> Result<()> {
        self.inner.hub.publish(topic, &Packed::encode(&data)?, None);
        Ok(())
    }

    /// Sends data to all clients but one.
    pub fn publish_except(
        &self,
        client: ClientId,
        topic: &str,
        data: impl Serialize,
    ) -> Result<()> {
        self.inner
            .hub
            .publish(topic, &Packed::encode(&data)?, Some(client));
        Ok(())
    }

    /// Sends data to one client. Says `false` when it is gone.
    pub fn publish_to(&self, client: ClientId, topic: &str, data: impl Serialize) -> Result<bool> {
        Ok(self
            .inner
            .hub
            .publish_to(client, topic, &Packed::encode(&data)?))
    }

    /// Offers the newest frame of a stream: each client gets the latest one when it has drawn the one before.
    ///
    /// Never waits and never fills a queue: a slow page sees fewer frames, and its state is not delayed. The newest frame is kept
    /// for pages that come later.
    pub fn stream(&self, topic: &str, frame: impl Serialize) -> Result<()> {
        self.inner.hub.offer(topic, &Packed::encode(&frame)?);
        Ok(())
    }

    /// Calls a method of an element that the page knows by its `ref`, in all pages.
    pub fn js_call(&self, element: &str, method: &str, args: impl Serialize) -> Result<()> {
        #[derive(Serialize)]
        struct Action<'a, A> {
            r#type: &'static str,
            r#ref: &'a str,
            method: &'a str,
            args: A,
        }
        self.publish(
            ACTIONS_TOPIC,
            [Action {
                r#type: "method",
                r#ref: element,
                method,
                args,
            }],
        )
    }

    /// Sends the current values of these keys to all clients, known to them or not.
    pub fn force_state_push(&self, keys: &[&str]) {
        let value = |pushed: &IndexMap<Key, Packed>, key: &str| pushed.get(key).cloned();
        self.inner.state.snapshot(|pushed| {
            let values: IndexMap<String, Packed> = keys
                .iter()
                .map(|key| self.translator().translate(key).into_owned())
                .map(|key| (key.clone(), value(pushed, &key).unwrap_or(Packed::nil())))
                .collect();
            self.inner
                .hub
                .publish(STATE_TOPIC, &Packed::encode_map(&values), None);
        });
    }
}
