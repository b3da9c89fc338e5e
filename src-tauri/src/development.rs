//! What `cargo tauri dev` changes about a start.

use std::env;

use selvedge::StartOptions;

/// Tauri's command line sets it for the programs that it starts.
const STARTED_BY_TAURI: &str = "TAURI_CLI_VERBOSITY";

/// Starts a debug build for development if Tauri's command line has started it. A release is left as it is, wherever it runs.
pub(crate) fn follow_tauri(options: StartOptions) -> StartOptions {
    let started_by_tauri = env::var_os(STARTED_BY_TAURI).is_some();
    options.development(cfg!(debug_assertions) && started_by_tauri)
}
