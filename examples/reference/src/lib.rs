//! One example of everything that a page can request from a server. It is the application of the
//! sessions recorded in `tests/wire`, which was written with trame in Python.
//!
//! Names, values and the text of the page are those of the recordings, so that their frames can be
//! compared one by one.
#![forbid(unsafe_code)]

mod calls;
mod pace;
mod unserializable;

use std::time::Duration;

pub use pace::Pace;
use selvedge::{Ctx, Lifecycle, Module, Result, Server, pages::VueUse, values::Packed};
use serde_json::json;
use unserializable::Unserializable;

/// Delay of the greeting after a new name.
pub const GREETING_TAKES: Duration = Duration::from_millis(50);

/// Returns the application, at its usual pace.
///
/// # Errors
/// When the folder of its assets is missing.
pub fn app() -> Result<Server> {
    app_at(Pace::real())
}

/// Returns the application at another pace, so that a test can control the order of events that are
/// milliseconds apart.
///
/// # Errors
/// When the folder of its assets is missing.
pub fn app_at(pace: Pace) -> Result<Server> {
    let server = Server::new("trame");
    server.enable_module(module())?;
    set_state(&server)?;
    listen(&server, &pace);
    calls::register(&server, &pace)?;
    announce(&server);
    server.template("main", include_str!("page.html").trim_end());
    Ok(server)
}

fn module() -> Module {
    let plugin = |options| VueUse::With("demo_plugin".into(), options);
    Module {
        name: "demo".into(),
        serve: [("__demo_1.0".into(), concat!(env!("CARGO_MANIFEST_DIR"), "/assets").into())]
            .into(),
        scripts: vec!["__demo_1.0/demo.js".into()],
        module_scripts: vec!["__demo_1.0/demo-mod.mjs.js".into()],
        styles: vec!["__demo_1.0/demo.css".into()],
        vue_use: vec![plugin(json!({"a": 1})), plugin(json!({"b": {"c": 2}}))],
        state: [("demo_from_module".into(), json!("hi"))].into(),
        ..Module::default()
    }
}

fn set_state(server: &Server) -> Result<()> {
    let state = server.state();
    state.set("trame__title", "Trame"); // the default title of trame's pages
    state.set("count", 1).set("doubled", 2).set("clamped", 5);
    state.set("name", "Ada").set("items", [1, 2, 3]);
    state.set("nested", json!({"x": {"y": [null, true, 1.5]}}));
    state.set("upload", ()).set("slow_ticks", 0).set("local_only", 0);
    state.client_only(&["local_only"])
}

fn listen(server: &Server, pace: &Pace) {
    server.on_change("count", |cx: Ctx, count: Option<i64>| {
        cx.set("doubled", count.unwrap_or(0) * 2)
    });
    server.on_change("clamped", |cx: Ctx, clamped: Option<f64>| {
        if clamped.is_some_and(|value| value > 10.0) {
            cx.state().set("clamped", 10);
        }
    });
    let pace = pace.clone();
    server.on_change("name", move |cx: Ctx, name: String| {
        let pause = pace.pause(GREETING_TAKES);
        async move {
            pause.await;
            cx.state().set("greeting", format!("Hello {name}")).flush();
        }
    });
    server.on_change("upload", |_: Ctx, upload: Packed| {
        println!("upload: {} bytes in all", upload.as_bytes().len());
    });
}

/// Prints what happens to the server and its pages.
fn announce(server: &Server) {
    for event in [
        Lifecycle::ServerStart,
        Lifecycle::ServerReady,
        Lifecycle::ClientConnected,
        Lifecycle::ClientExited,
        Lifecycle::ClientUnmounted,
        Lifecycle::ServerExited,
    ] {
        server.on(event, move |cx: Ctx| {
            println!("{event:?}, port {:?}", cx.server.port());
        });
    }
    for event in [Lifecycle::Error, Lifecycle::Exception] {
        server.on(event, move |_: Ctx, text: String| {
            println!("{event:?}: {text}");
        });
    }
}
