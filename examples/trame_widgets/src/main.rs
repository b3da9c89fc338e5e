//! Serves the widgets for a browser.
//!
//! ```text
//! python3 -m pip install --target packages trame-client trame-vuetify trame-markdown trame-plotly
//! PYTHONPATH=packages python3 tools/trame_manifest.py --output modules \
//!     trame.modules.www trame.modules.vuetify3 trame.modules.markdown trame.modules.plotly
//! MODULES=modules/vuetify3.json:modules/markdown.json:modules/plotly.json cargo run -p trame-widgets
//! ```
//!
//! With `modules/www.json` among the modules it is trame's own page that shows them.
#![forbid(unsafe_code)]

use std::{env, path::PathBuf, process::ExitCode};

use selvedge::StartOptions;

fn main() -> ExitCode {
    let options = StartOptions::from_args();
    let modules = env::var_os("MODULES").unwrap_or_default();
    let modules: Vec<PathBuf> =
        env::split_paths(&modules).filter(|path| !path.as_os_str().is_empty()).collect();
    selvedge::exit_code(trame_widgets::app(&modules).and_then(|server| server.run(options)))
}
