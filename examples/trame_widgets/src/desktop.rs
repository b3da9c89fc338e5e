//! Shows the widgets in a window; for the modules see the program for browsers in `main.rs`.
//!
//! ```text
//! MODULES=modules/vuetify3.json:modules/markdown.json:modules/plotly.json \
//!     cargo run -p trame-widgets --features desktop --bin trame-widgets-desktop
//! ```
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let failed = |error| selvedge::exit_code(Err(error));
    trame_widgets::app(&trame_widgets::modules()).map_or_else(failed, selvedge_desktop::run)
}
