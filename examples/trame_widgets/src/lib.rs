//! trame widget packages, from their unmodified files: Vuetify, Markdown and Plotly.
//!
//! `tools/trame_manifest.py` writes the manifests that [`app`] takes.
#![forbid(unsafe_code)]

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use selvedge::{Ctx, Lifecycle, Module, Result, Server, values::Attachment};
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE: &str = include_str!("page.html");

const NOTES: &str =
    "# Pump test\n\nThe pump runs at **full speed**. See:\n\n- the pressure\n- the flow\n";

/// A file that the user picked, as pages send it.
#[derive(Deserialize)]
struct Upload {
    name: String,
    content: Option<Attachment>,
}

/// Returns the manifests listed in the environment variable `MODULES`, which has the format of
/// `PATH`.
pub fn modules() -> Vec<PathBuf> {
    let modules = env::var_os("MODULES").unwrap_or_default();
    env::split_paths(&modules).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// Returns the application, with a module for each manifest.
///
/// # Errors
/// If a manifest, or a file or folder that it names, cannot be read.
pub fn app(manifests: &[impl AsRef<Path>]) -> Result<Server> {
    let server = Server::new("trame-widgets");
    for manifest in manifests {
        server.enable_module(Module::from_manifest(manifest)?)?;
    }
    let state = server.state();
    state.set("trame__title", "Pump test");
    state.set("name", "Ada");
    state.set("speed", 40);
    state.set("answered", Value::Null);
    state.set("notes", NOTES);
    state.set("sensor", Value::Null);
    state.set("upload", Value::Null);
    state.set("received", "");
    state.set("faults", json!([]));
    state.client_only(&["answered"])?;
    server.on_change("name", |cx: Ctx, name: String| cx.set("greeting", format!("Hello {name}")));
    server.on_change("speed", |cx: Ctx, speed: f64| cx.set("pressure", curve(speed)));
    server.on_change("upload", |cx: Ctx, upload: Option<Upload>| {
        let received = upload.map(|file| received(&file)).unwrap_or_default();
        cx.state().set("received", received);
    });
    server.trigger("faster", |cx: Ctx, step: i64| -> Result<Value> {
        let speed = cx.state().get::<i64>("speed")? + step;
        cx.state().set("speed", speed);
        Ok(json!({ "speed": speed }))
    });
    server.trigger("measure", async |cx: Ctx| {
        tokio::time::sleep(Duration::from_millis(600)).await;
        cx.state().set("name", "Measured");
        "done"
    });
    server.trigger("focus", |cx: Ctx| cx.server.js_call("name", "focus", json!([])));
    server.on(Lifecycle::Error, |cx: Ctx, fault: String| {
        cx.state().update("faults", |faults: &mut Vec<String>| faults.push(fault.clone()))
    });
    server.template("main", PAGE);
    Ok(server)
}

fn received(file: &Upload) -> String {
    match &file.content {
        Some(content) => {
            let sum = content.0.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            format!("{}: {} bytes, sum {sum}", file.name, content.0.len())
        }
        None => format!("{} could not be read", file.name),
    }
}

/// Returns the pressure over the flow of a pump at this speed, as a Plotly figure.
fn curve(speed: f64) -> Value {
    let flows: Vec<f64> = (0..=20).map(f64::from).collect();
    let pressure = |flow: &f64| (speed / 10.0).powi(2) - 0.04 * flow * flow;
    json!({
        "data": [{
            "type": "scatter", "name": "pressure", "x": flows, "y": flows.iter().map(pressure).collect::<Vec<_>>()
        }],
        "layout": {
            "title": {"text": format!("Pressure at {speed}")},
            "xaxis": {"title": {"text": "Flow"}}, "yaxis": {"title": {"text": "Pressure"}}
        }
    })
}
