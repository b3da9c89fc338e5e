//! Tests the starter program in development, as a separate project: its page follows its files, and
//! its state survives restarts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    driver::Driver,
    program::{Program, close, signal, starter, until},
    support::free_port,
};

/// Copies the program to a folder for one test, because its state is kept beside it.
fn copied(folder: &Path) -> PathBuf {
    let copy = folder.join("starter");
    fs::hard_link(starter(), &copy).or_else(|_| fs::copy(starter(), &copy).map(drop)).unwrap();
    copy
}

/// Changes the text of a project file until this is dropped.
struct Edited {
    file: PathBuf,
    original: String,
}

impl Edited {
    fn new(file: &str, from: &str, to: &str) -> Self {
        let file = starter().parent().unwrap().parent().unwrap().join("starter/program").join(file);
        let original = fs::read_to_string(&file).unwrap();
        assert!(original.contains(from), "{original}");
        fs::write(&file, original.replace(from, to)).unwrap();
        Edited { file, original }
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        fs::write(&self.file, &self.original).unwrap();
    }
}

#[tokio::test]
async fn the_starter_shows_its_page_and_ends_with_its_window() {
    let folder = tempfile::tempdir().unwrap();
    let program = copied(folder.path());
    let driver = Driver::window_of(&program, &[], &[]).await;
    driver.element("more").await.click().await.unwrap();
    driver.js_until("document.getElementById('square').textContent === '4'").await;
    assert_eq!(driver.js("return document.title").await, "Starter");
    driver.js_until("document.querySelector('.sv-slider input')").await;
    let window = until("a window", async || driver.windows().await.pop()).await;
    close(&window);
    until("the exit code", async || driver.traces.number("code")).await;
    assert_eq!(driver.traces.number("code"), Some(0), "{}", driver.traces.log());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "it leaves nothing behind");
}

#[tokio::test]
async fn a_window_follows_its_files_and_comes_back_with_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let program = copied(folder.path());
    let driver = Driver::window_of(&program, &[], &["--dev"]).await;
    for square in [4, 9] {
        driver.element("more").await.click().await.unwrap();
        let shown = format!("document.getElementById('square').textContent === '{square}'");
        driver.js_until(&shown).await;
    }
    // A reload of the page would remove this.
    driver.js("window.same = true").await;
    let template = Edited::new("page/main.html", "One more", "And one more");
    driver.js_until("document.body.textContent.includes('And one more')").await;
    assert_eq!(driver.js("return window.same").await, true);
    driver.js_until("document.getElementById('square').textContent === '9'").await;
    // As `tauri dev` does after a change of the code.
    let kept = folder.path().join("starter.starter.kept");
    until("the state to be kept", async || {
        let kept = fs::read(&kept).unwrap_or_default();
        // Stored with the initial value of the set-up, which was 1: as MessagePack, a list of both.
        kept.windows(9).any(|window| window == b"square\x92\x01\x09").then_some(())
    })
    .await;
    signal(driver.program().await, "KILL");
    drop(driver);
    drop(template);

    let driver = Driver::window_of(&program, &[], &["--dev"]).await;
    driver.js_until("document.getElementById('square')?.textContent === '9'").await;
    driver.js_until("document.body.textContent.includes('One more')").await;
    let window = until("a window", async || driver.windows().await.pop()).await;
    close(&window);
    until("the exit code", async || driver.traces.number("code")).await;
    assert!(!kept.exists(), "who closes the window has finished with this state");
}

#[tokio::test]
async fn a_page_in_a_browser_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let program = copied(folder.path());
    let driver = Driver::chromium().await;
    let port = free_port().to_string();
    let mut first = Program::start(&program, &["--server", "--dev", "--port", &port]).await;
    let link = first.traces.sign_in_link().await;
    driver.page.goto(&link).await.unwrap();
    driver.element("more").await.click().await.unwrap();
    driver.js_until("document.getElementById('square').textContent === '4'").await;
    signal(first.pid(), "TERM");
    assert_eq!(first.exit().await.code(), Some(143));

    let second = Program::start(&program, &["--server", "--dev", "--port", &port]).await;
    second.joined(1).await;
    driver.element("more").await.click().await.unwrap();
    driver.js_until("document.getElementById('square').textContent === '9'").await;
    driver.page.refresh().await.unwrap();
    driver.js_until("document.getElementById('square')?.textContent === '9'").await;
}
