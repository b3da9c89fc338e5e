//! Menus as data: what they show, and which trigger an item calls.

use serde_json::Value;

use super::check;
use crate::Result;

/// A menu, or the bar that menus hang on: items, submenus and lines between them.
///
/// ```
/// use selvedge::{Menu, MenuItem, StandardItem};
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
/// The letter after an `&` in a label is underlined and reaches the entry together with Alt, on Linux and Windows; `&&`
/// is an ampersand. On macOS the first submenu appears under the name of the program, and items that are not in a
/// submenu are not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Menu {
    entries: Vec<MenuEntry>,
}

/// One line of a menu.
#[derive(Clone, Debug, PartialEq)]
pub enum MenuEntry {
    /// Calls a trigger.
    Item(MenuItem),
    /// Does what every program does, under this label.
    Standard(StandardItem, String),
    /// Opens another menu.
    Submenu(String, Menu),
    /// A line.
    Separator,
}

impl Menu {
    /// An empty menu.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item that calls a trigger.
    pub fn item(self, item: MenuItem) -> Self {
        self.with(MenuEntry::Item(item))
    }

    /// Adds an item that does what every program does, under its English name.
    pub fn standard(self, item: StandardItem) -> Self {
        self.standard_named(item, item.label())
    }

    /// Adds an item that does what every program does, under a name in the language of the application.
    pub fn standard_named(self, item: StandardItem, label: impl Into<String>) -> Self {
        self.with(MenuEntry::Standard(item, label.into()))
    }

    /// Adds a menu that opens beside this one, or under this bar.
    pub fn submenu(self, label: impl Into<String>, menu: Menu) -> Self {
        self.with(MenuEntry::Submenu(label.into(), menu))
    }

    /// Adds a line.
    pub fn separator(self) -> Self {
        self.with(MenuEntry::Separator)
    }

    fn with(mut self, entry: MenuEntry) -> Self {
        self.entries.push(entry);
        self
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[MenuEntry] {
        &self.entries
    }

    /// Says which entry cannot work.
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

/// An item that calls a trigger of the server, as a page would.
///
/// What fails or panics there is logged and reaches the hooks on [`Exception`](crate::Lifecycle::Exception). No client
/// is behind the call: [`Ctx::client`](crate::Ctx::client) is `None`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MenuItem {
    /// What code calls it. Default: the trigger's name.
    pub id: String,
    /// What its user reads.
    pub label: String,
    /// The name of the trigger.
    pub trigger: String,
    /// What the trigger is called with.
    pub args: Vec<Value>,
    /// The keys that call it.
    pub accelerator: Option<String>,
    /// Whether it can be chosen.
    pub enabled: bool,
    /// Whether it has a check mark; `None` where it cannot have one.
    pub checked: Option<bool>,
}

impl MenuItem {
    /// An item that calls this trigger without arguments.
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

    /// What [`Window::enable_item`](crate::Window::enable_item) and the others call it. Several items may have one id.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// What the trigger is called with.
    pub fn args<V: Into<Value>>(mut self, args: impl IntoIterator<Item = V>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// The keys that call it while the window has the focus: `CmdOrCtrl+S`, `Alt+Shift+F4`, `F11`. The page does not
    /// get them.
    ///
    /// Modifiers are `CmdOrCtrl` (Command on macOS, else Ctrl), `Ctrl`, `Alt`, `Shift` and `Super`. Keys are letters,
    /// digits, the signs `` ` ``, `\\`, `[`, `]`, `,`, `=`, `-`, `.`, `'`, `;`, `/`, `F1` to `F24`, `Enter`, `Space`, `Tab`,
    /// `Escape`, `Backspace`, `Delete`, `Insert`, `Home`, `End`, `PageUp`, `PageDown`, `Left`, `Right`, `Up` and `Down`.
    pub fn accelerator(mut self, keys: impl Into<String>) -> Self {
        self.accelerator = Some(keys.into());
        self
    }

    /// Whether it can be chosen.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Gives it a check mark, which changes whenever it is chosen. The trigger gets whether it is set now, as its last
    /// argument.
    pub fn checked(mut self, checked: bool) -> Self {
        self.checked = Some(checked);
        self
    }
}

/// What every program has in its menus. The host knows what to do, and the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandardItem {
    /// Takes back the last edit in a field.
    Undo,
    /// Makes it again.
    Redo,
    /// Moves what is selected to the clipboard.
    Cut,
    /// Copies what is selected to the clipboard.
    Copy,
    /// Puts what is in the clipboard into a field.
    Paste,
    /// Selects everything.
    SelectAll,
    /// Shows the page a tenth larger, `CmdOrCtrl+=`.
    ZoomIn,
    /// Shows the page a tenth smaller, `CmdOrCtrl+-`.
    ZoomOut,
    /// Shows the page in its natural size, `CmdOrCtrl+0`.
    ZoomReset,
    /// Shows the window over the whole screen, or not any more: `F11`, on macOS `Ctrl+Cmd+F`.
    Fullscreen,
    /// Minimizes the window.
    Minimize,
    /// Closes the window, `CmdOrCtrl+W`, as its user does: see [`ConfirmClose`](super::ConfirmClose).
    CloseWindow,
    /// Ends the application, `CmdOrCtrl+Q`, as closing its last window does: see [`ConfirmClose`](super::ConfirmClose).
    Quit,
}

impl StandardItem {
    /// The English name.
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
