//! What is on the board: ink and notes.
//!
//! Ink only grows, so it is a series: a page gets each piece once. The text of a note is a key of its
//! own, so that people can type in different notes, and no letters are lost.

use std::collections::{BTreeMap, HashSet};

use selvedge::{Ctx, Failure, Lifecycle, Server, state::Key};
use serde::{Deserialize, Serialize};

use crate::COLORS;

/// The board in its own units.
const SIZE: [f64; 2] = [1600.0, 900.0];

/// Pieces of ink after which the oldest go.
const MAX_INK: usize = 8000;

/// Maximum number of points of a piece.
const MAX_POINTS: usize = 500;

const MAX_NOTES: usize = 100;

/// Maximum length of the text of a note in bytes.
const MAX_TEXT: usize = 2000;

const INK: Key<Vec<Ink>> = Key::new("ink");
const NOTES: Key<Vec<Note>> = Key::new("notes");

/// The id of the newest note. None is used again.
const LAST_NOTE: Key<u64> = Key::new("last_note");

/// The texts of all notes, which are kept with the board.
const TEXTS: Key<BTreeMap<u64, String>> = Key::new("texts");

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ink {
    color: String,
    points: Vec<[f64; 2]>,
}

/// A note. Its text is in the key of [`text_key`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: u64,
    x: f64,
    y: f64,
    color: String,
}

fn text_key(id: u64) -> String {
    format!("note_{id}")
}

pub(crate) fn add(server: &Server) {
    let state = server.state();
    state.set(NOTES, Vec::new()).set(TEXTS, BTreeMap::new()).set(LAST_NOTE, 0_u64);
    state.read_only(&[NOTES.as_ref(), TEXTS.as_ref(), LAST_NOTE.as_ref()]);
    add_ink(server);
    add_notes(server);
    // The notes of the last time.
    server.on(Lifecycle::ServerReady, |cx: Ctx| -> Result<(), Failure> {
        for (id, text) in cx.state().get(TEXTS)? {
            follow_text(&cx.server, id, text);
        }
        Ok(())
    });
}

fn add_ink(server: &Server) {
    let ink = server.state().series(INK).keep(MAX_INK);
    server.trigger("draw", move |_: Ctx, color: String, points: Vec<[f64; 2]>| {
        let points = points.into_iter().take(MAX_POINTS).map(inside).collect();
        ink.push(Ink { color: known(&color), points })
    });
    server.trigger("clear", |cx: Ctx| cx.set(INK, Vec::new()));
}

fn add_notes(server: &Server) {
    server.trigger("add_note", |cx: Ctx, x: f64, y: f64, color: String| -> Result<u64, Failure> {
        let [x, y] = inside([x, y]);
        let mut id = 0;
        cx.state().update(LAST_NOTE, |last| {
            *last += 1;
            id = *last;
        })?;
        cx.state().update(NOTES, |notes| {
            notes.push(Note { id, x, y, color: known(&color) });
            notes.drain(..notes.len().saturating_sub(MAX_NOTES));
        })?;
        forget_texts(&cx)?;
        follow_text(&cx.server, id, String::new());
        Ok(id)
    });
    server.trigger("move_note", |cx: Ctx, id: u64, x: f64, y: f64| {
        let [x, y] = inside([x, y]);
        cx.state().update(NOTES, |notes| {
            for note in notes.iter_mut().filter(|note| note.id == id) {
                (note.x, note.y) = (x, y);
            }
        })
    });
    server.trigger("remove_note", |cx: Ctx, id: u64| -> selvedge::Result<()> {
        cx.state().update(NOTES, |notes| notes.retain(|note| note.id != id))?;
        forget_texts(&cx)
    });
}

/// Forgets the texts of notes that are gone.
fn forget_texts(cx: &Ctx) -> selvedge::Result<()> {
    let notes: HashSet<u64> = cx.state().get(NOTES)?.iter().map(|note| note.id).collect();
    for id in cx.state().get(TEXTS)?.into_keys().filter(|id| !notes.contains(id)) {
        cx.set(&*text_key(id), "");
    }
    cx.state().update(TEXTS, |texts| texts.retain(|id, _| notes.contains(id)))
}

/// Declares the text of a note, and keeps what is typed.
fn follow_text(server: &Server, id: u64, text: String) {
    let key = text_key(id);
    server.state().set(key.as_str(), text).validate(&key, |text: String| {
        match text.len() <= MAX_TEXT {
            true => Ok(()),
            false => Err(Failure::msg("This note is full. Begin another one.")),
        }
    });
    server.on_change(&*key, move |cx: Ctx, text: String| {
        if cx.state().get(NOTES)?.iter().any(|note| note.id == id) {
            cx.state().update(TEXTS, |texts| drop(texts.insert(id, text.clone())))?;
        }
        Ok::<_, selvedge::Error>(())
    });
}

fn inside([x, y]: [f64; 2]) -> [f64; 2] {
    [x.clamp(0.0, SIZE[0]), y.clamp(0.0, SIZE[1])]
}

/// Returns a colour of the board.
fn known(color: &str) -> String {
    COLORS.iter().find(|known| **known == color).unwrap_or(&COLORS[0]).to_string()
}
