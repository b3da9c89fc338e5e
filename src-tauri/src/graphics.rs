//! Whether web views draw their pages with the help of a graphics card.
//!
//! Without a card, WebKitGTK emulates one on the processor. Drawing without any takes a third of the
//! processor time, and a window needs 60 MiB less memory. What is lost is the perspective of 3D
//! transforms in style sheets, and transparent windows; WebGL works either way.

use std::{
    env,
    fs::{self, OpenOptions},
};

use selvedge::window::WindowOptions;

/// WebKitGTK reads this when it makes the first web view. Users may have set it.
const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Makes web views draw without a card if this machine has none.
///
/// Must be called before threads are started: while there are others, one of them could be reading
/// the environment, so it is not changed.
pub(crate) fn without_card() {
    if env::var_os(VARIABLE).is_some() || has_card() || !is_single_threaded() {
        return;
    }
    if let Err(error) = gtk::glib::setenv(VARIABLE, "1", false) {
        tracing::debug!("{VARIABLE} could not be set: {error}");
    }
}

/// Warns about a transparent window, which needs a card, real or emulated.
pub(crate) fn check(options: &WindowOptions) {
    if options.transparent && env::var_os(VARIABLE).is_some_and(|value| value != "0") {
        tracing::warn!(
            "the window is not transparent without a graphics card: \
             start the program with {VARIABLE}=0 to emulate one"
        );
    }
}

/// Whether a graphics card can be used for drawing.
fn has_card() -> bool {
    let cards = fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let mut cards = cards.filter(|card| card.file_name().to_string_lossy().starts_with("renderD"));
    let usable = |path| OpenOptions::new().read(true).write(true).open(path).is_ok();
    // NVIDIA's own driver may be without the former.
    cards.any(|card| usable(card.path())) || usable("/dev/nvidia0".into())
}

/// Whether no thread but this one can be reading the environment. WebKitGTK starts one before `main`,
/// for its memory.
fn is_single_threaded() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() <= 2)
}
