//! The notes: a text, whether it is saved, and the question before it is lost.

use std::time::Duration;

use selvedge::{
    Ctx, Error, Result, Server,
    window::{Closing, ConfirmClose},
};

pub(crate) const NAME: &str = "window-app";

pub(crate) fn set_up(server: &Server, time_to_close: Duration) {
    server.state().set("text", "").set("saved", "").set("unsaved", false);
    server.state().set("trame__title", "Notes");
    server.on_change(["text", "saved"], |cx: Ctx, text: String, saved: String| {
        let unsaved = text != saved;
        cx.state().set("unsaved", unsaved);
        cx.state().set("trame__title", if unsaved { "Notes (unsaved)" } else { "Notes" });
        // The item is enabled only if there is something to save. A browser has no menu, which is
        // not an error.
        let _ = cx.server.window().enable_item("save", unsaved);
    });
    server.trigger("new", |cx: Ctx| cx.set("text", ""));
    // A real program would write a file here.
    server.trigger("save", |cx: Ctx| -> Result<()> {
        let text: String = cx.state().get("text")?;
        cx.state().set("saved", text);
        Ok(())
    });
    server.trigger("may_close", move |cx: Ctx| async move {
        tokio::time::sleep(time_to_close).await;
        let unsaved: bool = cx.state().get("unsaved")?;
        Ok::<_, Error>(match unsaved {
            true => Closing::Ask("The notes have changed. Close without saving them?".into()),
            false => Closing::Allow,
        })
    });
}

/// Returns the question before the notes are lost.
pub(crate) fn question() -> ConfirmClose {
    ConfirmClose::new().trigger("may_close").buttons("Close Without Saving", "Keep Writing")
}
