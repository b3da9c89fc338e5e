//! Shows the widgets in a window. `main.rs`, the program for browsers, says how to make the
//! modules.
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
