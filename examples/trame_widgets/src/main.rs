//! Serves the widgets for a browser.
//!
//! ```text
//! python3 -m pip install --target packages trame-client trame-vuetify trame-markdown trame-plotly
//! PYTHONPATH=packages python3 tools/trame_manifest.py --output modules \
//!     trame.modules.www trame.modules.vuetify3 trame.modules.markdown trame.modules.plotly
//! MODULES=modules/vuetify3.json:modules/markdown.json:modules/plotly.json cargo run -p trame-widgets --bin trame-widgets
//! ```
//!
//! With `modules/www.json` in `MODULES`, trame's own page shows the widgets.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use selvedge::StartOptions;

fn main() -> ExitCode {
    let options = StartOptions::from_args();
    let app = trame_widgets::app(&trame_widgets::modules());
    selvedge::exit_code(app.and_then(|server| server.run(options)))
}
