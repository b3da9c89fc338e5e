//! Notes in a window. Shows what a program can do with its window: a menu with shortcuts and check
//! marks, buttons that move and resize it, and a question before unsaved notes are lost.
//!
//! ```text
//! cargo run -p window-app
//! cargo run -p window-app -- --size 600x400 --on-top --frameless --drag
//! ```
#![forbid(unsafe_code)]

mod arguments;
mod notes;
mod view;

use std::process::ExitCode;

use selvedge::{Result, Server, clap::Parser};
use selvedge_desktop::App;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = match arguments.server.options() {
        Ok(options) => options,
        Err(error) => return selvedge::exit_code(Err(error)),
    };
    App::new(notes::NAME, move || app(&arguments)).several_instances(true).run_with(options)
}

fn app(arguments: &Arguments) -> Result<Server> {
    let server = selvedge::get_server(notes::NAME);
    notes::set_up(&server, arguments.window.time_to_close());
    view::set_up(&server)?;
    server.template("main", include_str!("page.html"));
    let window = arguments.window.options().menu(view::menu(false));
    let window = match arguments.window.unasked {
        true => window,
        false => window.confirm_close(notes::question()),
    };
    server.set_window(window);
    Ok(server)
}
