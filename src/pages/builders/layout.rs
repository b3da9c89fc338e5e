//! The elements that lay out an application.

use super::{builders, property, words};
use crate::pages::{Element, Handler, Node, el};

/// The side of the window on which a side bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the left, where text is read from left to right.
    Start,
    /// At the right, where text is read from left to right.
    End,
}

/// How the parts of a split lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Side by side.
    Row,
    /// Above each other.
    Column,
}

/// What it means that a light is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The accent color: something is on.
    Accent,
    /// Everything is well.
    Ok,
    /// Attention is needed.
    Warning,
    /// Something is wrong.
    Danger,
}

/// What a toast tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something happened.
    Info,
    /// Something was done.
    Success,
    /// Something may be wrong.
    Warning,
    /// Something could not be done. Screen readers say it at once.
    Error,
}

words! {
    Side { Start => "start", End => "end" }
    Direction { Row => "row", Column => "column" }
    Tone { Accent => "accent", Ok => "ok", Warning => "warning", Danger => "danger" }
    Level { Info => "info", Success => "success", Warning => "warning", Error => "error" }
}

builders! {
    /// An application in one window. Its children are a toolbar, side bars, `<main>` and a status bar.
    App = app() "selvedge-app" {}

    /// A row at the top. Items that do not fit are behind a button.
    Toolbar = toolbar(title => "title") "selvedge-toolbar" {
        /// The text of the button that shows the items that do not fit; "More" by default.
        more => "more" text;
    }

    /// A part beside the view, whose width a user changes. Screen readers call it by its label.
    Sidebar = sidebar(label => "label") "selvedge-sidebar" {
        /// The side on which it is; by default at the end.
        side => "side" Side;
        /// The width before a user changes it, in rem; 20 by default.
        width => "width" number;
        /// The name under which the browser remembers the width.
        remember => "name" text;
        /// A user cannot change the width.
        fixed => "fixed" flag;
    }

    /// A row at the bottom.
    Status = status() "selvedge-status" {}

    /// The room between items of a toolbar or a status bar. Its content is cut off if there is none.
    Space = space() "selvedge-space" {}

    /// Parts whose sizes a user changes.
    Split = split() "selvedge-split" {
        /// How the parts lie; by default side by side.
        direction => "direction" Direction;
        /// The name under which the browser remembers the sizes.
        remember => "name" text;
    }

    /// A part of a split. Screen readers call it by its label.
    Pane = pane(label => "label") "selvedge-pane" {
        /// Its share before a user changes it, in percent.
        size => "size" number;
        /// A user can close it.
        collapsible => "collapsible" flag;
    }

    /// Parts of which one is shown. Its children are tabs.
    Tabs = tabs(label => "label") "selvedge-tabs" {
        /// The state key with the value of the tab that is shown.
        model => "v-model" model;
        /// The name under which the browser remembers the tab, if there is no `model`.
        remember => "name" text;
    }

    /// One part of tabs.
    Tab = tab(title => "title") "selvedge-tab" {
        /// Its value in the state; the title by default.
        value => "value" text;
        /// An icon before the title.
        icon => "icon" text;
    }

    /// A titled part of a page.
    Card = card(title => "title") "selvedge-card" {
        /// The level of its heading, from 1 to 6; 2 by default.
        level => "level" count;
        /// A user can close it.
        collapsible => "collapsible" flag;
        /// The state key that says whether it is open.
        open => "v-model:open" model;
        /// The name under which the browser remembers whether it is open.
        remember => "name" text;
    }

    /// Columns of equal width, as many as fit.
    Grid = grid() "selvedge-grid" {
        /// The smallest width of a column, with its unit; `16rem` by default.
        min => "min" text;
        /// The largest number of columns.
        columns => "columns" count;
    }

    /// Elements above each other.
    Stack = stack() "selvedge-stack" {
        /// The elements are side by side.
        row => "row" flag;
        /// Where the elements are across the direction, as in `align-items`.
        align => "align" text;
        /// How far the elements are apart, with its unit.
        gap => "gap" text;
    }

    /// A control with its label. Its child is the control.
    Field = field(label => "label") "selvedge-field" {
        /// The unit of the value.
        unit => "unit" text;
        /// What a user should know.
        hint => "hint" text;
        /// A JavaScript expression of why the value cannot be used; an empty text if it can.
        error => "error" expression;
        /// A JavaScript expression of what is shown at the right of the label.
        value => "value" expression;
        /// Label and control are on one line.
        inline => "inline" flag;
    }

    /// A window in the page that has the focus until it is closed.
    Dialog = dialog(title => "title") "selvedge-dialog" {
        /// The state key that says whether it is shown.
        model => "v-model" model;
        /// The text of the button that closes it; "Close" by default.
        close => "close" text;
    }

    /// A short message that disappears by itself.
    Toast = toast() "selvedge-toast" {
        /// The state key with the message. It becomes empty when the message has been shown.
        model => "v-model" model;
        /// What it tells; information by default.
        level => "level" Level;
        /// How long it is shown, in seconds; 6 by default. 0: until a user dismisses it.
        seconds => "seconds" number;
        /// The text of a button, which emits `action`.
        action => "action" text;
    }

    /// Commands behind a button. Its children are items and `<hr>`.
    Menu = menu(label => "label") "selvedge-menu" {
        /// An icon before the label.
        icon => "icon" text;
        /// The button shows only its icon.
        compact => "compact" flag;
    }

    /// A command of a menu.
    Item = item() "selvedge-item" {
        /// An icon before the text.
        icon => "icon" text;
        /// The keys that do the same, as shown to the user.
        shortcut => "shortcut" text;
        /// A JavaScript expression of whether it is on, for commands that switch something.
        checked => "checked" expression;
    }

    /// What its child does, shown when a user points at it or moves the focus to it.
    Tooltip = tooltip(text => "text") "selvedge-tooltip" {}

    /// What is shown where there is no content.
    Empty = empty(title => "title") "selvedge-empty" {
        /// The icon above the title; `inbox` by default.
        icon => "icon" text;
    }

    /// What is shown until the content comes.
    Skeleton = skeleton() "selvedge-skeleton" {
        /// The number of lines; 3 by default.
        lines => "lines" count;
    }

    /// An icon of [Lucide](https://lucide.dev/icons), in the color and the size of the text around it.
    Icon = icon(name => "name") "selvedge-icon" {
        /// What it says, if there is no text beside it.
        label => "label" text;
    }
}
