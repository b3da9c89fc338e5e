//! Tests what a page gets when it reconnects, instead of the whole state.

use selvedge::Server;
use serde_json::{Value, json};

use crate::support::{Client, Incoming, start, to_json};

/// Returns the client's mark, which arrives as a separate message.
async fn mark(client: &mut Client) -> Value {
    client.call("selvedge.mark", json!([])).await.unwrap();
    client.published("selvedge.mark").await
}

async fn missed(client: &mut Client, mark: &Value) -> Value {
    to_json(&client.call("selvedge.resume", mark.clone()).await.unwrap())
}

#[tokio::test]
async fn a_page_that_comes_back_gets_what_has_changed_and_nothing_else() {
    let server = Server::new("resume");
    for key in ["a", "b", "c", "d"] {
        server.state().set(key, 0);
    }
    server.on_change("a", |cx: selvedge::Ctx, a: i64| {
        cx.state().set("from_a", a * 10);
    });
    let running = start(&server).await;
    let mut page = Client::connect(&running).await;
    let mut other = Client::connect(&running).await;
    let before = mark(&mut page).await;
    assert_eq!(missed(&mut page, &before).await, json!({}));
    drop(page);

    server.state().set("a", 1);
    server.state().flush();
    other.set(json!({"b": 2})).await.unwrap();
    server.state().set("c", 0);
    server.state().set("d", 5);
    server.state().clean(&["d"]);
    server.state().flush();

    let mut page = Client::connect(&running).await;
    let expected = json!({"a": 1, "from_a": 10, "b": 2, "d": 5});
    assert_eq!(missed(&mut page, &before).await, expected);
    let now = mark(&mut page).await;
    assert_eq!(missed(&mut page, &now).await, json!({}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_mark_comes_behind_the_changes_that_it_counts() {
    let server = Server::new("resume-order");
    server.state().set("n", 0);
    let running = start(&server).await;
    let mut page = Client::connect(&running).await;
    let start = mark(&mut page).await[1].as_i64().unwrap();
    let writer = server.state().clone();
    let writing = tokio::task::spawn_blocking(move || {
        for n in 1..=500 {
            writer.set("n", n);
            writer.flush();
        }
    });
    let mut last = 0;
    for _ in 0..50 {
        page.call("selvedge.mark", json!([])).await.unwrap();
        for message in page.inbox.drain(..) {
            match message {
                Incoming::Published { topic, data } if topic == "trame.state.topic" => {
                    last = to_json(&data)["n"].as_i64().unwrap();
                }
                Incoming::Published { data, .. } => {
                    // Each number is a change.
                    let change = to_json(&data)[1].as_i64().unwrap() - start;
                    assert!(change <= last, "{change} is more than {last}");
                }
                _ => {}
            }
        }
    }
    writing.await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn marks_of_other_runs_are_unknown_and_invalid_marks_are_refused() {
    let one = Server::new("resume-one");
    let two = Server::new("resume-two");
    let (running_one, running_two) = (start(&one).await, start(&two).await);
    let of_one = mark(&mut Client::connect(&running_one).await).await;
    let mut page = Client::connect(&running_two).await;
    assert_eq!(missed(&mut page, &of_one).await, Value::Null);
    let mut ahead = mark(&mut page).await;
    ahead[1] = json!(1_000_000);
    assert_eq!(missed(&mut page, &ahead).await, Value::Null);
    let refused = page.call("selvedge.resume", json!(["x"])).await;
    assert!(refused.unwrap_err().to_string().contains("argument 2"));
    running_one.stop().await.unwrap();
    running_two.stop().await.unwrap();
}
