//! Tests what pages must not do: write keys that are not theirs, and learn about the machine from
//! errors.

use selvedge::{Ctx, Failure, Lifecycle, Running, Server};
use serde_json::{Value, json};

use crate::support::{Client, options, start, to_json};

/// Returns the text of a refusal.
fn told(answer: Result<rmpv::Value, rmpv::Value>) -> String {
    let error = to_json(&answer.expect_err("a refusal"));
    error["data"]["exception"].as_str().unwrap().to_owned()
}

async fn two(server: &Server) -> (Running, Client, Client) {
    let running = start(server).await;
    let (writer, mut other) = (Client::connect(&running).await, Client::connect(&running).await);
    other.snapshot().await;
    (running, writer, other)
}

#[tokio::test]
async fn a_write_of_a_read_only_key_is_refused_and_reverted() {
    let server = Server::new("protection");
    server.state().set("truth", 42).read_only(&["truth", "unset"]);
    let (running, mut writer, mut other) = two(&server).await;
    let refused = told(writer.set(json!({"truth": 0, "mine": 1, "unset": 5})).await);
    assert!(refused.contains("`truth` was not set: it is read-only"), "{refused}");
    let back = writer.pushed().await;
    assert_eq!(
        back,
        json!({"truth": 42, "unset": null}),
        "the sender's page shows the truth again"
    );
    assert_eq!(
        other.pushed().await,
        json!({"mine": 1}),
        "others see what was admitted and nothing else"
    );
    let state = other.snapshot().await;
    assert_eq!((&state["truth"], &state["unset"]), (&json!(42), &Value::Null));

    server.state().set("truth", 43);
    assert_eq!(writer.pushed().await, json!({"truth": 43}), "the application itself may");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_value_is_sent_to_no_client() {
    let server = Server::new("protection");
    server.state().set("speed", 10).validate("speed", |speed: i64| {
        assert_ne!(speed, 13, "unlucky");
        if (0..=100).contains(&speed) {
            Ok(())
        } else {
            Err(Failure::msg("between 0 and 100, please"))
        }
    });
    server.on_change("speed", |cx: Ctx, speed: i64| {
        cx.state().set("seen", speed);
    });
    let (running, mut writer, mut other) = two(&server).await;
    for (value, text) in [
        (json!(101), "between 0 and 100, please"),
        (json!("fast"), "expected i64"),
        (json!(null), "expected i64"),
        (json!(13), "the check of this value failed"),
    ] {
        let refused = told(writer.set(json!({ "speed": value })).await);
        assert!(refused.contains(text), "{refused}");
        assert_eq!(writer.pushed().await, json!({"speed": 10}));
    }
    assert_eq!(other.take_inbox(), [] as [Value; 0]);
    writer.set(json!({"speed": 100})).await.unwrap();
    assert_eq!(other.pushed().await, json!({"speed": 100}));
    assert_eq!(other.pushed().await, json!({"seen": 100}));
    running.stop().await.unwrap();
}

fn fails(server: &Server) {
    server.trigger("by_question_mark", |_: Ctx| -> Result<(), Failure> {
        Err(std::io::Error::other("cannot read /srv/app/secrets.toml: denied"))?;
        Ok(())
    });
    server.trigger("module", |cx: Ctx| -> selvedge::Result<bool> {
        let www = Some("secret/folder".into());
        cx.server.enable_module(selvedge::Module { www, ..Default::default() })
    });
    server.trigger("panic", |_: Ctx| -> () { panic!("lost /srv/app/x") });
    server.trigger("sentence", |_: Ctx| -> Result<(), Failure> {
        Err(Failure::msg("saved at /data/ada/x instead"))
    });
}

#[tokio::test]
async fn errors_carry_no_paths_to_clients() {
    let server = Server::new("protection");
    fails(&server);
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let mut call =
        async |name: &str| told(client.call("trame.trigger", json!([name, [], {}])).await);
    assert_eq!(call("by_question_mark").await, "cannot read <path>: denied");
    assert!(!call("module").await.contains("secret"));
    assert_eq!(call("panic").await, "panicked: lost <path>");
    assert_eq!(call("sentence").await, "saved at /data/ada/x instead");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn in_debugging_errors_are_sent_in_full() {
    let server = Server::new("protection");
    fails(&server);
    let running = server.spawn(options().debug(true)).await.unwrap();
    let mut client = Client::connect(&running).await;
    let mut call =
        async |name: &str| told(client.call("trame.trigger", json!([name, [], {}])).await);
    let whole = "cannot read /srv/app/secrets.toml: denied";
    assert_eq!(call("by_question_mark").await, whole);
    assert!(call("module").await.contains("secret/folder"));
    running.stop().await.unwrap();
    // The next run decides again.
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let again = client.call("trame.trigger", json!(["by_question_mark", [], {}]));
    assert!(!told(again.await).contains("/srv"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn pages_announce_page_events_and_no_others() {
    let server = Server::new("protection");
    for (event, key) in [
        (Lifecycle::ClientConnected, "mounted"),
        (Lifecycle::ServerExited, "exited"),
        (Lifecycle::ServerReady, "readied"),
    ] {
        server.state().set(key, 0);
        server.on(event, move |cx: Ctx| cx.state().update(key, |n: &mut i64| *n += 1));
    }
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let ready_once = server.state().get::<i64>("readied").unwrap();
    for event in [
        "client_connected",
        "server_exited",
        "on_server_exited",
        "server_ready",
        "on_server_ready",
        "__init__",
    ] {
        drop(client.call("trame.lifecycle.update", json!([event])).await);
    }
    for method in ["on_server_exited", "on.server.exited", "trame.on_server_exited"] {
        let refused = client.call(method, json!([])).await.unwrap_err();
        assert_eq!(to_json(&refused)["code"], -32601, "{method}");
    }
    let state = client.snapshot().await;
    assert_eq!((&state["mounted"], &state["exited"]), (&json!(1), &json!(0)));
    assert_eq!(state["readied"], ready_once);
    running.stop().await.unwrap();
}
