//! Tests models: structs whose fields are keys of the state.

use selvedge::{Ctx, Failure, Model, Server, state::Key, ui::el};
use serde_json::json;

use crate::support::{Client, start};

#[derive(Debug, Model, PartialEq)]
struct Pump {
    /// Revolutions per minute.
    #[model(default = 300.0, check = within_limits)]
    speed: f64,
    #[model(read_only, transient)]
    pressure: f64,
    #[model(rename = "pump_kind")]
    r#type: Option<String>,
    points: Vec<[f64; 2]>,
}

fn within_limits(speed: f64) -> Result<(), Failure> {
    match speed {
        0.0..=1500.0 => Ok(()),
        _ => Err(Failure::msg("the speed has to be between 0 and 1500")),
    }
}

const EXTRA: Key<u32> = Key::new("extra");

#[tokio::test]
async fn the_fields_of_a_model_are_keys_with_types_and_rules() {
    let server = Server::new("models");
    server.state().set("points", [[1, 2]]);
    server.state().add_model::<Pump>().unwrap();
    server.on_change(Pump::SPEED, |cx: Ctx, speed: f64| Pump::PRESSURE.set(&cx, speed / 100.0));
    server.on_change((Pump::SPEED, Pump::TYPE), |cx: Ctx, speed: f64, kind: Option<String>| {
        cx.set("label", format!("{} at {speed}", kind.unwrap_or_default()))
    });
    server.on_change(["speed", "pump_kind"], async |_: Ctx, _: f64, _: Option<String>| ());
    server.trigger("faster", |cx: Ctx| Pump::SPEED.update(&cx, |speed| *speed += 50.0));
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let state = client.snapshot().await;
    let shown = [&state["speed"], &state["pressure"], &state["pump_kind"], &state["points"]];
    assert_eq!(json!(shown), json!([300.0, 3.0, null, [[1, 2]]]));

    assert!(client.set(json!({"speed": 1600.0})).await.is_err());
    assert!(client.set(json!({"speed": "fast"})).await.is_err());
    assert!(client.set(json!({"pressure": 1.0})).await.is_err());
    client.set(json!({"pump_kind": "gear", "speed": 100})).await.unwrap();
    client.trigger("faster", json!([])).await;
    let expected = Pump {
        speed: 150.0,
        pressure: 1.5,
        r#type: Some("gear".to_owned()),
        points: vec![[1.0, 2.0]],
    };
    assert_eq!(Pump::read(&server).unwrap(), expected);
    assert_eq!(server.state().get::<String>("label").unwrap(), "gear at 150");
    running.stop().await.unwrap();
}

#[test]
fn a_model_is_written_in_one_step_and_read_with_clear_errors() {
    let server = Server::new("models");
    let error = Pump::read(&server).unwrap_err().to_string();
    assert!(error.contains("`speed`"), "{error}");
    let pump = Pump { speed: 1.0, pressure: 2.0, r#type: None, points: Vec::new() };
    pump.write(&server);
    assert_eq!(Pump::read(server.state()).unwrap(), pump);
    EXTRA.set(&server, 1);
    EXTRA.update(&server, |extra| *extra += 1).unwrap();
    assert_eq!(EXTRA.get(&server).unwrap(), 2);
}

#[test]
fn a_child_server_has_a_model_of_its_own() {
    use selvedge::trame::Translator;
    let server = Server::new("models");
    let child = server.create_child_server(Translator::with_prefix("left_"));
    child.state().add_model::<Pump>().unwrap();
    Pump::SPEED.set(&child, 5.0);
    assert_eq!(server.state().get::<f64>("left_speed").unwrap(), 5.0);
    assert!(!server.state().has("speed"));
}

#[test]
fn elements_are_bound_to_keys() {
    let name = el("label").model(Pump::SPEED).bind("max", Pump::PRESSURE).expr(Pump::TYPE);
    let expected = r#"<label v-model="speed" :max="pressure">{{ pump_kind }}</label>"#;
    assert_eq!(name.to_string(), expected);
}
