//! Dispatches the calls of clients: trame's methods, triggers, and the application's RPC methods.
//!
//! The calls of one client start in the order of arrival and finish independently. An answer leaves
//! before the pushes that its call caused, with two exceptions: what an async callback changes
//! before its last await leaves at once, and the pushes of a plain function leave after it has run
//! for 100 ms. Every call is answered, whatever its callback does.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use selvedge_wslink::{
    Packed,
    chunk::Outgoing,
    messages::server::{self as messages, Request},
    words::{ErrorCode, method},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    Client, Hold,
    answers::{self, CallFault, MAX_TICKET, Redeemed, Ticket},
    viewers::ONLY_VIEWS,
};
use crate::{
    Failure, Result,
    app::{Ctx, Role, Server, unknown},
    calls::{
        Arguments,
        callback::{Function, Outcome, ResultNotEncoded},
        functions::Deferred,
        registry::{Lifecycle, Rpc},
    },
    state::deferred,
};

/// Methods of wslink's programs that end the server.
pub(super) const EXIT: &str = "application.exit";
pub(super) const EXIT_LATER: &str = "application.exit.later";

/// Returns whether a method runs no code of the application and so never blocks.
pub(crate) fn runs_no_callback(method: &str) -> bool {
    matches!(method, method::STATE_GET | method::MARK | method::STREAM_ACK)
}

/// Decodes an argument of a protocol method.
pub(crate) fn argument<T: DeserializeOwned>(request: &Request, position: usize) -> Result<T> {
    let value = request.args.get(position).cloned().unwrap_or(Packed::nil());
    Ok(value.decode_as(format_args!("argument {} of {}", position + 1, request.method))?)
}

/// The answer to a page whose call is unknown.
const LOST: &str = "The connection was lost before the application answered. It is not known whether it has done what was asked";

/// A call of a function of the application.
struct Call {
    request: Request,
    /// The name of the function in errors.
    callee: String,
    ticket: Option<Ticket>,
    /// What is called and since when, if that is counted.
    counted: Option<(&'static str, String, Instant)>,
}

impl Server {
    /// Answers one call of an authenticated client.
    pub(super) fn dispatch(&self, client: &Arc<Client>, request: Request, ticket: Option<Ticket>) {
        self.hub().log().inspect(|log| log.received(client.id, &request));
        if client.role() == Role::Viewer && self.needs_editor(&request) {
            return self.answer(client, &request, Err(Failure::msg(ONLY_VIEWS)));
        }
        match request.method.as_str() {
            method::STATE_GET => {
                self.send_snapshot(client, &request.id);
                self.tell_role(client);
            }
            method::STATE_UPDATE => {
                if let Err(failure) = self.update_state(client, &request) {
                    self.answer(client, &request, Err(failure));
                }
                self.state().flush();
            }
            method::TRIGGER => self.answer_trigger(client, request, ticket),
            method::MARK => self.send_mark(client, &request.id),
            method::OUTCOME => self.redeem_ticket(client, request),
            method::RESUME => {
                if let Err(error) = self.send_missed(client, &request) {
                    self.answer(client, &request, Err(error.into()));
                }
                self.tell_role(client);
            }
            _ if method::is_reserved(&request.method) => {
                let hold = client.outbox.hold();
                match deferred(|| self.own_method(client, &request)) {
                    Some(result) => self.answer(client, &request, result),
                    None => self.answer_unknown(client, &request),
                }
                drop(hold);
            }
            _ => self.call_rpc(client, request),
        }
    }

    /// Answers with the whole state. The answer is queued under the lock of the commits, so that it
    /// precedes the next commit.
    fn send_snapshot(&self, client: &Client, id: &Packed) {
        self.state().snapshot(|pushed| {
            self.hub().log().inspect(|log| log.initial_state(client.id, pushed));
            let (count, max_frame) = (pushed.len() as u32, self.hub().max_frame());
            let entries = pushed.encoded();
            client.outbox.answer(messages::reply_state(id, self.name(), count, entries, max_frame));
        });
    }

    /// Runs a protocol method that `dispatch` does not handle itself. Returns `None` if there is no
    /// such method.
    fn own_method(
        &self,
        client: &Arc<Client>,
        request: &Request,
    ) -> Option<Result<Packed, Failure>> {
        let text =
            |position: usize| -> Result<String, Failure> { Ok(argument(request, position)?) };
        let result = match request.method.as_str() {
            method::LIFECYCLE_UPDATE => text(0).map(|event| self.page_event(client, &event)),
            method::ERROR_CLIENT => text(0).map(|error| self.page_error(client, &error)),
            method::FORCE_PUSH => request
                .args
                .iter()
                .map(|key| key.decode::<String>())
                .collect::<Result<Vec<String>, _>>()
                .map(|keys| match client.role() {
                    Role::Editor => {
                        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                        self.force_state_push(&keys);
                    }
                    // Pages send this after they have missed a part of a list.
                    Role::Viewer => self.restore(client, &keys),
                })
                .map_err(Failure::from),
            EXIT => {
                self.request_stop();
                Ok(())
            }
            EXIT_LATER => self.stop_later(request),
            method::SELVEDGE_HELLO => {
                client.learn_extras();
                let series = request.args.first().and_then(|page| page.entry("series"));
                if series.is_some_and(|series| series.decode().unwrap_or(false)) {
                    client.follow_series();
                }
                let development = self.settings().development;
                let mut answer = json!({"version": 1, "development": development});
                if self.has_admission() {
                    answer["openToViewers"] = json!(self.inner.functions.triggers_for_viewers());
                }
                return Some(Packed::encode(&answer).map_err(Failure::from));
            }
            method::TRIGGER_CHECK if self.settings().development => {
                return Some(text(0).and_then(|name| Ok(Packed::encode(&self.missing(&name))?)));
            }
            method::UPLOAD_OPEN => return Some(self.offer_upload(client, request)),
            method::DIALOG_ANSWER => return Some(self.take_answer(client, request)),
            method::PAGE_ANSWER => self.take_page_answer(client, request),
            method::DIALOG_END => argument(request, 0)
                .map(|dialog| self.end_dialog(client, dialog))
                .map_err(Failure::from),
            method::STREAM_OPEN => text(0).and_then(|topic| {
                let opened = self.hub().open_stream(client, &topic);
                opened.then_some(()).ok_or_else(|| Failure::msg("too many streams are open"))
            }),
            method::STREAM_ACK => text(0).map(|topic| client.outbox.acknowledge(&topic)),
            method::STREAM_CLOSE => text(0).map(|topic| client.outbox.close_stream(&topic)),
            _ => return None,
        };
        Some(result.map(|()| Packed::nil()))
    }

    /// Applies the changes of a client and answers.
    ///
    /// The answer is queued together with the commit: values queued before it are older than the
    /// change, and values after it are newer. So a client can keep its own value until the answer
    /// arrives, and take every value after it.
    ///
    /// # Errors
    /// If the changes are not a list, or one has no key. Then nothing is set and nothing is
    /// answered.
    fn update_state(&self, client: &Client, request: &Request) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Change {
            key: String,
        }
        let changes = request
            .args
            .first()
            .and_then(Packed::items)
            .ok_or_else(|| Failure::msg("trame.state.update takes a list of changes"))?;
        let mut values = Vec::with_capacity(changes.len());
        // Keys whose value differs from what the client sent.
        let (mut others, mut reasons) = (Vec::new(), Vec::new());
        for change in changes {
            let Change { key } = change.decode_as("a change of state")?;
            let value = change.entry("value").unwrap_or(Packed::nil());
            let admitted = match client.role() {
                Role::Editor => self.state().admit(&key, value.clone()),
                Role::Viewer => Err(Failure::msg(ONLY_VIEWS)),
            };
            match admitted {
                Ok(admitted) => {
                    if admitted != value {
                        others.push(key.clone());
                    }
                    values.push((key, admitted));
                }
                Err(failure) => {
                    reasons.push(format!("`{key}` was not set: {}", self.for_clients(&failure)));
                    others.push(key);
                }
            }
        }
        let result = match reasons.is_empty() {
            true => Ok(Packed::nil()),
            false => Err(Failure::msg(reasons.join("; "))),
        };
        let answer = self.answer_to(request, result);
        let send = || client.outbox.answer(answer);
        self.state().set_from_client(client.id, values, send);
        if !others.is_empty() {
            self.restore(client, &others);
        }
        Ok(())
    }

    /// Sends the server's values of keys that a client may have set locally; nil for a key without
    /// a value.
    fn restore(&self, client: &Client, keys: &[String]) {
        self.state().snapshot(|pushed| {
            let values = pushed.values_of(keys.iter().map(Cow::from));
            self.hub().restore(client, &values);
        });
    }

    fn page_event(&self, client: &Client, event: &str) {
        match Lifecycle::from_page(event) {
            Some(event) => self.start_hooks(Some(client), event, &[]),
            None => tracing::debug!(event, "a page announced an unknown event"),
        }
    }

    fn page_error(&self, client: &Client, error: &str) {
        tracing::warn!(?client.id, "a page reports: {error}");
        let args: Vec<Packed> = Packed::encode(error).into_iter().collect();
        self.start_hooks(Some(client), Lifecycle::Error, &args);
    }

    /// Returns the error text if there is no such trigger, for pages in development.
    fn missing(&self, trigger: &str) -> Option<String> {
        let functions = &self.inner.functions;
        if functions.trigger(trigger).is_some() {
            return None;
        }
        let error = unknown("trigger", trigger, functions.similar_triggers(trigger)).to_string();
        tracing::warn!("a template calls a trigger: {error}");
        Some(error)
    }

    fn stop_later(&self, request: &Request) -> Result<(), Failure> {
        let seconds: f64 = match request.args.first() {
            Some(seconds) => seconds.decode_as("the delay of application.exit.later")?,
            None => 60.0,
        };
        let delay = Duration::try_from_secs_f64(seconds)?;
        let server = self.clone();
        self.hub().spawn_service(async move {
            tokio::time::sleep(delay).await;
            server.request_stop();
        });
        Ok(())
    }

    fn answer_trigger(&self, client: &Arc<Client>, mut request: Request, ticket: Option<Ticket>) {
        let name = match request.args.first() {
            Some(name) => name.decode_as::<String>("the name of the trigger"),
            None => Packed::nil().decode_as("the name of the trigger"),
        };
        let name = match name {
            Ok(name) => name,
            Err(error) => return self.answer(client, &request, Err(error.into())),
        };
        let Some(trigger) = self.inner.functions.trigger(&name) else {
            let similar = self.inner.functions.similar_triggers(&name);
            tracing::warn!("a page called a trigger: {}", unknown("trigger", &name, similar));
            return self.answer(client, &request, Ok(Packed::nil()));
        };
        let positional = request.args.get(1).and_then(Packed::items).unwrap_or_default();
        let named = request.args.get(2).and_then(Packed::entries).unwrap_or_default();
        request.args.clear();
        let callee = format!("trigger `{name}`");
        let arguments = Arguments::new(callee.clone(), positional, named);
        let counted = client.metrics().map(|_| ("trigger", name, Instant::now()));
        let call = Call { request, callee, ticket, counted };
        let ends_with_client = trigger.switches.ends_with_client.load(Ordering::Relaxed);
        self.call_function(client, call, &trigger.function, arguments, ends_with_client);
    }

    /// Returns the ticket of a call, if its page has sent one, and drops the outcomes that the page
    /// needs no more.
    pub(super) fn take_ticket(&self, request: &Request) -> Option<Ticket> {
        let ticket: String = request.kwargs.get("ticket")?.decode().ok()?;
        let answers = self.hub().answers();
        let done = request.kwargs.get("done").and_then(Packed::items).unwrap_or_default();
        for done in done.iter().filter_map(|done| done.decode::<String>().ok()) {
            answers.forget(&done);
        }
        (ticket.len() <= MAX_TICKET).then(|| answers.begin(&ticket))
    }

    /// Answers with the outcome of an earlier call, at once or when that call ends.
    fn redeem_ticket(&self, client: &Arc<Client>, request: Request) {
        let lost = Err(CallFault { code: ErrorCode::Raised, text: LOST, data: None });
        let ticket = match argument::<String>(&request, 0) {
            Ok(ticket) => ticket,
            Err(error) => return self.answer(client, &request, Err(error.into())),
        };
        match self.hub().answers().redeem(&ticket) {
            None => client.outbox.answer(self.message(&request.id, &lost)),
            Some(Redeemed::Now(outcome)) => {
                client.outbox.answer(self.message(&request.id, &outcome));
            }
            Some(Redeemed::Later(outcome)) => {
                let (server, client) = (self.clone(), Arc::clone(client));
                let unanswered = self.hub().unanswered_call();
                self.hub().spawn(async move {
                    let _unanswered = unanswered;
                    if let Some(outcome) = client.gone.run_until_cancelled(outcome).await {
                        let outcome = outcome.unwrap_or(lost);
                        client.outbox.answer(server.message(&request.id, &outcome));
                    }
                });
            }
        }
    }

    fn call_rpc(&self, client: &Arc<Client>, mut request: Request) {
        let Some(Rpc { function, .. }) = self.rpc_method(&request.method) else {
            return self.answer_unknown(client, &request);
        };
        let callee = format!("RPC method `{}`", request.method);
        let args = std::mem::take(&mut request.args);
        let kwargs = std::mem::take(&mut request.kwargs);
        let arguments = Arguments::new(callee.clone(), args, kwargs);
        let counted = client.metrics().map(|_| ("rpc", request.method.clone(), Instant::now()));
        let call = Call { request, callee, ticket: None, counted };
        self.call_function(client, call, &function, arguments, false);
    }

    /// Calls a function of the application and answers with its outcome, at once or when its future
    /// completes.
    fn call_function(
        &self,
        client: &Arc<Client>,
        call: Call,
        function: &Function<Ctx>,
        arguments: Arguments,
        ends_with_client: bool,
    ) {
        let hold = client.outbox.hold();
        let context = Ctx::of_client(self, client);
        let mut future = match deferred(|| function(context, arguments)) {
            Outcome::Ready(result) => return self.answer_call(client, call, result),
            Outcome::Pending(future) => Deferred(future),
        };
        // Poll once here, so that calls start in order; a task drives the rest.
        if let Some(result) = (&mut future).now_or_never() {
            return self.answer_call(client, call, result);
        }
        drop(hold);
        let (server, client) = (self.clone(), Arc::clone(client));
        let unanswered = self.hub().unanswered_call();
        self.hub().spawn(async move {
            let mut end = pin!(with_hold(&client, future));
            let early = client.gone.run_until_cancelled(end.as_mut()).await;
            let (result, _hold) = match early {
                Some(ended) => ended,
                None if ends_with_client => {
                    return tracing::debug!(
                        "{} was cancelled: its client has disconnected",
                        call.callee
                    );
                }
                None => {
                    // A stop does not wait for the answer.
                    drop(unanswered);
                    end.await
                }
            };
            server.answer_call(&client, call, result);
        });
    }

    fn answer_call(&self, client: &Client, call: Call, result: Result<Packed, Failure>) {
        let Call { request, callee, ticket, counted } = call;
        if let (Some(metrics), Some((kind, name, since))) = (client.metrics(), counted) {
            metrics.called(kind, &name, since.elapsed(), result.is_err());
        }
        let failed = result.as_ref().err().map(|failure| Failure::msg(failure.to_string()));
        let outcome = self.outcome(&request.method, result);
        let message = self.message(&request.id, &outcome);
        // First, so that a page that has the answer can settle the ticket.
        if let Some(ticket) = ticket {
            ticket.end(outcome);
        }
        client.outbox.reply(message);
        // Report after the answer: hooks on exceptions may take time.
        if let Some(failure) = failed {
            self.report(&callee, Err(failure));
        }
    }

    fn answer(&self, client: &Client, request: &Request, result: Result<Packed, Failure>) {
        client.outbox.reply(self.answer_to(request, result));
    }

    fn answer_to(&self, request: &Request, result: Result<Packed, Failure>) -> Outgoing {
        self.message(&request.id, &self.outcome(&request.method, result))
    }

    /// Returns the outcome of a call as its client gets it.
    fn outcome(&self, method: &str, result: Result<Packed, Failure>) -> answers::Outcome {
        result.map_err(|failure| match failure.is::<ResultNotEncoded>() {
            true => CallFault {
                code: ErrorCode::Unserializable,
                text: "Method result cannot be serialized",
                data: Packed::encode(method).ok(),
            },
            false => {
                let data = json!({"method": method, "exception": self.for_clients(&failure)});
                let data = Packed::encode(&data).ok();
                CallFault { code: ErrorCode::Raised, text: "Exception raised", data }
            }
        })
    }

    /// Returns the message that answers the call with this id.
    fn message(&self, id: &Packed, outcome: &answers::Outcome) -> Outgoing {
        let max_frame = self.hub().max_frame();
        match outcome {
            Ok(value) => messages::reply(id, value, max_frame),
            Err(CallFault { code, text, data }) => {
                messages::error(id, *code, text, data.as_ref(), max_frame)
            }
        }
    }

    fn answer_unknown(&self, client: &Client, request: &Request) {
        let (id, max_frame) = (&request.id, self.hub().max_frame());
        let method = Packed::encode(&request.method).ok();
        let text = "Unregistered method called";
        let message = messages::error(id, ErrorCode::Unknown, text, method.as_ref(), max_frame);
        client.outbox.reply(message);
    }
}

/// Drives a call to its end. Each poll holds back what it changes; after the last one the returned
/// guard still does, so that the answer leaves first. Earlier changes have left already.
fn with_hold<'a>(
    client: &'a Client,
    mut future: Deferred,
) -> impl Future<Output = (Result<Packed, Failure>, Hold<'a>)> {
    poll_fn(move |context| {
        let hold = client.outbox.hold();
        future.poll_unpin(context).map(|result| (result, hold))
    })
}
