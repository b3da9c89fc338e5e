//! A board on which groups draw and write together: the pattern for a program with rooms and users.
//!
//! - [`rooms`]: each group has a board of its own, by name.
//! - `members`: who is there, with colours and pointers; who was invited, and as what.
//! - `content`: ink and notes.
#![forbid(unsafe_code)]

mod content;
mod members;

use std::time::Duration;

use selvedge::{
    Module, Result, Server,
    rooms::{Room, Rooms, Scope},
};

/// How long a board without people is kept.
const IDLE: Duration = Duration::from_secs(3600);

/// The colours of ink, notes and people, for light and dark pages.
const COLORS: [&str; 7] =
    ["#3b82f6", "#ef4444", "#10b981", "#f59e0b", "#8b5cf6", "#ec4899", "#64748b"];

/// Returns the program: a board for each name in an address.
pub fn rooms() -> Rooms {
    Rooms::new(board).scope(Scope::Named).idle(IDLE)
}

/// Makes the board of a group.
///
/// # Errors
/// If its files cannot be read.
pub fn board(room: &Room) -> Result<Server> {
    let server = Server::new("board");
    let title = match room.name() {
        "" => "Board".to_owned(),
        name => format!("Board {name}"),
    };
    server.state().set("trame__title", &title).set("title", title).set("colors", COLORS);
    add_controls(&server)?;
    members::add(&server);
    content::add(&server);
    server.enable_module(Module {
        name: "board".into(),
        serve: [("board".into(), selvedge::assets!("src/page", ["board.js", "board.css"]))].into(),
        scripts: vec!["board/board.js".into()],
        styles: vec!["board/board.css".into()],
        ..Module::default()
    })?;
    server.template("main", selvedge::template!("src/page/board.html"));
    Ok(server)
}

/// Declares what each page has for itself.
fn add_controls(server: &Server) -> Result<()> {
    let state = server.state();
    state
        .set("me", "")
        .set("nickname", "")
        .set("tool", "draw")
        .set("color", COLORS[0])
        .set("inviting", false)
        .set("guest", "")
        .set("guest_is_viewer", false)
        .set("invitation", "")
        .set("clearing", false);
    state.client_only(&[
        "me",
        "nickname",
        "tool",
        "color",
        "inviting",
        "guest",
        "guest_is_viewer",
        "invitation",
        "clearing",
    ])
}

#[cfg(test)]
mod tests;
