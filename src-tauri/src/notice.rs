//! Shows an error to a user who started the program with a double click, and so does not see its
//! stderr.
//!
//! The dialog appears after the server has stopped, and on Linux closes after a minute. It is left
//! out where it would be in the way: in a terminal, and with `SELVEDGE_NO_DIALOG` in the
//! environment.

use std::io::{self, IsTerminal};

/// Shows why the program ends.
pub(crate) fn show(name: &str, text: &str) {
    let unwanted = std::env::var_os("SELVEDGE_NO_DIALOG").is_some_and(|value| !value.is_empty());
    if !unwanted && !io::stderr().is_terminal() {
        dialog(name, text);
    }
}

#[cfg(target_os = "linux")]
fn dialog(name: &str, text: &str) {
    use gtk::{
        ButtonsType, DialogFlags, MessageDialog, MessageType, ResponseType, glib, prelude::*,
    };

    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

    // The runtime, which handled signals, has ended.
    for signal in [1, 2, 15] {
        glib::unix_signal_add_local(signal, move || std::process::exit(128 + signal));
    }
    if gtk::init().is_err() {
        return;
    }
    // The windows of the event loop, which has ended, no longer respond.
    gtk::Window::list_toplevels().iter().for_each(|window| window.hide());
    let parent = gtk::Window::NONE;
    let (flags, kind) = (DialogFlags::empty(), MessageType::Error);
    let dialog = MessageDialog::new(parent, flags, kind, ButtonsType::Close, text);
    dialog.set_title(name);
    let waiting = dialog.clone();
    glib::timeout_add_local_once(TIMEOUT, move || waiting.response(ResponseType::Close));
    dialog.run();
}

#[cfg(not(target_os = "linux"))]
fn dialog(name: &str, text: &str) {
    let dialog = rfd::MessageDialog::new().set_level(rfd::MessageLevel::Error);
    dialog.set_title(name).set_description(text).show();
}
