//! The application's windows: all of them, and the one that the user works in.

use tauri::{AppHandle, Manager, WebviewWindow};

use crate::place;

/// Prefix of a window's label, before its number.
const LABEL: &str = "window-";

/// Returns the label of the window with this number.
pub(crate) fn label(number: usize) -> String {
    format!("{LABEL}{number}")
}

/// Returns all windows of the application, in the order in which they were opened.
pub(crate) fn all(app: &AppHandle) -> Vec<WebviewWindow> {
    let number = |window: &WebviewWindow| match window.label() {
        place::REMEMBERED => Some(0),
        label => label.strip_prefix(LABEL)?.parse::<usize>().ok(),
    };
    let windows = app.webview_windows().into_values();
    let mut windows: Vec<_> =
        windows.filter_map(|window| Some((number(&window)?, window))).collect();
    windows.sort_by_key(|(number, _)| *number);
    windows.into_iter().map(|(_, window)| window).collect()
}

/// Returns the window that the user works in, or else the one that was opened first. Dialogs attach
/// to it, code changes it, and a second launch shows it.
pub(crate) fn front(app: &AppHandle) -> Option<WebviewWindow> {
    front_of(all(app))
}

/// Returns the focused one of these windows, or else the first.
pub(crate) fn front_of(mut windows: Vec<WebviewWindow>) -> Option<WebviewWindow> {
    let focused = windows.iter().position(|window| window.is_focused().unwrap_or(false));
    (!windows.is_empty()).then(|| windows.swap_remove(focused.unwrap_or(0)))
}

/// Shows a window above the others. It may be closing, which is no error.
pub(crate) fn bring_up(window: &WebviewWindow) {
    let _ = window.unminimize();
    let _ = window.show();
    let _ = window.set_focus();
}
