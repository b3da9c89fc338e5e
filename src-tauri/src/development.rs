//! Development mode under `cargo tauri dev`.

use std::env;

use selvedge::StartOptions;

/// Tauri's command line sets this variable for the programs that it starts.
const STARTED_BY_TAURI: &str = "TAURI_CLI_VERBOSITY";

/// Starts a debug build for development if Tauri's command line has started it. A release is not
/// affected.
pub(crate) fn follow_tauri(options: StartOptions) -> StartOptions {
    let started_by_tauri = env::var_os(STARTED_BY_TAURI).is_some();
    options.development(cfg!(debug_assertions) && started_by_tauri)
}
