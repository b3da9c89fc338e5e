//! Native menus, made from the menus of an application.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use selvedge::window::{MenuEntry, MenuItem, StandardItem};
use tauri::{
    AppHandle, Wry,
    menu::{CheckMenuItem, IsMenuItem, MenuItem as PlainItem, PredefinedMenuItem, Submenu},
};

/// What an item calls: the name of a trigger, and its arguments.
pub(crate) type Call = (String, Vec<serde_json::Value>);

/// The current menu.
#[derive(Default)]
pub(crate) struct Shown(pub(crate) Mutex<Option<Arc<Native>>>);

/// A native menu, and the actions of its items.
pub(crate) struct Native {
    pub(crate) bar: tauri::menu::Menu<Wry>,
    pub(crate) items: HashMap<String, Item>,
    pub(crate) standard: HashMap<String, StandardItem>,
}

pub(crate) struct Item {
    pub(crate) item: MenuItem,
    pub(crate) shown: ShownItem,
}

pub(crate) enum ShownItem {
    Plain(PlainItem<Wry>),
    Check(CheckMenuItem<Wry>),
}

impl Shown {
    /// Returns the current menu for use without the lock: the thread of the event loop changes
    /// items, and may need the lock for an event.
    pub(crate) fn current(&self) -> Option<Arc<Native>> {
        self.0.lock().clone()
    }

    /// Returns the menu bar of a new window.
    #[cfg(not(target_os = "macos"))]
    pub(crate) fn bar(&self) -> Option<tauri::menu::Menu<Wry>> {
        self.current().map(|native| native.bar.clone())
    }
}

/// A change of an item.
pub(crate) enum ItemChange {
    Enabled(bool),
    Checked(bool),
    Label(String),
}

impl ItemChange {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            ItemChange::Checked(_) => "menu item with a check mark",
            _ => "menu item",
        }
    }
}

impl ShownItem {
    /// Applies a change. Returns whether the item supports it.
    pub(crate) fn change(&self, change: &ItemChange) -> tauri::Result<bool> {
        match (self, change) {
            (ShownItem::Plain(item), ItemChange::Enabled(enabled)) => item.set_enabled(*enabled)?,
            (ShownItem::Check(item), ItemChange::Enabled(enabled)) => item.set_enabled(*enabled)?,
            (ShownItem::Plain(item), ItemChange::Label(label)) => item.set_text(label)?,
            (ShownItem::Check(item), ItemChange::Label(label)) => item.set_text(label)?,
            (ShownItem::Check(item), ItemChange::Checked(checked)) => item.set_checked(*checked)?,
            (ShownItem::Plain(_), ItemChange::Checked(_)) => return Ok(false),
        }
        Ok(true)
    }
}

impl Item {
    pub(crate) fn call(&self) -> Call {
        let mut args = self.item.args.clone();
        if let ShownItem::Check(item) = &self.shown {
            args.push(item.is_checked().unwrap_or_default().into());
        }
        (self.item.trigger.clone(), args)
    }
}

impl Native {
    pub(crate) fn new(app: &AppHandle, entries: &[MenuEntry]) -> tauri::Result<Self> {
        let bar = tauri::menu::Menu::new(app)?;
        let mut native =
            Native { bar: bar.clone(), items: HashMap::new(), standard: HashMap::new() };
        for entry in entries {
            bar.append(native.add(app, entry)?.as_ref())?;
        }
        Ok(native)
    }

    fn add(
        &mut self,
        app: &AppHandle,
        entry: &MenuEntry,
    ) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
        Ok(match entry {
            MenuEntry::Item(item) => self.add_item(app, item)?,
            MenuEntry::Standard(item, label) => self.add_standard(app, *item, label)?,
            MenuEntry::Submenu(label, menu) => {
                let submenu = Submenu::new(app, label, true)?;
                for entry in menu.entries() {
                    submenu.append(self.add(app, entry)?.as_ref())?;
                }
                Box::new(submenu)
            }
            MenuEntry::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        })
    }

    fn add_item(
        &mut self,
        app: &AppHandle,
        item: &MenuItem,
    ) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
        let (id, keys) = (new_id(), item.accelerator.as_deref());
        let (native, shown): (Box<dyn IsMenuItem<Wry>>, _) = match item.checked {
            Some(checked) => {
                let (label, enabled) = (&item.label, item.enabled);
                let native = CheckMenuItem::with_id(app, &id, label, enabled, checked, keys)?;
                (Box::new(native.clone()), ShownItem::Check(native))
            }
            None => {
                let native = PlainItem::with_id(app, &id, &item.label, item.enabled, keys)?;
                (Box::new(native.clone()), ShownItem::Plain(native))
            }
        };
        self.items.insert(id, Item { item: item.clone(), shown });
        Ok(native)
    }

    fn add_standard(
        &mut self,
        app: &AppHandle,
        item: StandardItem,
        label: &str,
    ) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
        // The system's own items edit the focused field, where they exist.
        #[cfg(not(target_os = "linux"))]
        if let Some(native) = edits(app, item, Some(label)) {
            return Ok(Box::new(native?));
        }
        let id = new_id();
        let native = PlainItem::with_id(app, &id, label, true, Some(keys(item)))?;
        self.standard.insert(id, item);
        Ok(Box::new(native))
    }
}

#[cfg(not(target_os = "linux"))]
fn edits(
    app: &AppHandle,
    item: StandardItem,
    label: Option<&str>,
) -> Option<tauri::Result<PredefinedMenuItem<Wry>>> {
    match item {
        StandardItem::Cut => Some(PredefinedMenuItem::cut(app, label)),
        StandardItem::Copy => Some(PredefinedMenuItem::copy(app, label)),
        StandardItem::Paste => Some(PredefinedMenuItem::paste(app, label)),
        StandardItem::SelectAll => Some(PredefinedMenuItem::select_all(app, label)),
        // Windows has neither of these.
        #[cfg(target_os = "macos")]
        StandardItem::Undo => Some(PredefinedMenuItem::undo(app, label)),
        #[cfg(target_os = "macos")]
        StandardItem::Redo => Some(PredefinedMenuItem::redo(app, label)),
        _ => None,
    }
}

fn keys(item: StandardItem) -> &'static str {
    match item {
        StandardItem::Undo => "CmdOrCtrl+Z",
        StandardItem::Redo => "CmdOrCtrl+Shift+Z",
        StandardItem::Cut => "CmdOrCtrl+X",
        StandardItem::Copy => "CmdOrCtrl+C",
        StandardItem::Paste => "CmdOrCtrl+V",
        StandardItem::SelectAll => "CmdOrCtrl+A",
        StandardItem::ZoomIn => "CmdOrCtrl+=",
        StandardItem::ZoomOut => "CmdOrCtrl+-",
        StandardItem::ZoomReset => "CmdOrCtrl+0",
        StandardItem::Fullscreen if cfg!(target_os = "macos") => "Ctrl+Cmd+F",
        StandardItem::Fullscreen => "F11",
        StandardItem::Minimize => "CmdOrCtrl+M",
        StandardItem::CloseWindow => "CmdOrCtrl+W",
        StandardItem::Quit => "CmdOrCtrl+Q",
    }
}

/// Returns an id that is unique in the process, so that an event of a removed menu finds no item.
fn new_id() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("selvedge-{}", MADE.fetch_add(1, Ordering::Relaxed))
}
