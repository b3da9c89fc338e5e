//! Files that are dropped on a window. WebKitGTK gives the page only their addresses, so they are
//! handed over here. The web view still handles what is dragged within the page or is not a file.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
};

use gtk::{gio, gio::prelude::*, prelude::*};
use webkit2gtk::{FileChooserRequestExt, WebView, WebViewExt};

use crate::desktop::Desktop;

const SCRIPT: &str = include_str!("drops.js");

/// Files that are dragged over a window, and files that were dropped on it.
#[derive(Default)]
struct Drops {
    dragged: RefCell<Vec<PathBuf>>,
    /// For the file chooser that the script opens.
    dropped: Cell<Option<Vec<PathBuf>>>,
}

/// Hands files that are dropped on a window to its page.
pub(crate) fn take(desktop: &Arc<Desktop>, view: &WebView) {
    let drops = Rc::new(Drops::default());
    let dragging = drops.clone();
    view.connect_drag_data_received(move |_, context, _, _, data, _, _| {
        if data.target().name() == "text/uri-list" {
            let foreign = context.drag_get_source_widget().is_none();
            let addresses = data.uris();
            let paths = addresses.iter().map(|uri| gio::File::for_uri(uri).path());
            // With anything else among them, the web view handles all of it.
            let paths = paths.collect::<Option<_>>().filter(|_| foreign);
            dragging.dragged.replace(paths.unwrap_or_default());
        }
    });
    let (dropping, desktop) = (drops.clone(), desktop.clone());
    view.connect_drag_drop(move |view, context, x, y, time| {
        let (files, others): (Vec<_>, Vec<_>) =
            dropping.dragged.take().into_iter().partition(|path| path.is_file());
        if let Some(folder) = others.first() {
            let folder = folder.display();
            desktop.tell_page(&format!(
                "{folder} is not a file. A folder can be chosen with a button"
            ));
        }
        if files.is_empty() && others.is_empty() {
            return false;
        }
        context.drag_finish(true, false, time);
        if !files.is_empty() {
            dropping.dropped.set(Some(files));
            let at = |pixels: i32| (f64::from(pixels) / view.zoom_level()).to_string();
            let script = SCRIPT.replace("DROP_X", &at(x)).replace("DROP_Y", &at(y));
            // Scripts of the host may open a file chooser without a click.
            view.evaluate_javascript(&script, None, None, None::<&gio::Cancellable>, |_| ());
        }
        true
    });
    view.connect_run_file_chooser(move |_, chooser| {
        let Some(paths) = drops.dropped.take() else { return false };
        let paths: Vec<&str> = paths.iter().filter_map(|path| path.to_str()).collect();
        chooser.select_files(&paths);
        true
    });
}
