//! Tests a page that survives restarts of its server, lost connections and silent networks.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use fantoccini::Locator;
use serde_json::Value;

use crate::{
    driver::Driver,
    program::{Program, notebook, signal, until, window_app},
    proxy::{Fault, Proxy},
    support::{Client, free_port},
};

const RESTARTS: usize = 20;
const CUTS: usize = 100;

/// Adds lines all the time, and records the outcome of each.
const ADD_LINES: &str = "
    window.log = {made: 0, answered: [], failed: []};
    window.adding = setInterval(() => {
        const line = `line ${log.made++}`;
        trame.trigger('add', [line]).then(() => log.answered.push(line), () => log.failed.push(line));
    }, 40);";

/// The notebook behind a failing network, and its page in Chromium.
struct Notebook {
    program: Program,
    proxy: Proxy,
    driver: Driver,
    files: tempfile::TempDir,
    typed: String,
}

impl Notebook {
    async fn open() -> Self {
        let files = tempfile::tempdir().unwrap();
        // The port has to be the same after each restart, and the page has to use the proxy's port.
        let port = free_port();
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        let proxy = Proxy::start(move || server).await;
        let program = start(&files, port, proxy.address).await;
        let link = program.traces.sign_in_link().await;
        let link = link.replace(&server.to_string(), &proxy.address.to_string());
        let driver = Driver::chromium().await;
        driver.page.set_window_size(700, 500).await.unwrap();
        driver.page.goto(&link).await.unwrap();
        driver.element("draft").await.click().await.unwrap();
        Notebook { program, proxy, driver, files, typed: String::new() }
    }

    /// Types as a user does, in any state of the connection.
    async fn type_more(&mut self, text: &str) {
        let field = self.driver.page.find(Locator::Id("draft")).await.unwrap();
        field.send_keys(text).await.unwrap();
        self.typed += text;
    }

    async fn restart(&mut self, how: &str) {
        signal(self.program.pid(), how);
        self.program.exit().await;
        let port = self.program.port();
        self.type_more(if how == "KILL" { "k" } else { "t" }).await;
        self.program = start(&self.files, port, self.proxy.address).await;
        self.connected().await;
    }

    /// Injects a fault into the page's connection, and waits until the page has a new one.
    async fn fault(&mut self, fault: Fault) {
        let joined = self.joins();
        assert!(self.proxy.fail(fault) > 0, "there was a connection");
        self.type_more("c").await;
        if matches!(fault, Fault::Silence) {
            // The event of a plugged-in cable: the page checks at once.
            self.driver.js("window.dispatchEvent(new Event('online'))").await;
        }
        until("a new connection", async || {
            let is_back = self.joins() > joined;
            // Every other time the page is made to retry at once, else it waits for its own delay.
            if !is_back && joined.is_multiple_of(2) && !matches!(fault, Fault::Silence) {
                self.hurry().await;
            }
            is_back.then_some(())
        })
        .await;
        self.connected().await;
    }

    fn joins(&self) -> usize {
        joins(&self.program.traces.log())
    }

    async fn connected(&self) {
        until("the page to be back", async || {
            let phase = self.driver.js("return document.documentElement.dataset.connection").await;
            if phase == "ready" {
                return Some(());
            }
            self.hurry().await;
            None
        })
        .await;
    }

    /// Makes the page check the network at once, instead of waiting for the growing delay.
    async fn hurry(&self) {
        self.driver.js("window.dispatchEvent(new Event('online'))").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    fn saved(&self) -> Value {
        let text = std::fs::read(self.files.path().join("notes.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Checks that everything typed is present on both sides.
    async fn nothing_typed_is_lost(&self) {
        until("the draft to be saved", async || {
            (self.saved()["draft"] == *self.typed).then_some(())
        })
        .await;
        let shown = self.driver.js("return document.getElementById('draft').value").await;
        assert_eq!(shown, *self.typed);
    }
}

/// Returns how often pages have connected.
fn joins(log: &str) -> usize {
    log.matches("a client joined").count()
}

async fn start(files: &tempfile::TempDir, port: u16, proxy: SocketAddr) -> Program {
    let (port, host, origin) = (port.to_string(), proxy.to_string(), format!("http://{proxy}"));
    let args = ["--server", "--port", &port, "--allowed-host", &host, "--allowed-origin", &origin];
    let file = files.path().join("notes.json");
    Program::start_with(&notebook(), &args, |command| {
        command.env("NOTEBOOK", file);
    })
    .await
}

#[tokio::test]
async fn a_page_outlives_restarts_and_cuts_and_nothing_is_lost_or_doubled() {
    let mut notebook = Notebook::open().await;
    let begin = Instant::now();
    notebook.driver.js(ADD_LINES).await;
    for round in 0..RESTARTS {
        notebook.restart(["KILL", "TERM"][round % 2]).await;
        for cut in 0..CUTS / RESTARTS {
            notebook.type_more(&format!("{round}-{cut} ")).await;
            let fault = if cut % 2 == 0 { Fault::Cut } else { Fault::CutInside };
            // Detecting silence takes seconds.
            let silent = (round, cut) == (3, 1);
            notebook.fault(if silent { Fault::Silence } else { fault }).await;
        }
    }
    notebook.driver.js("clearInterval(adding)").await;
    println!("{RESTARTS} restarts and {CUTS} cuts took {:?}", begin.elapsed());

    notebook.nothing_typed_is_lost().await;
    notebook.driver.js_until("log.answered.length + log.failed.length === log.made").await;
    every_line_is_there_once_or_was_reported(&notebook).await;
}

async fn every_line_is_there_once_or_was_reported(notebook: &Notebook) {
    let log = notebook.driver.js("return log").await;
    let lines = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let (answered, failed) = (lines(&log["answered"]), lines(&log["failed"]));
    let mut saved = lines(&notebook.saved()["lines"]);
    println!("{} lines: {} answered, {} failed", log["made"], answered.len(), failed.len());
    assert!(
        answered.len() > 100 && !failed.is_empty(),
        "both have to happen for this to mean much"
    );
    let all = saved.len();
    saved.sort();
    saved.dedup();
    assert_eq!(saved.len(), all, "no line is there twice");
    let missing: Vec<_> =
        answered.iter().filter(|line| saved.binary_search(line).is_err()).collect();
    assert!(missing.is_empty(), "answered and not there: {missing:?}");
    assert!(saved.iter().all(|line| answered.contains(line) || failed.contains(line)));
}

#[tokio::test]
async fn scroll_focus_and_selection_stay_through_a_cut_and_a_restart() {
    let mut notebook = Notebook::open().await;
    notebook.type_more("One line\nand another").await;
    notebook
        .driver
        .js("for (let line = 0; line < 40; line += 1) trame.trigger('add', [`${line}`])")
        .await;
    notebook.driver.js_until("document.querySelectorAll('#lines li').length === 40").await;
    // Long enough to get a mark, with which it distinguishes a restart from a lost connection.
    notebook.driver.js("window.first = parseFloat(clock.textContent)").await;
    notebook.driver.js_until("parseFloat(clock.textContent) > first + 2.5").await;
    notebook.driver.js("draft.setSelectionRange(4, 8); scrollTo(0, 57)").await;
    let place = "[document.activeElement.id, draft.selectionStart, draft.selectionEnd, Math.round(scrollY)].join()";
    notebook.driver.js_until(&format!("{place} === 'draft,4,8,57'")).await;
    notebook.proxy.fail(Fault::Cut);
    notebook.driver.js_until("document.documentElement.dataset.connection === 'lost'").await;
    notebook.connected().await;
    signal(notebook.program.pid(), "KILL");
    notebook.program.exit().await;
    notebook.driver.js_until("document.documentElement.dataset.connection === 'lost'").await;
    let port = notebook.program.port();
    notebook.program = start(&notebook.files, port, notebook.proxy.address).await;
    notebook.connected().await;
    notebook.driver.js_until("document.body.textContent.includes('started anew')").await;
    notebook.driver.js_until(&format!("{place} === 'draft,4,8,57'")).await;
    notebook.nothing_typed_is_lost().await;
}

/// In a window a separate process has all connections. Here it is suspended, and resumed later.
#[tokio::test]
async fn a_window_keeps_everything_through_the_silence_of_its_connections() {
    let driver = Driver::window_of(&window_app(), &[], &[]).await;
    let field = driver.element("text").await;
    field.click().await.unwrap();
    let words = "some words ".repeat(30);
    field.send_keys(&words).await.unwrap();
    driver.js("text.setSelectionRange(4, 8); text.mark = 1").await;
    let network = driver.traces.process("WebKitNetwork");
    let joined = joins(&driver.traces.log());

    signal(network, "STOP");
    driver.js("window.dispatchEvent(new Event('online'))").await;
    driver.js_until("document.documentElement.dataset.connection === 'lost'").await;
    field.send_keys("typed over these").await.unwrap();
    signal(network, "CONT");
    until("a new connection", async || (joins(&driver.traces.log()) > joined).then_some(())).await;
    driver.js_until("document.documentElement.dataset.connection === 'ready'").await;

    let typed = words.replacen(&words[4..8], "typed over these", 1);
    let place = "[document.activeElement.id, text.selectionStart, text.selectionEnd, text.mark]";
    driver.js_until(&format!("{place}.join() === 'text,20,20,1'")).await;
    assert_eq!(driver.js("return text.value").await, *typed);
    let mut client = Client::connect_to(driver.traces.address().await).await;
    until("the text", async || (client.snapshot().await["text"] == *typed).then_some(())).await;
}

/// What a laptop finds after sleep: a connection that was not closed, and on which nothing arrives.
#[tokio::test]
async fn a_page_detects_a_silent_connection() {
    let mut notebook = Notebook::open().await;
    notebook.type_more("before ").await;
    notebook.nothing_typed_is_lost().await;
    // The page's clock stops for an hour, as on a sleeping machine, and continues.
    notebook
        .driver
        .js("const now = Date.now; window.sleep = () => { Date.now = () => now() + 3_600_000; }")
        .await;
    assert!(notebook.proxy.fail(Fault::Silence) > 0);
    notebook
        .driver
        .js("sleep(); window.unanswered = trame.trigger('add', ['in the dark']).catch(String)")
        .await;
    notebook.type_more("and after").await;
    notebook.driver.js_until("document.documentElement.dataset.connection !== 'ready'").await;
    let told = "const done = arguments[0]; window.unanswered.then(done)";
    let told = notebook.driver.page.execute_async(told, vec![]).await.unwrap();
    assert!(told.as_str().unwrap().contains("The connection was lost before"), "{told}");
    notebook.connected().await;
    notebook.nothing_typed_is_lost().await;
    assert_eq!(notebook.saved()["lines"], serde_json::json!([]), "it did not arrive");
}
