//! Tests lists that grow at their end: what each kind of client gets.

use selvedge::{Ctx, Server, state::Key};
use serde_json::{Value, json};

use crate::support::{Client, Incoming, start, to_json};

const POINTS: Key<Vec<f64>> = Key::new("points");

/// Connects a client that follows series, as the built-in page does, and has the state.
async fn follower(running: &selvedge::Running) -> Client {
    let mut client = Client::connect(running).await;
    client.call("selvedge.hello", json!([{"version": 1, "series": true}])).await.unwrap();
    client.snapshot().await;
    client.take_inbox();
    client
}

/// Applies what a page gets to its list.
fn applied(list: &mut Vec<Value>, append: &Value) {
    assert_eq!(append["from"], list.len(), "the page has all items before");
    list.extend(append["items"].as_array().unwrap().iter().cloned());
    list.drain(..append["drop"].as_u64().unwrap() as usize);
}

#[tokio::test]
async fn each_client_gets_what_it_can_take() {
    let server = Server::new("series");
    let points = server.state().series(POINTS).keep(3);
    points.extend([1.0, 2.0]).unwrap();
    let running = start(&server).await;
    let (mut page, mut stock) = (follower(&running).await, Client::connect(&running).await);
    stock.snapshot().await;
    let mut list = vec![json!(1.0), json!(2.0)];
    for (round, new, expected) in [
        (1, vec![3.0], json!([1.0, 2.0, 3.0])),
        (2, vec![4.0, 5.0], json!([3.0, 4.0, 5.0])),
        (3, vec![6.0], json!([4.0, 5.0, 6.0])),
    ] {
        points.extend(new).unwrap();
        server.state().set("round", round).flush();
        assert_eq!(stock.pushed().await["points"], expected);
        assert!(page.pushed().await.get("points").is_none(), "other values come as before");
        applied(&mut list, &page.published("selvedge.append").await["points"]);
        assert_eq!(json!(list), expected);
    }
    assert_eq!(points.get().unwrap(), [4.0, 5.0, 6.0]);
    let mut late = Client::connect(&running).await;
    assert_eq!(late.snapshot().await["points"], json!([4.0, 5.0, 6.0]));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn appends_before_a_flush_are_one() {
    let server = Server::new("series");
    let points = server.state().series(POINTS);
    points.push(1.0).unwrap();
    server.trigger("three", move |_: Ctx| -> selvedge::Result<()> {
        points.push(2.0)?;
        points.push(3.0)?;
        points.push(4.0)
    });
    let running = start(&server).await;
    let mut page = follower(&running).await;
    page.trigger("three", json!([])).await;
    let appended = page.published("selvedge.append").await;
    assert_eq!(appended, json!({"points": {"from": 1, "drop": 0, "items": [2.0, 3.0, 4.0]}}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn lists_and_other_values_change_together() {
    let server = Server::new("series");
    let state = server.state();
    let (points, times) = (state.series(POINTS), state.series(Key::<Vec<f64>>::new("times")));
    points.push(1.0).unwrap();
    times.push(0.0).unwrap();
    let running = start(&server).await;
    let mut page = follower(&running).await;
    state.set("first", 1);
    times.push(0.5).unwrap();
    state.set("between", 2);
    points.push(2.0).unwrap();
    state.set("last", 3).flush();
    assert_eq!(page.pushed().await, json!({"first": 1, "between": 2, "last": 3}));
    let appended = page.published("selvedge.append").await;
    let expected = json!({
        "times": {"from": 1, "drop": 0, "items": [0.5]},
        "points": {"from": 1, "drop": 0, "items": [2.0]},
    });
    assert_eq!(appended, expected);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_list_that_is_replaced_or_all_new_is_sent_as_a_whole() {
    let server = Server::new("series");
    let points = server.state().series(POINTS).keep(2);
    points.push(1.0).unwrap();
    let running = start(&server).await;
    let mut page = follower(&running).await;
    server.state().set(POINTS, vec![7.0, 8.0]).flush();
    assert_eq!(page.pushed().await, json!({"points": [7.0, 8.0]}));
    points.push(9.0).unwrap();
    server.state().flush();
    let appended = page.published("selvedge.append").await;
    assert_eq!(appended, json!({"points": {"from": 2, "drop": 1, "items": [9.0]}}));
    points.extend([1.0, 2.0, 3.0]).unwrap();
    server.state().flush();
    assert_eq!(page.pushed().await, json!({"points": [2.0, 3.0]}), "shorter than the append");
    points.push(4.0).unwrap();
    server.state().set(POINTS, vec![2.0, 3.0]);
    points.push(9.0).unwrap();
    server.state().flush();
    let appended = page.published("selvedge.append").await;
    assert_eq!(
        appended["points"],
        json!({"from": 2, "drop": 1, "items": [9.0]}),
        "the 4 was taken back"
    );
    server.state().set(POINTS, vec![4.0]);
    points.push(5.0).unwrap();
    server.state().flush();
    assert_eq!(page.pushed().await, json!({"points": [4.0, 5.0]}));
    points.clear();
    server.state().flush();
    assert_eq!(page.pushed().await, json!({"points": []}));
    points.push(6.0).unwrap();
    server.state().clear_client_cache(&["points"]);
    server.state().flush();
    assert_eq!(page.pushed().await, json!({"points": [6.0]}), "the whole list was asked for");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn pages_cannot_set_a_series_and_come_back_to_the_whole_list() {
    let server = Server::new("series");
    let points = server.state().series(POINTS);
    points.push(1.0).unwrap();
    let running = start(&server).await;
    let mut page = follower(&running).await;
    page.set(json!({"points": [5.0]})).await.unwrap_err();
    assert_eq!(page.pushed().await, json!({"points": [1.0]}));
    page.call("selvedge.mark", json!([])).await.unwrap();
    points.push(2.0).unwrap();
    server.state().flush();
    page.published("selvedge.append").await;
    page.call("trame.force.push", json!(["points"])).await.unwrap();
    assert_eq!(page.pushed().await, json!({"points": [1.0, 2.0]}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_size_of_an_append_does_not_depend_on_the_length() {
    let server = Server::new("series");
    let points = server.state().series(POINTS);
    let running = start(&server).await;
    let mut page = follower(&running).await;
    let mut length = 0;
    for target in [10, 200_000] {
        points.extend((length..target).map(f64::from)).unwrap();
        length = target;
        server.state().flush();
        page.call("trame.force.push", json!([])).await.unwrap();
        page.take_inbox();
        points.push(0.5).unwrap();
        length += 1;
        server.state().flush();
        let appended = page.published("selvedge.append").await;
        assert_eq!(appended["points"]["items"], json!([0.5]));
        assert!(appended.to_string().len() < 100);
    }
    assert_eq!(points.get().unwrap().len(), 200_001);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_that_fell_behind_gets_the_whole_list() {
    const SIZE: usize = 1 << 20;
    let server = Server::new("series");
    let texts = server.state().series::<String>("texts").keep(2);
    texts.push("first".to_owned()).unwrap();
    let running = start(&server).await;
    let mut page = follower(&running).await;
    // More than is queued for a client that does not read.
    for number in 0..120 {
        texts.push(format!("{}{number}", " ".repeat(SIZE))).unwrap();
        server.state().flush();
    }
    let (mut list, mut whole) = (vec![json!("first")], false);
    while list.last().and_then(Value::as_str).is_none_or(|text| !text.ends_with("119")) {
        page.receive().await;
        match page.inbox.pop_back() {
            Some(Incoming::Published { topic, data }) if topic == "selvedge.append" => {
                applied(&mut list, &to_json(&data)["texts"]);
            }
            Some(Incoming::Published { data, .. }) => {
                list = to_json(&data)["texts"].as_array().unwrap().clone();
                whole = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(whole, "appends were folded");
    let expected = texts.get().unwrap();
    assert_eq!(json!(list), json!(expected));
    running.stop().await.unwrap();
}
