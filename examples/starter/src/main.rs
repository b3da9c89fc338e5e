//! A counter in a window: a complete program to start your own from.
#![forbid(unsafe_code)]
// Opens no console window on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

use selvedge::{Ctx, Result, Server, window::WindowOptions};
use selvedge_desktop::App;

fn app() -> Result<Server> {
    let server = selvedge::get_server(env!("CARGO_PKG_NAME"));
    server.state().set("count", 1).set("square", 1);

    server.on_change("count", |cx: Ctx, count: i64| cx.set("square", count * count));
    server.trigger("add", |cx: Ctx, by: i64| {
        cx.state().update("count", |count: &mut i64| *count += by)
    });

    server.template("main", selvedge::template!("page/main.html"));
    server.set_window(WindowOptions::new().size(480.0, 320.0));
    Ok(server)
}

fn main() -> ExitCode {
    App::new(selvedge::program!(), app).run()
}
