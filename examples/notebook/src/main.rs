//! Notes that outlive the program: the pattern for an application whose users must not lose what
//! they wrote when the program, the network or the page fails.
//!
//! - Edits of a page pass a check (`State::validate`), which writes them to disk. The page gets the
//!   acknowledgement only after that, and until then sends the edit again, if necessary to the
//!   restarted program.
//! - A trigger adds a line and answers when the line is on disk. A page whose connection is lost
//!   before the answer cannot know whether the line was added; it says so and does not repeat the
//!   call.
//!
//! ```text
//! NOTEBOOK=notes.json cargo run -p notebook
//! ```
#![forbid(unsafe_code)]

mod notebook;

use std::{env, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use notebook::Notebook;
use selvedge::{Ctx, Error, Failure, Result, Server, StartOptions, get_server};

/// Interval of the page's clock: changes that are independent of what users write.
const TICK: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let options = StartOptions::from_args();
    let file = env::var_os("NOTEBOOK").map_or_else(|| "notebook.json".into(), PathBuf::from);
    selvedge::exit_code(app(file).and_then(|server| server.run(options)))
}

fn app(file: PathBuf) -> Result<Server> {
    let server = get_server("notebook");
    let read = Notebook::open(file);
    let notebook = Arc::new(read.map_err(|cause| Error::Io { doing: "reading the notes", cause })?);
    let content = notebook.content();
    let state = server.state();
    state.set("trame__title", "Notebook");
    state.set("draft", content.draft).set("lines", content.lines);
    state.set("tenths", 0).set("unconfirmed", 0);
    state.client_only(&["unconfirmed"])?;
    state.read_only(&["lines", "tenths"]);
    let drafts = notebook.clone();
    state.validate("draft", move |draft: String| Ok::<_, Failure>(drafts.set_draft(draft)?));
    server.trigger("add", move |cx: Ctx, line: String| -> Result<(), Failure> {
        cx.state().set("lines", notebook.add(line)?);
        Ok(())
    });
    server.every(TICK, |cx: Ctx| cx.state().update("tenths", |tenths: &mut u64| *tenths += 1));
    server.template("main", include_str!("page.html"));
    Ok(server)
}
