//! Files and dialogs: uploads and downloads of any size while the state keeps changing, pictures as
//! bytes, and questions to users. Runs in a window, or with `--server` for browsers.
//!
//! ```text
//! cargo run -p files
//! cargo run -p files -- --server
//! ```
#![forbid(unsafe_code)]

use std::{
    hash::{DefaultHasher, Hasher},
    process::ExitCode,
    time::Duration,
};

use selvedge::{
    Ctx, Failure, Server,
    files::{Download, Saved, Upload},
    get_server,
    values::Attachment,
    window::{MessageAnswer, MessageButtons, MessageRequest, OpenRequest, WindowOptions},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, repeat};

/// Maximum size of a picture, in bytes.
const LARGEST_PICTURE: usize = 20_000_000;

const MEGABYTE: u64 = 1_000_000;

/// Interval of the beat, which shows that transfers delay nothing.
const TICK: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    selvedge_desktop::run(app())
}

fn app() -> Server {
    let server = get_server("files");
    server
        .state()
        .set("trame__title", "Files")
        .set("ticks", 0)
        .set("received", json!([]))
        .set("megabytes", 200)
        .set("saved", None::<f64>)
        .set("picture", ())
        .set("said", "");
    server.template("main", include_str!("page.html"));
    server.set_window(WindowOptions::new().size(860.0, 760.0).min_size(420.0, 400.0));
    server.every(TICK, |cx: Ctx| cx.state().update("ticks", |ticks: &mut u64| *ticks += 1));
    server.on_upload("inspect", inspect);
    server.trigger("save", save);
    add_dialogs(&server);
    server
}

/// Reads a file in pieces, without keeping it.
async fn inspect(cx: Ctx, mut file: Upload) -> Result<u64, Failure> {
    if file.name().ends_with(".part") {
        return Err(Failure::msg(format!("{} is not complete", file.name())));
    }
    let mut checksum = DefaultHasher::new();
    while let Some(piece) = file.chunk().await? {
        checksum.write(&piece);
    }
    let checksum = format!("{:016x}", checksum.finish());
    let line = json!({
        "name": file.relative_path().to_string_lossy(), "size": file.size(), "checksum": checksum
    });
    cx.state().update("received", |received: &mut Vec<Value>| received.push(line.clone()))?;
    Ok(file.size())
}

/// Sends a file that is generated while it is sent.
async fn save(cx: Ctx, megabytes: u64) -> Result<(), Failure> {
    let size = megabytes.clamp(1, 100_000) * MEGABYTE;
    let state = cx.state().clone();
    let file = Download::from_reader("made.bin", repeat(b'.').take(size)).size(size);
    let file = file.on_progress(move |progress| {
        state.set("saved", progress.fraction());
    });
    let outcome = cx.send_file(file).await;
    cx.state().set("saved", None::<f64>);
    let said = match outcome? {
        Saved::To(path) => format!("Saved {}", path.display()),
        Saved::Downloaded => "Saved as a download".to_owned(),
        Saved::Cancelled => "Not saved".to_owned(),
    };
    cx.state().set("said", said);
    Ok(())
}

fn add_dialogs(server: &Server) {
    server.trigger("open_picture", async |cx: Ctx| -> Result<(), Failure> {
        let pictures = OpenRequest::new()
            .title("Choose a picture")
            .filter("Pictures", &["png", "jpg", "jpeg", "webp", "gif"]);
        let Some(mut file) = cx.open_file(pictures).await? else {
            cx.state().set("said", "No picture");
            return Ok(());
        };
        let content: Attachment = file.content(LARGEST_PICTURE).await?.into();
        cx.server.stream("picture", &content)?;
        cx.state().set("picture", content).set("said", format!("Picture {}", file.name()));
        Ok(())
    });
    server.trigger("open_files", async |cx: Ctx, folder: bool| -> Result<(), Failure> {
        let chosen = match folder {
            true => cx.open_folder(OpenRequest::new()).await?,
            false => cx.open_files(OpenRequest::new()).await?,
        };
        let Some(mut files) = chosen else {
            cx.state().set("said", "No files");
            return Ok(());
        };
        while let Some(file) = files.next().await? {
            inspect(cx.clone(), file).await?;
        }
        cx.state().set("said", "All files read");
        Ok(())
    });
    server.trigger("tell", async |cx: Ctx| -> Result<(), Failure> {
        cx.show_message(MessageRequest::info("It is open.").title("Valve")).await?;
        cx.state().set("said", "Told");
        Ok(())
    });
    server.trigger("ask", async |cx: Ctx| -> Result<(), Failure> {
        let question = MessageRequest::warning("Forget all files?\nThis cannot be undone.")
            .title("Forget")
            .buttons(MessageButtons::YesNo);
        let answer = cx.show_message(question).await?;
        if answer == MessageAnswer::Yes {
            cx.state().set("received", json!([]));
        }
        cx.state().set("said", format!("Answered {answer:?}"));
        Ok(())
    });
}
