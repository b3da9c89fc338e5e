//! What the application sends to pages besides state.

use selvedge_wslink::{ClientId, Packed, words::topic};
use serde::Serialize;

use crate::{Result, app::Server, calls::functions::list};

impl Server {
    /// Sends data to all clients, on a topic.
    ///
    /// Every client receives every message, in order; a client that does not keep up is
    /// disconnected. For pictures and other data where only the newest value counts, use
    /// [`stream`](Self::stream).
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.publish("log", "the valve has opened")?;
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) as for [`Packed::encode`].
    pub fn publish(&self, topic: &str, data: impl Serialize) -> Result<()> {
        self.inner.hub.publish(topic, &Packed::encode(&data)?, None);
        Ok(())
    }

    /// Sends data to all clients except one.
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) as for [`Packed::encode`].
    pub fn publish_except(
        &self,
        client: ClientId,
        topic: &str,
        data: impl Serialize,
    ) -> Result<()> {
        self.inner.hub.publish(topic, &Packed::encode(&data)?, Some(client));
        Ok(())
    }

    /// Sends data to one client. Returns `false` if the client is gone.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("hint", |cx: Ctx| -> Result<bool, Failure> {
    ///     match cx.client() {
    ///         Some(client) => Ok(cx.server.publish_to(client, "hints", "only you see this")?),
    ///         None => Ok(false),
    ///     }
    /// });
    /// ```
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) as for [`Packed::encode`].
    pub fn publish_to(&self, client: ClientId, topic: &str, data: impl Serialize) -> Result<bool> {
        Ok(self.inner.hub.publish_to(client, topic, &Packed::encode(&data)?))
    }

    /// Offers the newest picture of a stream: each client receives the latest one after it has
    /// drawn the one before.
    ///
    /// Never waits and never fills a queue: a slow page skips pictures, and its state is not
    /// delayed. The newest picture is kept for pages that connect later.
    ///
    /// ```
    /// use selvedge::values::Attachment;
    ///
    /// let server = selvedge::Server::new("doc");
    /// #[derive(serde::Serialize)]
    /// struct Frame { width: u32, height: u32, format: &'static str, data: Attachment }
    /// server.stream("field", Frame { width: 2, height: 1, format: "gray8", data: vec![0, 255].into() })?;
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) as for [`Packed::encode`].
    pub fn stream(&self, topic: &str, frame: impl Serialize) -> Result<()> {
        self.inner.hub.offer(topic, &Packed::encode(&frame)?);
        Ok(())
    }

    /// Calls a method of the element with this `ref`, in all pages. `args` are a tuple, a list, or a
    /// single value. [`Ctx::js_call`](crate::Ctx::js_call)
    /// calls it in one page, and returns its result.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.template("main", r#"<input ref="name">"#);
    /// server.js_call("name", "focus", [(); 0])?;
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn js_call(&self, element: &str, method: &str, args: impl Serialize) -> Result<()> {
        #[derive(Serialize)]
        struct Action<'a> {
            r#type: &'static str,
            r#ref: &'a str,
            method: &'a str,
            args: Vec<Packed>,
        }
        let args = list(&args)?;
        self.publish(topic::ACTIONS, [Action { r#type: "method", r#ref: element, method, args }])
    }

    /// Sends the current values of these keys to all clients, even if they have not changed.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.force_state_push(&["count"]);
    /// ```
    pub fn force_state_push(&self, keys: &[&str]) {
        let translator = self.translator();
        self.inner.state.snapshot(|pushed| {
            let values = pushed.values_of(keys.iter().map(|key| translator.translate(key)));
            self.inner.hub.publish_state(&values);
        });
    }
}
