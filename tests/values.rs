//! Tests values: what every client can hold arrives exactly, and the rest is refused where it is
//! set.

use std::collections::{BTreeMap, HashMap};

use futures_util::SinkExt;
use rmpv::Value as Msgpack;
use selvedge::{
    Ctx, Error, Running, Server,
    calls::Rest,
    values::{Packed, Timestamp},
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, options, start, to_json};

const ID: u64 = 1_009_513_310_189_256_287;

/// Calls a method with arguments that JSON cannot express.
async fn call(client: &mut Client, method: &str, args: &Msgpack) -> Result<Msgpack, Msgpack> {
    let text = Msgpack::from;
    let call = Msgpack::Map(vec![
        (text("id"), text("rpc:c0:raw")),
        (text("method"), text(method)),
        (text("args"), args.clone()),
    ]);
    let mut content = Vec::new();
    rmpv::encode::write_value(&mut content, &call).unwrap();
    let broken = content.windows(BROKEN.len()).position(|text| text == BROKEN.as_bytes());
    broken.into_iter().for_each(|at| content[at] = 0xff);
    let header = [7, 0, content.len() as u32].map(u32::to_le_bytes).concat();
    client.socket().send(Message::Binary([header, content].concat().into())).await.unwrap();
    client.answer("rpc:c0:raw").await
}

/// Sets a key as a client does.
async fn set(client: &mut Client, key: &str, value: Msgpack) -> Result<Msgpack, Msgpack> {
    let change = [("key", Msgpack::from(key)), ("value", value)];
    let change = change.map(|(name, value)| (Msgpack::from(name), value)).to_vec();
    let changes = Msgpack::Array(vec![Msgpack::Array(vec![Msgpack::Map(change)])]);
    call(client, "trame.state.update", &changes).await
}

/// Returns the text of a refusal.
fn told(answer: Result<Msgpack, Msgpack>) -> String {
    let error = to_json(&answer.expect_err("no refusal"));
    error["data"]["exception"].as_str().unwrap().to_owned()
}

fn map(key: Msgpack) -> Msgpack {
    Msgpack::Map(vec![(key, 1.into())])
}

fn nested(levels: usize) -> Msgpack {
    (0..levels).fold(Msgpack::Nil, |inner, _| Msgpack::Array(vec![inner]))
}

/// Placeholder for text that is not UTF-8 when it is sent: rmpv would send it as bytes.
const BROKEN: &str = "~broken~";

fn broken_text() -> Msgpack {
    BROKEN.into()
}

/// msgpack values that some client cannot hold, with the text of the refusal.
fn misfits() -> Vec<(Msgpack, &'static str)> {
    vec![
        (map(Msgpack::Nil), "a key is nothing (null)"),
        (map(1.5.into()), "a key is 1.5"),
        (map(true.into()), "a key is true"),
        (map(Msgpack::Array(vec![])), "a key is a list"),
        (map(map(1.into())), "a key is a map"),
        (map(Msgpack::Binary(vec![1])), "a key is 1 bytes"),
        (map(Msgpack::Ext(-1, vec![0; 4])), "a key is a date"),
        (map("__proto__".into()), "`__proto__` cannot be a key"),
        (
            Msgpack::Map(vec![("a".into(), 1.into()), ("a".into(), 2.into())]),
            "the key `a` appears twice",
        ),
        (
            Msgpack::Map(vec![("1".into(), 1.into()), (1.into(), 2.into())]),
            "the key `1` appears twice",
        ),
        (broken_text(), "a text is not UTF-8"),
        (map(broken_text()), "a text is not UTF-8"),
        (Msgpack::Ext(5, vec![1]), "an extension of msgpack, number 5"),
        (Msgpack::Ext(-1, vec![0; 3]), "a timestamp is malformed"),
        (Msgpack::Ext(-1, [[0; 4], [0x7f; 4], [0x7f; 4]].concat()), "a date is out of range"),
        (nested(100), "nested more than 95 deep"),
    ]
}

async fn two(server: &Server) -> (Running, Client, Client) {
    let running = start(server).await;
    let (one, mut other) = (Client::connect(&running).await, Client::connect(&running).await);
    other.snapshot().await;
    (running, one, other)
}

#[tokio::test]
async fn values_that_a_page_cannot_hold_are_refused_when_a_client_sets_them() {
    let server = Server::new("values");
    server.state().set("layers", 1);
    let (running, mut writer, mut other) = two(&server).await;
    for (misfit, expected) in misfits() {
        let deep = Msgpack::Map(vec![("options".into(), misfit.clone())]);
        let value = Msgpack::Array(vec![Msgpack::Nil, deep]);
        let text = told(set(&mut writer, "layers", value).await);
        assert!(text.starts_with("`layers` was not set: `layers[1].options"), "{text}");
        assert!(text.contains(expected), "{text}");
        assert_eq!(writer.pushed().await, json!({"layers": 1}), "the true value comes back");
    }
    let text = told(set(&mut writer, "__proto__", 1.into()).await);
    assert!(text.contains("cannot be a key in a page"), "{text}");
    call(&mut writer, "trame.force.push", &Msgpack::Array(vec!["__proto__".into()])).await.unwrap();
    assert_eq!(writer.pushed().await, json!({}), "neither here nor in a forced push");
    let state = other.snapshot().await;
    assert_eq!(state["layers"], 1);
    assert!(state.get("__proto__").is_none());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn values_that_a_page_cannot_hold_are_refused_when_the_program_sets_them() {
    let server = Server::new("values");
    server.state().set("layers", 1);
    let by_nothing = [BTreeMap::from([("options", BTreeMap::from([(None::<u8>, 1)]))])];
    let refusal = |result: selvedge::Result<()>| match result {
        Err(error @ Error::Wslink(selvedge::values::Error::Encode { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let path = "`layers[0].options`: a key is nothing (null)";
    for text in [
        refusal(server.state().try_set("layers", &by_nothing)),
        refusal(server.state().set_default("layers", &by_nothing)),
        refusal(server.state().extend(&BTreeMap::from([("layers", &by_nothing)]))),
    ] {
        assert!(text.contains(path), "{text}");
    }
    let text = refusal(server.state().update("layers", |layers: &mut Value| {
        *layers = (0..200).fold(json!(1), |inner, _| json!([inner]));
    }));
    assert!(text.contains("nested more than 95 deep"), "{text}");
    let text = refusal(server.publish("topic", &by_nothing));
    assert!(text.contains("`[0].options`: a key is nothing (null)"), "{text}");
    assert!(server.stream("topic", &by_nothing).is_err());
    let text = refusal(server.state().try_set("__proto__", 1));
    assert!(text.contains("cannot be a key in a page"), "{text}");
    server.state().dirty(&["__proto__"]);
    server.state().batch(|batch| {
        batch.set("layers", &by_nothing).set("__proto__", 1).set("fine", 1);
    });
    // An argument from a client has not been checked to fit.
    server.trigger("keep", |cx: Ctx, rest: Rest| cx.state().try_set("kept", &rest.0[0]));
    server.trigger("echo", |_: Ctx, mut rest: Rest| rest.0.remove(0));
    let (running, mut client, mut other) = two(&server).await;
    for (misfit, expected) in misfits() {
        let arg = Msgpack::Array(vec![misfit]);
        let args = |name: &str| Msgpack::Array(vec![name.into(), arg.clone()]);
        let kept = call(&mut client, "trame.trigger", &args("keep")).await;
        if expected.contains("appears twice") && kept.is_ok() {
            continue; // by then numeric keys are text, and one of two equal keys remains
        }
        assert!(told(kept).contains(expected), "{expected}");
        let echoed = to_json(&call(&mut client, "trame.trigger", &args("echo")).await.unwrap_err());
        assert_eq!(echoed["code"], -32002, "{expected}");
    }
    let state = other.snapshot().await;
    assert_eq!((&state["layers"], &state["fine"]), (&json!(1), &json!(1)));
    assert!(state.get("__proto__").is_none() && state.get("kept").is_none());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn whole_numbers_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let program = || {
        let server = Server::new("values");
        server.state().set("id", 0).set("low", 0).set("wide", i128::from(7));
        server.trigger("same", |_: Ctx, id: u64| id == ID);
        server.trigger("exact", |_: Ctx, number: i64| number);
        server
    };
    let server = program();
    let running = server.spawn(options().keep_state(&file)).await.unwrap();
    let mut client = Client::connect(&running).await;
    set(&mut client, "id", ID.into()).await.unwrap();
    set(&mut client, "low", i64::MIN.into()).await.unwrap();
    let state = client.snapshot().await;
    assert_eq!((&state["id"], &state["wide"]), (&json!(ID), &json!(7)));
    assert_eq!(client.trigger("same", json!([ID])).await, json!(true));
    let exact = 9_007_199_254_740_992_i64;
    assert_eq!(client.trigger("exact", json!([exact as f64])).await, json!(exact));
    let inexact = client.call("trame.trigger", json!(["same", [ID as f64], {}])).await;
    assert!(told(inexact).contains("beyond 2^53 a page sends a BigInt"));
    let too_wide = server.state().try_set("wide", u128::MAX).unwrap_err().to_string();
    assert!(too_wide.contains("does not fit into 64 bits"), "{too_wide}");
    running.stop().await.unwrap();

    let server = program();
    let running = server.spawn(options().keep_state(&file)).await.unwrap();
    assert_eq!(server.state().get::<u64>("id").unwrap(), ID);
    assert_eq!(server.state().get::<i64>("low").unwrap(), i64::MIN);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn numbers_as_keys_reach_every_client_as_text() {
    let server = Server::new("values");
    server.state().set("rows", HashMap::from([(7_u32, "a")]));
    server.trigger("take", |_: Ctx, rows: HashMap<i64, u8>| rows[&-7]);
    let (running, mut writer, mut other) = two(&server).await;
    assert_eq!(other.snapshot().await["rows"], json!({"7": "a"}));
    let by_number = Msgpack::Map(vec![((-7).into(), 3.into())]);
    let args = Msgpack::Array(vec!["take".into(), Msgpack::Array(vec![by_number.clone()])]);
    assert_eq!(call(&mut writer, "trame.trigger", &args).await.unwrap(), 3.into());
    assert_eq!(writer.trigger("take", json!([{"-7": 4}])).await, json!(4));
    set(&mut writer, "rows", by_number).await.unwrap();
    assert_eq!(other.pushed().await, json!({"rows": {"-7": 3}}));
    assert_eq!(writer.pushed().await, json!({"rows": {"-7": 3}}), "it is another value now");
    assert_eq!(server.state().get::<HashMap<i32, u8>>("rows").unwrap(), HashMap::from([(-7, 3)]));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_date_is_text_for_types_that_accept_anything() {
    let server = Server::new("values");
    server.state().set("picked", ());
    server.trigger("any", |_: Ctx, any: Value| any);
    server.trigger("date", |_: Ctx, date: Timestamp| date.seconds);
    server.trigger("encoded", |_: Ctx, any: Packed| any);
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let date = Msgpack::Ext(-1, vec![0; 4]);
    let args = |name: &str| Msgpack::Array(vec![name.into(), Msgpack::Array(vec![date.clone()])]);
    let text = "1970-01-01T00:00:00Z";
    assert_eq!(call(&mut client, "trame.trigger", &args("any")).await.unwrap(), text.into());
    assert_eq!(call(&mut client, "trame.trigger", &args("date")).await.unwrap(), 0.into());
    assert_eq!(call(&mut client, "trame.trigger", &args("encoded")).await.unwrap(), date);
    set(&mut client, "picked", date.clone()).await.unwrap();
    assert_eq!(server.state().get::<Value>("picked").unwrap(), json!(text));
    assert_eq!(server.state().get::<String>("picked").unwrap(), text);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_number_does_not_become_the_text_of_an_empty_field() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let program = || {
        let server = Server::new("values");
        server.state().set("count", 0).set("limit", 5.0).set("typed", 1);
        server.state().key::<Option<f64>>("limit");
        server.state().key::<i64>("typed");
        server.trigger("add", |cx: Ctx| cx.state().update("count", |count: &mut i64| *count += 1));
        server
    };
    let server = program();
    let running = server.spawn(options().keep_state(&file)).await.unwrap();
    let mut client = Client::connect(&running).await;
    let text = told(client.set(json!({"count": ""})).await);
    assert_eq!(text, "`count` was not set: got an empty text, expected a number");
    assert_eq!(client.pushed().await, json!({"count": 0}));
    client.trigger("add", json!([])).await;
    assert_eq!(client.pushed().await, json!({"count": 1}));
    for (value, given) in [
        (json!(""), r#"the text """#),
        (json!("-"), r#"the text "-""#),
        (json!(null), "nothing (null)"),
    ] {
        let text = told(client.set(json!({ "typed": value })).await);
        assert_eq!(text, format!("`typed` was not set: got {given}, expected i64"));
        assert_eq!(client.pushed().await, json!({"typed": 1}));
    }
    client.set(json!({"limit": ""})).await.unwrap();
    assert_eq!(client.pushed().await, json!({"limit": null}));
    assert_eq!(server.state().get::<Option<f64>>("limit").unwrap(), None);
    // A key without a type accepts what pages send; a value of another type is not kept.
    client.set(json!({"count": "many"})).await.unwrap();
    running.stop().await.unwrap();

    let server = program();
    let running = server.spawn(options().keep_state(&file)).await.unwrap();
    assert_eq!(server.state().get::<i64>("count").unwrap(), 0);
    assert_eq!(server.state().get::<Option<f64>>("limit").unwrap(), None);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn errors_name_the_argument_the_type_and_the_value() {
    let server = Server::new("values");
    server.state().set("count", 1);
    server.trigger("add", |_: Ctx, a: i64, b: f64| a as f64 + b);
    server.trigger("read", |cx: Ctx, key: String| cx.state().get::<i64>(&key));
    server.trigger("plain", |_: Ctx| ());
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    for (call, expected) in [
        (
            json!(["add", ["1", 2], {}]),
            r#"argument 1 of trigger `add` is not an i64: got the text "1", expected i64"#,
        ),
        (
            json!(["add", [1, null], {}]),
            "argument 2 of trigger `add` is not an f64: got nothing (null), expected f64",
        ),
        (json!(["add", [1], {}]), "argument 2 of trigger `add` is not an f64: it was not given"),
        (json!(["add", [1, 2, 3], {}]), "trigger `add` takes 2 arguments, got 3"),
        (
            json!(["plain", [], {"exact": true}]),
            r#"trigger `plain` takes no named arguments, got "exact""#,
        ),
        (json!(["read", ["cuont"], {}]), "there is no key named `cuont`. Did you mean count?"),
        (json!(["read", ["nothing_like_it"], {}]), "there is no key named `nothing_like_it`"),
    ] {
        assert_eq!(told(client.call("trame.trigger", call).await), expected);
    }
    running.stop().await.unwrap();
}

#[test]
fn any_text_can_be_a_key() {
    let server = Server::new("values");
    let (owned, shared): (String, std::sync::Arc<str>) = ("a".to_owned(), "b".into());
    server.state().set(&owned, 1).set(format!("{owned}{owned}"), 2).set(&shared, 3).set("c", 4);
    server.state().batch(|batch| {
        batch.set(format!("{owned}_b"), 5);
    });
    server.state().update(&owned, |value: &mut i64| *value += 10).unwrap();
    server.state().set_default(owned.clone() + "_d", 6).unwrap();
    let values = ["a", "aa", "b", "c", "a_b", "a_d"].map(|key| server.state().get::<i64>(key));
    assert_eq!(values.map(Result::unwrap), [11, 2, 3, 4, 5, 6]);
    assert!(server.state().has(&owned) && server.state().packed(shared).decode::<u8>().is_ok());
}
