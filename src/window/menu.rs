//! Menus as data: the entries, and the triggers that the items call.

use serde_json::Value;

use super::check;
use crate::Result;

/// A menu or menu bar: items, submenus and separators.
///
/// ```
/// use selvedge::window::{Menu, MenuItem, StandardItem};
///
/// let file = Menu::new()
///     .item(MenuItem::new("Open…", "open").accelerator("CmdOrCtrl+O"))
///     .submenu("Export", Menu::new()
///         .item(MenuItem::new("As PNG", "export").args(["png"]))
///         .item(MenuItem::new("As CSV", "export").args(["csv"])))
///     .separator()
///     .standard(StandardItem::Quit);
/// let view = Menu::new().item(MenuItem::new("Grid", "show_grid").checked(true));
/// let bar = Menu::new().submenu("&File", file).submenu("&View", view);
/// ```
///
/// On Linux and Windows, the letter after an `&` in a label is underlined, and Alt with that letter
/// opens the entry; `&&` is an ampersand. On macOS the first submenu appears under the name of the
/// program, and items outside of submenus are not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Menu {
    entries: Vec<MenuEntry>,
}

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq)]
pub enum MenuEntry {
    /// An item that calls a trigger.
    Item(MenuItem),
    /// A standard item, with this label.
    Standard(StandardItem, String),
    /// A submenu, with this label.
    Submenu(String, Menu),
    /// A separator line.
    Separator,
}

impl Menu {
    /// Returns an empty menu.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item that calls a trigger.
    pub fn item(self, item: MenuItem) -> Self {
        self.with(MenuEntry::Item(item))
    }

    /// Adds a standard item with its English label.
    pub fn standard(self, item: StandardItem) -> Self {
        self.standard_named(item, item.label())
    }

    /// Adds a standard item with a label in the language of the application.
    pub fn standard_named(self, item: StandardItem, label: impl Into<String>) -> Self {
        self.with(MenuEntry::Standard(item, label.into()))
    }

    /// Adds a submenu.
    pub fn submenu(self, label: impl Into<String>, menu: Menu) -> Self {
        self.with(MenuEntry::Submenu(label.into(), menu))
    }

    /// Adds a separator line.
    pub fn separator(self) -> Self {
        self.with(MenuEntry::Separator)
    }

    fn with(mut self, entry: MenuEntry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Returns the entries in order.
    pub fn entries(&self) -> &[MenuEntry] {
        &self.entries
    }

    /// Checks the labels and accelerators of all entries.
    pub(crate) fn check(&self) -> Result<()> {
        self.entries.iter().try_for_each(|entry| match entry {
            MenuEntry::Item(item) => check::label(&item.label)
                .and_then(|()| item.accelerator.as_deref().map_or(Ok(()), check::accelerator)),
            MenuEntry::Standard(_, label) => check::label(label),
            MenuEntry::Submenu(label, menu) => check::label(label).and_then(|()| menu.check()),
            MenuEntry::Separator => Ok(()),
        })
    }
}

/// A menu item that calls a trigger of the server, as a page would.
///
/// Errors and panics of the trigger are logged and passed to the hooks on
/// [`Exception`](crate::Lifecycle::Exception). The call has no client:
/// [`Ctx::client`](crate::Ctx::client) is `None`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MenuItem {
    /// The id by which code refers to the item. Default: the name of the trigger.
    pub id: String,
    /// The label.
    pub label: String,
    /// The name of the trigger.
    pub trigger: String,
    /// The arguments for the trigger.
    pub args: Vec<Value>,
    /// The keyboard shortcut.
    pub accelerator: Option<String>,
    /// Whether the item can be chosen.
    pub enabled: bool,
    /// The state of the check mark; `None` if the item has none.
    pub checked: Option<bool>,
}

impl MenuItem {
    /// Returns an item that calls this trigger without arguments.
    pub fn new(label: impl Into<String>, trigger: impl Into<String>) -> Self {
        let trigger = trigger.into();
        MenuItem {
            id: trigger.clone(),
            label: label.into(),
            trigger,
            args: Vec::new(),
            accelerator: None,
            enabled: true,
            checked: None,
        }
    }

    /// Sets the id for [`Window::enable_item`](crate::Window::enable_item) and similar methods.
    /// Several items may share one id.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets the arguments for the trigger.
    pub fn args<V: Into<Value>>(mut self, args: impl IntoIterator<Item = V>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the keyboard shortcut, for example `CmdOrCtrl+S`, `Alt+Shift+F4` or `F11`. It works
    /// while the window has the focus; the page does not get these keys.
    ///
    /// Modifiers are `CmdOrCtrl` (Command on macOS, else Ctrl), `Ctrl`, `Alt`, `Shift` and `Super`.
    /// Keys are letters, digits, the characters `` ` ``, `\\`, `[`, `]`, `,`, `=`, `-`, `.`, `'`,
    /// `;`, `/`, `F1` to `F24`, `Enter`, `Space`, `Tab`, `Escape`, `Backspace`, `Delete`, `Insert`,
    /// `Home`, `End`, `PageUp`, `PageDown`, `Left`, `Right`, `Up` and `Down`.
    pub fn accelerator(mut self, keys: impl Into<String>) -> Self {
        self.accelerator = Some(keys.into());
        self
    }

    /// Sets whether the item can be chosen.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Adds a check mark that toggles when the item is chosen. The trigger gets the new state as an
    /// additional last argument.
    pub fn checked(mut self, checked: bool) -> Self {
        self.checked = Some(checked);
        self
    }
}

/// A standard menu item. The host implements it and chooses the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandardItem {
    /// Undoes the last edit in a field.
    Undo,
    /// Redoes the last undone edit.
    Redo,
    /// Moves the selection to the clipboard.
    Cut,
    /// Copies the selection to the clipboard.
    Copy,
    /// Pastes the clipboard into a field.
    Paste,
    /// Selects everything.
    SelectAll,
    /// Zooms the page in by a tenth, `CmdOrCtrl+=`.
    ZoomIn,
    /// Zooms the page out by a tenth, `CmdOrCtrl+-`.
    ZoomOut,
    /// Shows the page in its natural size, `CmdOrCtrl+0`.
    ZoomReset,
    /// Enters or leaves full screen: `F11`, on macOS `Ctrl+Cmd+F`.
    Fullscreen,
    /// Minimizes the window.
    Minimize,
    /// Closes the window, `CmdOrCtrl+W`, as the user would: see
    /// [`ConfirmClose`](super::ConfirmClose).
    CloseWindow,
    /// Ends the application, `CmdOrCtrl+Q`, as closing its last window would: see
    /// [`ConfirmClose`](super::ConfirmClose).
    Quit,
}

impl StandardItem {
    /// Returns the English label.
    pub fn label(self) -> &'static str {
        match self {
            StandardItem::Undo => "Undo",
            StandardItem::Redo => "Redo",
            StandardItem::Cut => "Cut",
            StandardItem::Copy => "Copy",
            StandardItem::Paste => "Paste",
            StandardItem::SelectAll => "Select All",
            StandardItem::ZoomIn => "Zoom In",
            StandardItem::ZoomOut => "Zoom Out",
            StandardItem::ZoomReset => "Actual Size",
            StandardItem::Fullscreen => "Full Screen",
            StandardItem::Minimize => "Minimize",
            StandardItem::CloseWindow => "Close Window",
            StandardItem::Quit => "Quit",
        }
    }
}
