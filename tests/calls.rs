//! Tests triggers, RPC methods and hooks, as clients call them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    time::Duration,
};

use selvedge::{Ctx, Failure, Lifecycle, Server, calls::Kwargs, values::Attachment};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Client, start, to_json};

#[tokio::test]
async fn a_trigger_gets_typed_arguments_and_answers() {
    let server = Server::new("calls");
    server.trigger("add", |_: Ctx, a: i64, b: Option<i64>, Kwargs(names): Kwargs<Value>| {
        json!({"sum": a + b.unwrap_or(10), "names": names})
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.trigger("add", json!([1])).await, json!({"sum": 11, "names": {}}));
    let answer = client.call("trame.trigger", json!(["add", [1, 2], {"z": 1}])).await.unwrap();
    assert_eq!(to_json(&answer), json!({"sum": 3, "names": {"z": 1}}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_answer_to_a_wrong_argument_names_its_position() {
    let server = Server::new("calls");
    server.trigger("add", |_: Ctx, a: i64| a);
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    for args in [json!(["text"]), json!([]), json!([1, 2])] {
        let error = client.call("trame.trigger", json!(["add", args, {}])).await.unwrap_err();
        let error = to_json(&error);
        assert_eq!(
            (error["code"].as_i64(), error["message"].as_str()),
            (Some(-32001), Some("Exception raised"))
        );
        assert!(error["data"]["exception"].as_str().unwrap().contains("trigger `add`"), "{error}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_answer_leaves_before_what_its_call_caused() {
    let server = Server::new("calls");
    server.trigger("change", |cx: Ctx| {
        cx.state().set("a", 1).flush();
        cx.server.publish("topic", 2).unwrap();
        3
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let id = client.send("trame.trigger", json!(["change", [], {}])).await;
    for _ in 0..3 {
        client.receive().await;
    }
    let expected = json!([{"answer": id}, {"trame.state.topic": {"a": 1}}, {"topic": 2}]);
    assert_eq!(json!(client.take_inbox()), expected);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn calls_start_in_order_and_finish_independently() {
    let server = Server::new("calls");
    let (started, starts) = mpsc::channel();
    let release = std::sync::Arc::new(Notify::new());
    let released = release.clone();
    server.trigger("wait", move |_: Ctx, number: i64| {
        started.send(number).unwrap();
        let released = released.clone();
        async move {
            released.notified().await;
            number
        }
    });
    server.trigger("quick", |_: Ctx| "quick");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(client.send("trame.trigger", json!(["wait", [number], {}])).await);
    }
    assert_eq!(client.trigger("quick", json!([])).await, "quick");
    assert_eq!(starts.try_iter().collect::<Vec<i64>>(), (0..10).collect::<Vec<_>>());
    (0..10).for_each(|_| release.notify_one());
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(to_json(&client.answer(id).await.unwrap()), json!(number));
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_async_trigger_shows_its_progress_while_it_waits() {
    let server = Server::new("calls");
    server.trigger("slow", async |cx: Ctx, steps: i64| {
        for step in 1..=steps {
            cx.state().set("step", step).set("also", step);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        "done"
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let id = client.send("trame.trigger", json!(["slow", [3], {}])).await;
    for step in 1..=3 {
        assert_eq!(client.pushed().await, json!({"step": step, "also": step}));
    }
    assert_eq!(to_json(&client.answer(&id).await.unwrap()), "done");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn failures_and_panics_are_answered_and_the_server_lives_on() {
    let server = Server::new("calls");
    let (reported, reports) = mpsc::channel();
    server.on(Lifecycle::Exception, move |_: Ctx, text: String| reported.send(text).unwrap());
    server.trigger("fail", |cx: Ctx| -> Result<(), Failure> {
        cx.state().set("count", 77);
        Err(Failure::msg("kaboom"))
    });
    server.trigger("panic", |_: Ctx| -> () { panic!("in user code") });
    server.trigger("late", async |_: Ctx| -> () {
        tokio::task::yield_now().await;
        panic!("later")
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    for (name, text) in [("fail", "kaboom"), ("panic", "in user code"), ("late", "later")] {
        let error = client.call("trame.trigger", json!([name, [], {}])).await.unwrap_err();
        assert!(to_json(&error)["data"]["exception"].as_str().unwrap().contains(text), "{error}");
        assert!(reports.recv().unwrap().contains(text));
    }
    assert_eq!(
        client.pushed().await,
        json!({"count": 77}),
        "what was set before the failure is sent"
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_trigger_answers_nothing_and_an_unknown_method_is_an_error() {
    let server = Server::new("calls");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.trigger("no_such", json!([])).await, Value::Null);
    let error = to_json(&client.call("no.such.method", json!([])).await.unwrap_err());
    assert_eq!(error["code"], -32601);
    assert_eq!(error["message"], "Unregistered method called");
    assert_eq!(error["data"], "no.such.method");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn rpc_methods_take_and_give_bytes() {
    let server = Server::new("calls");
    server.rpc("demo.zeros", |_: Ctx, count: usize| Attachment::from(vec![0; count]));
    server.trigger("count", |_: Ctx, bytes: Attachment| bytes.0.len());
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let zeros = client.call("demo.zeros", json!([25_000_000])).await.unwrap();
    assert_eq!(zeros.as_slice().map(<[u8]>::len), Some(25_000_000), "more than two frames");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn rpc_methods_of_widget_packages_have_their_own_names_and_the_protocols_are_taken() {
    let server = Server::new("calls");
    server.rpc("trame.rca.size", |_: Ctx, area: String, width: u32| format!("{area}: {width}"));
    for own in ["trame.state.get", "trame.trigger", "application.exit", "selvedge.more"] {
        let refused = catch_unwind(AssertUnwindSafe(|| server.rpc(own, |_: Ctx| ()).clone()));
        let said = *refused.err().unwrap().downcast::<String>().unwrap();
        assert!(said.contains("belongs to the protocol"), "{said}");
    }
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let answer = client.call("trame.rca.size", json!(["view", 300])).await.unwrap();
    assert_eq!(to_json(&answer), "view: 300");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_announces_what_happens_to_it() {
    let server = Server::new("calls");
    let (told, events) = mpsc::channel();
    for event in [Lifecycle::ClientConnected, Lifecycle::ClientExited, Lifecycle::ServerExited] {
        let told = told.clone();
        server.on(event, move |cx: Ctx| told.send((event, cx.client())).unwrap());
    }
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.call("trame.lifecycle.update", json!(["client_connected"])).await.unwrap();
    client.call("trame.lifecycle.update", json!(["server_exited"])).await.unwrap();
    client.call("trame.lifecycle.update", json!(["client_exited"])).await.unwrap();
    let seen: Vec<_> = events.try_iter().collect();
    assert_eq!(
        seen.iter().map(|(event, _)| *event).collect::<Vec<_>>(),
        [Lifecycle::ClientConnected, Lifecycle::ClientExited]
    );
    assert!(seen.iter().all(|(_, id)| id.unwrap().to_string() == client.id));
    running.stop().await.unwrap();
    assert_eq!(
        events.try_iter().map(|(event, _)| event).collect::<Vec<_>>(),
        [Lifecycle::ServerExited]
    );
}

#[tokio::test]
async fn a_message_can_be_published_to_one_client() {
    let server = Server::new("calls");
    server.trigger("me", |cx: Ctx| {
        let client = cx.client().unwrap();
        cx.server.publish_to(client, "topic", "you").unwrap();
        cx.server.publish_except(client, "topic", "the others").unwrap();
        cx.server.js_call("plot", "resize", json!([1, "two"])).unwrap();
    });
    let running = start(&server).await;
    let (mut one, mut other) = (Client::connect(&running).await, Client::connect(&running).await);
    one.trigger("me", json!([])).await;
    assert_eq!(one.published("topic").await, "you");
    assert_eq!(other.published("topic").await, "the others");
    let action = json!([{"type": "method", "ref": "plot", "method": "resize", "args": [1, "two"]}]);
    assert_eq!(one.published("trame.actions.topic").await, action);
    assert_eq!(other.published("trame.actions.topic").await, action);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_of_a_program_in_development_learns_what_trigger_was_meant() {
    let server = Server::new("calls");
    server.trigger("reset", |_: Ctx| ());
    let folder = tempfile::tempdir().unwrap();
    let options = crate::support::options().keep_state(folder.path().join("state"));
    let running = server.spawn(options.development(true)).await.unwrap();
    let mut client = Client::connect(&running).await;
    let hello = client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
    assert_eq!(to_json(&hello)["development"], json!(true));
    let known = client.call("selvedge.trigger.check", json!(["reset"])).await.unwrap();
    assert_eq!(to_json(&known), Value::Null);
    let missing = client.call("selvedge.trigger.check", json!(["rest"])).await.unwrap();
    assert_eq!(to_json(&missing), "there is no trigger named `rest`. Did you mean reset?");
    running.stop().await.unwrap();
}

/// Calls a trigger with a ticket, as the built-in page does.
async fn call_with_ticket(client: &mut Client, trigger: &str, ticket: &str, done: &[&str]) {
    client
        .send_with(
            "trame.trigger",
            json!([trigger, [], {}]),
            json!({"ticket": ticket, "done": done}),
        )
        .await;
}

async fn redeem(client: &mut Client, ticket: &str) -> Result<Value, String> {
    let outcome = client.call("selvedge.call.outcome", json!([ticket])).await;
    outcome.map(|result| to_json(&result)).map_err(|error| {
        let error = to_json(&error);
        let text = error["data"]["exception"].as_str().or(error["message"].as_str());
        text.unwrap().to_owned()
    })
}

#[tokio::test]
async fn a_page_that_comes_back_gets_the_outcome_of_its_call() {
    let server = Server::new("calls");
    let release = std::sync::Arc::new(Notify::new());
    let released = release.clone();
    server.trigger("work", move |cx: Ctx| {
        let released = released.clone();
        async move {
            cx.state().set("begun", true).flush();
            released.notified().await;
            cx.state().set("ended", true);
            Ok::<_, Failure>(42)
        }
    });
    server.trigger("fail", async |_: Ctx| Err::<(), _>(Failure::msg("no luck")));
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    call_with_ticket(&mut client, "work", "page-1", &[]).await;
    client.pushed().await;
    drop(client);

    let mut client = Client::connect(&running).await;
    let redeemed = client.send("selvedge.call.outcome", json!(["page-1"])).await;
    release.notify_one();
    assert_eq!(to_json(&client.answer(&redeemed).await.unwrap()), 42);
    assert!(server.state().get::<bool>("ended").unwrap(), "no work is lost");
    // That answer may be lost as well.
    assert_eq!(redeem(&mut client, "page-1").await, Ok(json!(42)));

    call_with_ticket(&mut client, "fail", "page-2", &["page-1"]).await;
    client.receive().await;
    assert_eq!(redeem(&mut client, "page-2").await, Err("no luck".to_owned()));
    for unknown in ["page-1", "page-3"] {
        let error = redeem(&mut client, unknown).await.unwrap_err();
        assert!(error.starts_with("The connection was lost before"), "{error}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_trigger_may_end_with_its_client() {
    struct Dropped(mpsc::Sender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let server = Server::new("calls");
    let (dropped, ended) = mpsc::channel();
    let trigger = server.trigger("search", move |cx: Ctx| {
        let guard = Dropped(dropped.clone());
        async move {
            let _guard = guard;
            cx.state().set("begun", true).flush();
            std::future::pending::<()>().await;
        }
    });
    trigger.ends_with_client();
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    call_with_ticket(&mut client, "search", "page-1", &[]).await;
    client.pushed().await;
    drop(client);
    tokio::task::spawn_blocking(move || ended.recv().unwrap()).await.unwrap();
    let mut client = Client::connect(&running).await;
    assert!(redeem(&mut client, "page-1").await.is_err());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_into_the_page_returns_its_result() {
    let server = Server::new("calls");
    server.trigger("read", async |cx: Ctx| -> Result<String, Failure> {
        Ok(cx.js_call("name", "getAttribute", "value").await?.decode()?)
    });
    let running = start(&server).await;
    let mut stock = Client::connect(&running).await;
    let error = stock.call("trame.trigger", json!(["read", [], {}])).await.unwrap_err();
    let expected = "only Selvedge's own page can do this";
    assert_eq!(to_json(&error)["data"]["exception"], expected);

    let mut page = Client::connect(&running).await;
    page.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
    let mut other = Client::connect(&running).await;
    for (is_result, value) in [(true, "Ada"), (false, "no such element")] {
        let id = page.send("trame.trigger", json!(["read", [], {}])).await;
        let call = page.published("selvedge.page.call").await;
        assert_eq!((&call["ref"], &call["method"]), (&json!("name"), &json!("getAttribute")));
        assert_eq!(call["args"], json!(["value"]));
        let answer = json!([call["id"], is_result, value]);
        let guess = json!([call["id"], true, "guessed"]);
        other.call("selvedge.page.answer", guess).await.unwrap();
        page.call("selvedge.page.answer", answer).await.unwrap();
        match page.answer(&id).await {
            Ok(result) => assert_eq!((to_json(&result), is_result), (json!(value), true)),
            Err(error) => {
                assert_eq!(to_json(&error)["data"]["exception"], value);
                assert!(!is_result);
            }
        }
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_that_still_waits_on_the_old_connection_keeps_its_ticket() {
    let server = Server::new("calls");
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    server.trigger("block", move |cx: Ctx| {
        cx.state().set("begun", true).flush();
        released.lock().unwrap().recv().unwrap();
    });
    server.trigger("second", |_: Ctx| 2);
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    call_with_ticket(&mut client, "block", "page-1", &[]).await;
    call_with_ticket(&mut client, "second", "page-2", &[]).await;
    client.pushed().await;
    drop(client);
    let mut client = Client::connect(&running).await;
    let second = client.send("selvedge.call.outcome", json!(["page-2"])).await;
    let first = client.send("selvedge.call.outcome", json!(["page-1"])).await;
    release.send(()).unwrap();
    assert_eq!(to_json(&client.answer(&second).await.unwrap()), 2);
    assert!(client.answer(&first).await.is_ok());
    running.stop().await.unwrap();
}
