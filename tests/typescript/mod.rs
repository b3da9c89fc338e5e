//! Tests the TypeScript declarations of an application. `usage.ts` beside this file is a script that
//! uses `pump.d.ts`; `npm run check` in `ui` compiles both.

use std::{collections::BTreeMap, fs, path::Path};

use selvedge::{
    Ctx, Model, Result, Server,
    calls::{Caller, Kwargs, Rest},
    jobs::Job,
    values::{Attachment, Timestamp},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Limits {
    lowest: f64,
    highest_allowed: Option<f64>,
}

#[derive(Serialize, Deserialize, Default)]
enum Mode {
    #[default]
    Off,
    Speed(f64),
    Ramp {
        from: f64,
        to: f64,
    },
}

/// A type that contains itself.
#[derive(Serialize, Deserialize, Default)]
struct Part {
    name: String,
    parts: Vec<Part>,
}

#[derive(Model)]
struct Pump {
    speed: f64,
    name: String,
    place: Option<String>,
    points: Vec<(f64, f64)>,
    limits: Limits,
    mode: Mode,
    parts: Vec<Part>,
    units: BTreeMap<String, u32>,
    gaps: Vec<Option<(f64, f64)>>,
    picture: Attachment,
    #[model(default = std::time::UNIX_EPOCH.into())]
    seen: Timestamp,
    #[model(default = serde_json::Value::Null)]
    anything: serde_json::Value,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    exact: bool,
}

fn pump() -> Result<Server> {
    let server = Server::new("pump");
    server.state().add_model::<Pump>()?;
    server.state().set("count", 3).set("label-text", "Pump").set("list", [1]).set("empty", ());
    server.trigger("stop", |_: Ctx| ());
    server.trigger("turn", |_: Ctx, _: Caller, degrees: f64, mode: Mode, slowly: Option<bool>| {
        let _ = (degrees, mode, slowly);
    });
    server.trigger("join", |_: Ctx, separator: String, rest: Rest, named: Kwargs<Options>| {
        format!("{separator}{}{}", rest.0.len(), named.0.exact)
    });
    server.trigger("gone", |_: Ctx| ());
    server.remove_trigger("gone");
    server.rpc("pump.limits", async |_: Ctx, limits: Limits| limits.lowest);
    server.job("render", |_: Job, width: u32| width);
    Ok(server)
}

#[test]
fn the_declarations_are_those_that_the_script_is_compiled_with() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/typescript/pump.d.ts");
    let declared = pump().unwrap().typescript();
    if std::env::var_os("UPDATE_DECLARATIONS").is_some() {
        fs::write(&path, &declared).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap();
    assert_eq!(declared, expected, "run the test with UPDATE_DECLARATIONS=1 if this is intended");
}

#[test]
fn types_of_one_name_are_told_apart() {
    mod other {
        #[derive(serde::Serialize, serde::Deserialize, Default)]
        pub struct Limits {
            pub name: String,
        }
    }
    let server = Server::new("pump");
    drop(server.state().key::<Limits>("one"));
    drop(server.state().key::<other::Limits>("two"));
    server.state().set("one", Limits::default()).set("two", other::Limits::default());
    let declared = server.typescript();
    assert!(declared.contains("one: Limits;\n  two: Limits2;"), "{declared}");
    assert!(declared.contains("export type Limits2 = { name: string };"), "{declared}");
}
