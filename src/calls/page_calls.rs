//! Calls from the server into one page, with a result.

use selvedge_wslink::{ClientId, Packed, messages::server::Request, words::topic};
use serde::Serialize;
use tokio::sync::oneshot;

use super::functions::list;
use crate::{
    Failure, Result,
    app::{CANNOT, Ctx, GONE, Server},
    error::TransferError,
    protocol::{Client, Questions, dispatch::argument},
};

/// The result of a method in a page, or why there is none.
type PageAnswer = Result<Packed, String>;

/// The calls that wait for the answer of a page.
pub(crate) type PageCalls = Questions<oneshot::Sender<PageAnswer>>;

/// Removes a call when nothing waits for its answer any more.
struct Waiting<'a> {
    calls: &'a PageCalls,
    client: ClientId,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.take(self.number, self.client);
    }
}

impl Ctx {
    /// Calls a method of the element with this `ref` in the page that made the call, and returns its
    /// result. `args` are a tuple, a list, or a single value. If the method returns a promise, its
    /// value is the result; `undefined` is nil.
    ///
    /// Await it: a plain function that blocks until it has the result also keeps the page's answer
    /// waiting. `Server::js_call` calls the method in all pages, without a result.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server};
    ///
    /// let server = Server::new("doc");
    /// server.template("main", r#"<canvas ref="sketch"></canvas><button @click="trigger('keep')">Keep</button>"#);
    /// server.trigger("keep", async |cx: Ctx| -> Result<usize, Failure> {
    ///     let url: String = cx.js_call("sketch", "toDataURL", ["image/png"]).await?.decode()?;
    ///     Ok(url.len())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`TransferError::NoPage`](crate::files::TransferError::NoPage) if no page of this library
    /// made the call, or if it disconnects or the server stops before it has answered; a failure
    /// with the page's words if the element or the method does not exist, or if the method fails or
    /// returns what cannot be sent.
    pub async fn js_call(
        &self,
        element: &str,
        method: &str,
        args: impl Serialize,
    ) -> Result<Packed, Failure> {
        #[derive(Serialize)]
        struct Call<'a> {
            id: u64,
            r#ref: &'a str,
            method: &'a str,
            args: Vec<Packed>,
        }
        let args = list(&args)?;
        let page = self.page()?;
        if !page.knows_extras() {
            return Err(TransferError::NoPage(CANNOT).into());
        }
        let calls = &self.server.inner.page_calls;
        let (answer, answered) = oneshot::channel();
        let id = calls.add(page.id, answer);
        let _waiting = Waiting { calls, client: page.id, number: id };
        self.server.publish_to(
            page.id,
            topic::PAGE_CALL,
            Call { id, r#ref: element, method, args },
        )?;
        match self.while_wanted(answered).await {
            Some(Ok(Ok(result))) => Ok(result),
            Some(Ok(Err(reason))) => Err(Failure::msg(reason)),
            Some(Err(_)) | None => Err(TransferError::NoPage(GONE).into()),
        }
    }
}

impl Server {
    /// Passes the answer of a page on to the call that waits for it: its number, whether the method
    /// has returned, and the result or the reason.
    ///
    /// # Errors
    /// If the arguments are not an answer.
    pub(crate) fn take_page_answer(
        &self,
        client: &Client,
        request: &Request,
    ) -> Result<(), Failure> {
        let number: u64 = argument(request, 0)?;
        let answer = match argument(request, 1)? {
            true => Ok(request.args.get(2).cloned().unwrap_or(Packed::nil())),
            false => Err(argument(request, 2)?),
        };
        // Nothing waits any more if the call was given up.
        if let Some(waiting) = self.inner.page_calls.take(number, client.id) {
            let _ = waiting.send(answer);
        }
        Ok(())
    }
}
