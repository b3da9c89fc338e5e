//! Tests the controller's functions, parts of an application, and what they share.

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use selvedge::{
    Ctx, Error, Failure, Lifecycle, Server, calls::Rest, run::ServerOptions, trame::Translator,
    ui::el, values::Packed,
};
use serde_json::{Value, json};

use crate::support::{Client, TIMEOUT, request, start, to_json};

fn json_of(result: Result<Packed, Failure>) -> Value {
    result.unwrap().decode().unwrap()
}

#[tokio::test]
async fn the_result_of_a_call_depends_on_the_functions_that_are_set() {
    let server = Server::new("controller");
    let controller = server.controller();
    let function = controller.function("f");
    let missing = function.call(()).await.unwrap_err().to_string();
    assert!(missing.contains("no function of the controller named `f`"), "{missing}");
    controller.enable_empty("f", true);
    assert_eq!(json_of(function.call(()).await), json!([]));
    let added = controller.add("f", |_: Ctx, x: i64| x + 1);
    assert_eq!(json_of(function.call([1]).await), json!([2]));
    controller.set("f", |_: Ctx, x: i64| x * 10);
    assert_eq!(json_of(function.call([1]).await), json!([10, 2]), "the main function goes first");
    controller.once("f", |_: Ctx, x: i64| -x);
    assert_eq!(json_of(function.call([1]).await), json!([10, 2, -1]));
    assert_eq!(json_of(function.call([1]).await), json!([10, 2]));
    controller.remove("f", added).unwrap();
    assert!(matches!(controller.remove("f", added), Err(Error::Unknown { .. })));
    assert_eq!(json_of(function.call([1]).await), json!(10));
    controller.clear("f");
    assert!(!function.exists());
}

#[tokio::test]
async fn a_single_once_function_runs_as_a_hook() {
    let server = Server::new("controller");
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let also = told.clone();
    server.controller().once("on_server_ready", move |_: Ctx| told.send("once").unwrap());
    server.controller().add_task("on_server_ready", move |_: Ctx| {
        let also = also.clone();
        async move { also.send("task").unwrap() }
    });
    for expected in [vec!["once", "task"], vec!["task"]] {
        let running = start(&server).await;
        for name in expected {
            assert_eq!(heard.recv().await, Some(name));
        }
        running.stop().await.unwrap();
    }
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn parts_of_an_application_have_names_of_their_own() {
    let server = Server::new("controller");
    let left = server.create_child_server(Translator::with_prefix("left_"));
    let right = server.create_child_server(Translator::with_prefix("right_").add("theme", "theme"));
    for part in [&left, &right] {
        part.state().set("count", 0).set("theme", "light");
        part.on_change("count", |cx: Ctx, count: i64| {
            cx.state().set("doubled", count * 2);
        });
        part.trigger("add", |cx: Ctx, by: i64| -> Result<(), Failure> {
            Ok(cx.state().update("count", |count: &mut i64| *count += by)?)
        });
    }
    right.controller().set("reset", |cx: Ctx| {
        cx.state().set("count", 0);
    });
    let running = right.spawn(crate::support::options()).await.unwrap();
    assert!(server.running() && left.running());
    let mut client = Client::connect(&running).await;
    client.trigger("right_add", json!([2])).await;
    let state = client.snapshot().await;
    assert_eq!((&state["left_count"], &state["right_count"]), (&json!(0), &json!(2)));
    assert_eq!((&state["left_doubled"], &state["right_doubled"]), (&json!(0), &json!(4)));
    assert_eq!((&state["left_theme"], &state["theme"]), (&json!("light"), &json!("light")));
    client.set(json!({"left_count": 5})).await.unwrap();
    assert_eq!(left.state().get::<i64>("doubled").unwrap(), 10);
    assert_eq!(left.state().all().get("count").unwrap().decode::<i64>().unwrap(), 5);
    assert!(!left.state().all().contains_key("right_count"));
    server.controller().call("right_reset", ()).await.unwrap();
    assert_eq!(right.state().get::<i64>("count").unwrap(), 0);
    assert!(right.root_server().controller().exists("right_reset"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_context_has_listeners_and_no_clients() {
    struct Database(Mutex<Vec<i64>>);
    let server = Server::new("controller");
    server.context().insert(Database(Mutex::default()));
    server.on_context_change("secret", async |cx: Ctx, value: i64| -> Result<(), Failure> {
        cx.context::<Database>()?.0.lock().unwrap().push(value);
        cx.state().set("published", value);
        Ok(())
    });
    server
        .trigger("missing", |cx: Ctx| -> Result<(), Failure> { cx.context::<String>().map(drop) });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    server.context().state().set("secret", 7);
    assert_eq!(client.pushed().await, json!({"published": 7}));
    assert_eq!(*server.context().get::<Database>().unwrap().0.lock().unwrap(), [7]);
    assert!(client.snapshot().await.get("secret").is_none());
    let error = client.call("trame.trigger", json!(["missing", [], {}])).await.unwrap_err();
    assert!(error.to_string().contains("alloc::string::String"), "{error}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_that_ends_with_its_client_leaves_tasks_of_its_own() {
    struct Tell(mpsc::Sender<&'static str>, &'static str);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.send(self.1).ok();
        }
    }
    let server = Server::new("controller");
    let (told, heard) = mpsc::channel();
    let trigger = server.trigger("wait", move |cx: Ctx| {
        let (call, task) = (Tell(told.clone(), "call ended"), Tell(told.clone(), "task ended"));
        cx.server.create_task::<_, Failure>(async move {
            let _task = task;
            std::future::pending().await
        });
        async move {
            let _call = call;
            std::future::pending::<()>().await;
        }
    });
    trigger.ends_with_client();
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.send("trame.trigger", json!(["wait", [], {}])).await;
    client.snapshot().await;
    drop(client);
    let first = tokio::task::spawn_blocking(move || (heard.recv_timeout(TIMEOUT), heard)).await;
    let (ended, heard) = first.unwrap();
    assert_eq!(ended, Ok("call ended"));
    assert!(heard.try_recv().is_err());
    running.stop().await.unwrap();
    assert_eq!(heard.try_recv(), Ok("task ended"));
}

#[tokio::test]
async fn connections_are_announced_by_their_server() {
    let server = Server::new("controller");
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    for event in [Lifecycle::ConnectionOpened, Lifecycle::ConnectionClosed] {
        let told = told.clone();
        server.on(event, move |cx: Ctx| told.send((event, cx.client())).unwrap());
    }
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let id = client.id.clone();
    let again = json!([{ "secret": crate::support::SECRET }]);
    client.call("wslink.hello", again).await.unwrap();
    drop(crate::support::open(&running).await);
    drop(client);
    for expected in [Lifecycle::ConnectionOpened, Lifecycle::ConnectionClosed] {
        let (event, client) = heard.recv().await.unwrap();
        assert_eq!((event, client.unwrap().to_string()), (expected, id.clone()));
    }
    running.stop().await.unwrap();
    assert!(heard.try_recv().is_err(), "who said no hello is not announced");
}

#[tokio::test]
async fn functions_can_be_called_from_rust_as_clients_do() {
    let server = Server::new("controller");
    server.rpc("demo.add", |_: Ctx, a: i64, b: i64| a + b);
    let trigger = server.anonymous_trigger(async |_: Ctx, a: i64| a * 2);
    assert_eq!(json_of(server.protocol_call("demo.add", (1, 2)).await), json!(3));
    assert_eq!(json_of(server.call_trigger(trigger.name(), [4]).await), json!(8));
    assert!(server.protocol_call("demo.sub", (1, 2)).await.is_err());
    assert!(server.remove_trigger(trigger.name()));
    assert!(server.call_trigger(trigger.name(), [4]).await.is_err());
}

#[tokio::test]
async fn headers_of_the_application_are_on_every_answer_and_change_none_of_ours() {
    let server = Server::new("controller");
    server.set_http_header("X-Lab", Some("7")).unwrap();
    server.enable_shared_array_buffer();
    assert!(matches!(server.set_http_header("a b", Some("x")), Err(Error::Header(_))));
    assert!(matches!(server.set_http_header("a", Some("x\r\ny: z")), Err(Error::Header(_))));
    for (name, instead) in [
        ("Content-Security-Policy", "Server::allow_source"),
        ("X-Content-Type-Options", "leave it out"),
        ("Transfer-Encoding", "leave it out"),
    ] {
        let refused = server.set_http_header(name, Some("x")).unwrap_err();
        assert!(matches!(refused, Error::OwnHeader { .. }), "{refused}");
        assert!(refused.to_string().contains(instead), "{refused}");
    }
    let running = start(&server).await;
    let answer = request(&running, "GET", "/missing.js", &[]).await;
    assert_eq!((answer.status, answer.header("x-lab")), (404, "7"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cross-origin-embedder-policy"), "require-corp");
    assert_eq!(answer.header("access-control-allow-origin"), "", "other origins have no access");
    server.set_http_header("x-lab", None).unwrap();
    assert_eq!(request(&running, "GET", "/missing.js", &[]).await.header("x-lab"), "");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn network_completion_waits_for_what_was_queued() {
    let server = Server::new("controller");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let blob = selvedge::values::Attachment::from(vec![1; 8 << 20]);
    server.publish("blob", &blob).unwrap();
    // The client does not read, and this is more than the sockets buffer.
    let early = tokio::time::timeout(Duration::from_millis(100), server.network_completion()).await;
    assert!(early.is_err());
    let (received, ()) = tokio::join!(client.published("blob"), server.network_completion());
    assert_eq!(received, json!({"$bytes": 8 << 20}));
    server.network_completion().await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn options_come_from_arguments_and_the_client_type_is_set_once() {
    let options = ServerOptions::new().ws_max_msg_size(4096);
    let server = Server::with_options("controller", options);
    assert_eq!(server.client_type(), "vue3");
    server.set_client_type("vue2").unwrap();
    server.set_client_type("vue2").unwrap();
    assert!(matches!(server.set_client_type("vue3"), Err(Error::ClientType(_))));
    server.state().set("long", "x".repeat(20_000));
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.snapshot().await["long"].as_str().unwrap().len(), 20_000, "in chunks");
    let state: Value = server.get_server_state().decode().unwrap();
    assert_eq!((&state["name"], &state["state"]["trame__busy"]), (&json!("controller"), &json!(1)));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_of_the_controller_runs_on_an_event_though_it_is_defined_later() {
    let server = Server::new("controller");
    let part = server.create_child_server(Translator::with_prefix("part_"));
    let reset = part.controller().function("reset");
    let page = el("div")
        .child(el("button").on("click", reset.clone()))
        .child(el("button").prop("click", reset.clone()))
        .child(el("input").on("change", reset.trigger().call("$event, 2")));
    assert_eq!(
        page.to_string(),
        "<div><button @click=\"trigger('part_controller__reset')\"></button>\
         <button @click=\"trigger('part_controller__reset')\"></button>\
         <input @change=\"trigger('part_controller__reset', [$event, 2])\"></div>"
    );
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let missing = client.call("trame.trigger", json!(["part_controller__reset", [], {}])).await;
    let missing = to_json(&missing.unwrap_err()).to_string();
    assert!(missing.contains("no function of the controller named `reset`"), "{missing}");
    part.controller().set("reset", |cx: Ctx, to: Rest| (cx.client().is_some(), to.0.len()));
    assert_eq!(client.trigger("part_controller__reset", json!([7, 8])).await, json!([true, 2]));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn javascript_of_a_template_runs_when_the_application_says_so() {
    let server = Server::new("controller");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let (select, clear) = (server.js_eval("select($event)"), server.js_eval("clear()"));
    let page = el("div").child(&select).child(&clear).to_string();
    select.run("name").unwrap();
    clear.run(()).unwrap();
    for (script, arguments) in [("select($event)", json!(["name"])), ("clear()", json!([]))] {
        let action = client.published("trame.actions.topic").await[0].clone();
        assert_eq!((&action["method"], &action["args"]), (&json!("exec"), &arguments));
        let name = action["ref"].as_str().unwrap();
        let element = format!("trame.refs['{name}'] = el\" @exec=\"{script}\"></trame-exec>");
        assert!(page.contains(&element), "{page}");
    }
    running.stop().await.unwrap();
}
