//! Tests the kept state: what is kept, who may read it, and what a file cannot do.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use selvedge::{Ctx, Failure, Running, Server, StartOptions, values::Attachment};
use serde_json::json;

use crate::support::{Client, SignedIn, TIMEOUT, free_port, options, request_with};

/// Returns a program, as set up at each start.
fn program() -> Server {
    let server = Server::new("keeping");
    server
        .state()
        .set("count", 0)
        .set("doubled", 0)
        .set("text", "")
        .set("progress", 0.0)
        .set("picture", Attachment::default())
        .transient(&["progress"]);
    server.on_change("count", |cx: Ctx, count: i64| {
        cx.state().set("doubled", count * 2);
    });
    server.template("main", "first");
    server
}

fn keeping(file: &Path) -> StartOptions {
    options().keep_state(file)
}

/// Waits until the file contains a text.
async fn written(file: &Path, text: &str) {
    let begin = Instant::now();
    let holds = || {
        let bytes = fs::read(file).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    while !holds() {
        assert!(begin.elapsed() < TIMEOUT, "`{text}` was never written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Returns a file that a first program has written.
async fn left(folder: &Path) -> PathBuf {
    let file = folder.join("state");
    let server = program();
    let running = server.spawn(keeping(&file)).await.unwrap();
    let mut client = Client::connect(&running).await;
    client.set(json!({"count": 21, "text": "typed"})).await.unwrap();
    server
        .state()
        .set("progress", 0.7)
        .set("later", 1)
        .set("picture", Attachment::from(vec![0, 255]));
    running.stop().await.unwrap();
    file
}

#[tokio::test]
async fn a_program_continues_with_the_state_of_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = left(folder.path()).await;
    let server = program();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    server.on_change("count", move |_: Ctx, count: i64| hearing.lock().unwrap().push(count));
    server.template("main", "second");
    let running = server.spawn(keeping(&file)).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [21], "listeners see the value once, as if it had been set");
    let mut client = Client::connect(&running).await;
    let state = client.snapshot().await;
    assert_eq!((&state["count"], &state["doubled"]), (&json!(21), &json!(42)));
    assert_eq!(state["text"], "typed");
    assert_eq!(server.state().get::<Attachment>("picture").unwrap().0[..], [0, 255]);
    assert_eq!(state["progress"], 0.0, "it is transient");
    assert_eq!(state["trame__template_main"], "second", "the code says what pages show");
    assert!(!server.state().has("later"), "the program does not know it yet");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_code_wins_where_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = left(folder.path()).await;
    let server = program();
    server.state().set("count", 0.5);
    server.state().validate("text", |text: String| match text.len() {
        0..3 => Ok(()),
        _ => Err(Failure::msg("too long")),
    });
    let running = server.spawn(keeping(&file)).await.unwrap();
    assert_eq!(server.state().get::<f64>("count").unwrap(), 0.5);
    assert_eq!(server.state().get::<String>("text").unwrap(), "");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_file_follows_the_state_of_a_program_that_may_be_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let server = program();
    let running = server.spawn(keeping(&file)).await.unwrap();
    for text in ["one", "two", "three"] {
        server.state().set("text", text);
        written(&file, text).await;
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the file was replaced");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_damaged_state_file_does_not_prevent_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(left(folder.path()).await).unwrap();
    let rubbish = [&b""[..], b"{}", &[0xc1; 100], &[0xdd, 0xff, 0xff, 0xff, 0xff], &[0x80]];
    let cut = (1..good.len()).step_by(7).map(|length| &good[..length]);
    for contents in rubbish.into_iter().chain(cut) {
        let file = folder.path().join("state");
        fs::write(&file, contents).unwrap();
        let server = program();
        let running = server.spawn(keeping(&file)).await.unwrap();
        assert_eq!(server.state().get::<i64>("count").unwrap(), 0);
        server.state().set("text", "again");
        written(&file, "again").await;
        running.stop().await.unwrap();
    }
    let nowhere = folder.path().join("no/such/folder/state");
    let running = program().spawn(keeping(&nowhere)).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn values_that_are_too_large_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let server = program();
    let running = server.spawn(keeping(&file)).await.unwrap();
    server.state().set("picture", Attachment::from(vec![1; 1024 * 1024])).set("text", "small");
    written(&file, "small").await;
    assert!(fs::metadata(&file).unwrap().len() < 1000);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_start_in_one_program_keeps_the_state_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = left(folder.path()).await;
    let server = program();
    server.spawn(keeping(&file)).await.unwrap().stop().await.unwrap();
    server.state().set("count", 3);
    let running = server.spawn(keeping(&file)).await.unwrap();
    assert_eq!(server.state().get::<i64>("count").unwrap(), 3);
    running.stop().await.unwrap();
    let next = program();
    let running = next.spawn(keeping(&file)).await.unwrap();
    assert_eq!(next.state().get::<i64>("count").unwrap(), 3);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_stays_signed_in_in_development_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let options = || StartOptions::new().keep_state(&file);
    let is_signed_in = async |running: &Running, page: &SignedIn| {
        let headers = [("Cookie", page.cookie())];
        let answer = request_with(running, "POST", "/paraview/", &headers, &page.body()).await;
        answer.text().contains("secret")
    };
    for development in [true, false] {
        let port = free_port();
        let first = options().port(port).development(development);
        let running = program().spawn(first).await.unwrap();
        let page = SignedIn::at(&running, &[]).await;
        assert!(is_signed_in(&running, &page).await);
        running.stop().await.unwrap();
        let again = options().port(port).development(development);
        let running = program().spawn(again).await.unwrap();
        assert_eq!(is_signed_in(&running, &page).await, development);
        running.stop().await.unwrap();
    }
    // Without `development` the file contains only the state.
    assert!(fs::metadata(&file).unwrap().len() < 100);
}
