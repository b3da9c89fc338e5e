//! Tests trame widget packages with their unmodified files in Chromium, in trame's page and in the
//! built-in page.

use std::{fs, path::PathBuf};

use selvedge::{Running, Server};
use serde_json::{Value, json};

use crate::{
    driver::Driver,
    packages::manifests,
    program::until,
    support::{options, start},
};

/// The widgets of the example in a browser.
struct Widgets {
    server: Server,
    running: Running,
    driver: Driver,
}

impl Widgets {
    async fn open(manifests: &[PathBuf]) -> Self {
        let server = trame_widgets::app(manifests).unwrap();
        let running = start(&server).await;
        let driver = Driver::chromium().await;
        driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
        Widgets { server, running, driver }
    }

    /// Waits until an element shows a text.
    async fn shows(&self, selector: &str, text: &str) {
        let script = format!(
            "(document.querySelector({}) || {{}}).textContent?.includes({}) === true",
            json!(selector),
            json!(text)
        );
        self.driver.js_until(&script).await;
    }

    /// Waits until the server has a value.
    async fn has(&self, key: &str, value: Value) {
        until(key, async || (self.value(key) == value).then_some(())).await;
    }

    fn value(&self, key: &str) -> Value {
        self.server.state().get(key).unwrap()
    }

    /// Returns the reports of pages, except for a font that the style sheet of the Markdown package
    /// loads from the internet.
    fn faults(&self) -> Vec<String> {
        let faults: Vec<String> = self.server.state().get("faults").unwrap();
        let is_own = |fault: &String| !fault.contains("__trame_markdown/style.css");
        faults.into_iter().filter(is_own).collect()
    }

    /// Replaces the text of the name field, as a user does.
    async fn type_name(&self, name: &str) {
        let field = self.driver.element("name").await;
        let replaced = format!("\u{e009}a\u{e000}{name}");
        field.send_keys(&replaced).await.unwrap();
    }

    async fn click(&self, id: &str) {
        self.driver.element(id).await.click().await.unwrap();
    }

    async fn stop(self) {
        self.driver.page.clone().close().await.unwrap();
        self.running.stop().await.unwrap();
    }
}

/// Checks that apply to both pages.
async fn the_widgets_work(widgets: &Widgets) {
    widgets.shows("#greeting", "Hello Ada").await;
    widgets.shows("#notes strong", "full speed").await;
    widgets.shows("#pressure .gtitle", "Pressure at 40").await;
    let drawn = "document.querySelector('.v-application #faster.v-btn') !== null && \
                 getComputedStyle(document.querySelector('.v-btn')).textTransform === 'uppercase'";
    widgets.driver.js_until(drawn).await;
    let look = widgets.driver.js("return document.documentElement.dataset.look ?? ''").await;
    assert_eq!(look, "", "the look of plain HTML is not that of a widget package");
    assert_eq!(widgets.driver.page.title().await.unwrap(), "Pump test");
    assert_eq!(widgets.faults(), Vec::<String>::new());

    state_goes_both_ways(widgets).await;
    calls_go_both_ways(widgets).await;
    a_file_is_uploaded(widgets).await;
    a_long_call_loses_nothing(widgets).await;
    an_error_reaches_the_server(widgets).await;
    a_reload_shows_the_same(widgets).await;
}

async fn state_goes_both_ways(widgets: &Widgets) {
    widgets.type_name("Grace").await;
    widgets.shows("#greeting", "Hello Grace").await;
    widgets.has("name", json!("Grace")).await;
    widgets.server.state().set("speed", 60);
    widgets.shows("#shown-speed", "60").await;
    widgets.shows("#pressure .gtitle", "Pressure at 60").await;
    widgets.server.state().set("notes", "Now *slower*");
    widgets.shows("#notes em", "slower").await;
    widgets.server.state().set("trame__title", "Another test");
    until("the title", async || {
        (widgets.driver.page.title().await.unwrap() == "Another test").then_some(())
    })
    .await;
}

async fn calls_go_both_ways(widgets: &Widgets) {
    widgets.click("faster").await;
    widgets.shows("#shown-speed", "65").await;
    widgets.shows("#answered", "65").await;
    assert_eq!(widgets.value("answered"), Value::Null, "it is the page's");
    widgets.click("focus").await;
    widgets.driver.js_until("document.activeElement?.id === 'name'").await;
}

async fn a_file_is_uploaded(widgets: &Widgets) {
    let path = widgets.driver.traces.path().join("data.bin");
    // Larger than a frame, so that it arrives in chunks.
    fs::write(&path, vec![1u8; 5_000_000]).unwrap();
    let field = widgets.driver.element("file").await;
    field.send_keys(path.to_str().unwrap()).await.unwrap();
    widgets.shows("#received", "data.bin: 5000000 bytes, sum 5000000").await;
}

async fn a_long_call_loses_nothing(widgets: &Widgets) {
    widgets.click("measure").await;
    widgets.driver.js_until("document.getElementById('busy') !== null").await;
    widgets.server.state().set("speed", 70);
    widgets.shows("#shown-speed", "70").await;
    widgets.shows("#greeting", "Hello Measured").await;
    widgets.driver.js_until("document.getElementById('busy') === null").await;
}

async fn an_error_reaches_the_server(widgets: &Widgets) {
    widgets.click("read").await;
    widgets.shows("#faults", "reading 'value'").await;
    let faults = widgets.faults();
    assert_eq!(faults.len(), 1, "nothing else went wrong: {faults:?}");
}

async fn a_reload_shows_the_same(widgets: &Widgets) {
    widgets.type_name("Edsger").await;
    widgets.shows("#greeting", "Hello Edsger").await;
    widgets.driver.page.refresh().await.unwrap();
    widgets.shows("#greeting", "Hello Edsger").await;
    widgets.shows("#shown-speed", "70").await;
    widgets.type_name("Barbara").await;
    widgets.has("name", json!("Barbara")).await;
    until("the page before to leave", async || (widgets.server.client_count() == 1).then_some(()))
        .await;
}

#[tokio::test]
async fn trames_own_page_shows_the_widgets() {
    let widgets = Widgets::open(manifests()).await;
    the_widgets_work(&widgets).await;
    let own =
        widgets.driver.js("return document.documentElement.dataset.connection ?? 'trame'").await;
    assert_eq!(own, "trame");
    widgets.stop().await;
}

#[tokio::test]
async fn the_built_in_page_shows_the_widgets() {
    let (_, packages) = manifests().split_first().unwrap();
    let widgets = Widgets::open(packages).await;
    the_widgets_work(&widgets).await;
    let own =
        widgets.driver.js("return document.documentElement.dataset.connection ?? 'trame'").await;
    assert_eq!(own, "ready");
    let script = r#"<trame-script module script="window.ran = import.meta.url"></trame-script>"#;
    widgets.server.template("main", script);
    widgets.driver.js_until("window.ran?.startsWith('blob:')").await;
    widgets.stop().await;
}

#[tokio::test]
async fn trames_own_page_gets_nothing_without_a_sign_in() {
    let widgets = Widgets::open(manifests()).await;
    widgets.shows("#greeting", "Hello Ada").await;
    let stranger = Driver::chromium().await;
    stranger.page.goto(widgets.running.url()).await.unwrap();
    // That page has no better message for it.
    stranger.js_until("document.getElementById('app').textContent.includes('connect()')").await;
    assert_eq!(widgets.server.client_count(), 1);
    widgets.stop().await;
}

#[tokio::test]
async fn the_built_in_page_comes_back_with_what_it_missed() {
    let (_, packages) = manifests().split_first().unwrap();
    let Widgets { server, running, driver } = Widgets::open(packages).await;
    let port = running.port();
    driver.js_until("document.querySelector('.v-application #name') !== null").await;
    driver
        .js("window.sent = []; const { send } = WebSocket.prototype;
             WebSocket.prototype.send = function (bytes) {
                 window.sent.push(new TextDecoder().decode(bytes));
                 return send.call(this, bytes);
             };
             document.getElementById('name').focus()")
        .await;
    server.state().set("speed", 41);
    driver.js_until("window.sent.some((message) => message.includes('selvedge.mark'))").await;
    running.stop().await.unwrap();
    server.state().set("speed", 42);
    driver.js("trame.state.set('name', 'Typed offline'); window.sent = []").await;
    let running = server.spawn(options().port(port)).await.unwrap();
    let widgets = Widgets { server, running, driver };
    widgets.shows("#shown-speed", "42").await;
    widgets.shows("#greeting", "Hello Typed offline").await;
    let sent = widgets.driver.js("return window.sent.join()").await;
    let sent = sent.as_str().unwrap();
    assert!(sent.contains("selvedge.resume") && !sent.contains("trame.state.get"));
    let focused = widgets.driver.js("return document.activeElement.id").await;
    assert_eq!(focused, "name");
    widgets.stop().await;
}
