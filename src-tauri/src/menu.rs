//! The application's menu on the system's menu bars, and the actions of its items.

use std::sync::Arc;

use selvedge::{
    Error, Result,
    window::{Menu, StandardItem},
};
use tauri::{AppHandle, WebviewWindow, Wry};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    desktop::{Desktop, failed},
    native_menu::{Call, ItemChange, Native},
    window_list,
};

impl Desktop {
    /// Makes menu items perform their actions. Returns the calls for the application.
    pub(crate) fn listen_to_menu(self: &Arc<Self>) -> UnboundedReceiver<Call> {
        let (calls, chosen) = unbounded_channel();
        let desktop = Arc::downgrade(self);
        self.app.on_menu_event(move |_, event| {
            let Some(desktop) = desktop.upgrade() else { return };
            let Some(native) = desktop.menu.current() else { return };
            if let Some(item) = native.items.get(event.id().as_ref()) {
                // Nothing receives it once the application ends.
                let _ = calls.send(item.call());
            } else if let Some(standard) = native.standard.get(event.id().as_ref()) {
                desktop.act(*standard);
            }
        });
        chosen
    }

    /// Shows a menu on all windows, in place of the current one.
    pub(crate) fn set_menu(&self, menu: &Menu) -> tauri::Result<()> {
        let native = match menu.entries() {
            [] => None,
            entries => Some(Arc::new(Native::new(&self.app, entries)?)),
        };
        let bar = native.as_ref().map(|native| native.bar.clone());
        // Kept until no window shows it any more.
        let _before = std::mem::replace(&mut *self.menu.0.lock(), native);
        show(&self.app, bar)
    }

    pub(crate) fn change_items(&self, id: &str, change: &ItemChange) -> Result<()> {
        let native = self.menu.current();
        let items = native.iter().flat_map(|native| native.items.values());
        let mut changed = false;
        for item in items.filter(|item| item.item.id == id) {
            changed |= item.shown.change(change).map_err(failed)?;
        }
        match changed {
            true => Ok(()),
            false => {
                let (name, candidates) = (id.to_owned(), Vec::new());
                Err(Error::Unknown { kind: change.kind(), name, candidates })
            }
        }
    }

    fn act(self: &Arc<Self>, item: StandardItem) {
        let Some(window) = window_list::front(&self.app) else { return };
        let done = match item {
            StandardItem::ZoomIn => self.zoom_in(&window),
            StandardItem::ZoomOut => self.zoom_out(&window),
            StandardItem::ZoomReset => self.reset_zoom(&window),
            StandardItem::Fullscreen => {
                window.is_fullscreen().and_then(|full| window.set_fullscreen(!full))
            }
            StandardItem::Minimize => window.minimize(),
            StandardItem::CloseWindow => window.close(),
            StandardItem::Undo => edit(&window, "Undo"),
            StandardItem::Redo => edit(&window, "Redo"),
            StandardItem::Cut => edit(&window, "Cut"),
            StandardItem::Copy => edit(&window, "Copy"),
            StandardItem::Paste => edit(&window, "Paste"),
            StandardItem::SelectAll => edit(&window, "SelectAll"),
            StandardItem::Quit => return self.quit(),
        };
        if let Err(error) = done {
            tracing::warn!("the menu item {item:?} did nothing: {error}");
        }
    }
}

/// Edits the focused field.
fn edit(window: &WebviewWindow, command: &'static str) -> tauri::Result<()> {
    #[cfg(target_os = "linux")]
    return window.with_webview(move |view| {
        webkit2gtk::WebViewExt::execute_editing_command(&view.inner(), command);
    });
    #[cfg(not(target_os = "linux"))]
    window.eval(format!("document.execCommand('{command}')"))
}

/// Shows or removes the menu bar: on macOS that of the program, elsewhere that of each window.
fn show(app: &AppHandle, bar: Option<tauri::menu::Menu<Wry>>) -> tauri::Result<()> {
    #[cfg(target_os = "macos")]
    match bar {
        Some(bar) => drop(app.set_menu(bar)?),
        None => drop(app.remove_menu()?),
    }
    #[cfg(not(target_os = "macos"))]
    for window in window_list::all(app) {
        match &bar {
            Some(bar) => drop(window.set_menu(bar.clone())?),
            None => drop(window.remove_menu()?),
        }
    }
    Ok(())
}
