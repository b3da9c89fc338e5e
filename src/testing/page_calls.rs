//! Calls of the application into a page, answered by a test.

use selvedge_wslink::{
    Packed,
    client::{Client, Subscription},
    words::method,
};
use serde::Deserialize;
use serde_json::Value;

/// A call into a page, see [`Ctx::js_call`](crate::Ctx::js_call).
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct PageCall {
    id: u64,
    /// The `ref` of the element.
    #[serde(rename = "ref")]
    pub element: String,
    /// The method of the element.
    pub method: String,
    /// The arguments.
    pub args: Vec<Packed>,
}

/// Answers calls until the client is closed.
pub(super) async fn answer_all(
    client: Client,
    mut calls: Subscription,
    mut answer: impl FnMut(PageCall) -> Result<Value, String> + Send,
) {
    while let Some(call) = calls.next().await {
        let Ok(call) = call.decode::<PageCall>() else { continue };
        let id = call.id;
        let (returned, value) = match answer(call) {
            Ok(value) => (true, value),
            Err(reason) => (false, reason.into()),
        };
        // Fails if the application has stopped; then it does not wait for the answer any more.
        let _ = client.call(method::PAGE_ANSWER, (id, returned, value)).await;
    }
}
