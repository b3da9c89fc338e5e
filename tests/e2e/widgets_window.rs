//! Tests trame widget packages in the desktop window, in trame's page and in the built-in page.

use std::{env, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    driver::Driver,
    packages::manifests,
    program::{until, widgets_desktop},
    support::Client,
};

/// The widgets in a window.
struct Window {
    driver: Driver,
}

impl Window {
    async fn open(manifests: &[PathBuf]) -> Self {
        let modules = env::join_paths(manifests).unwrap();
        let driver = Driver::window_of(&widgets_desktop(), &[("MODULES", &modules)], &[]).await;
        Window { driver }
    }

    /// Connects to read the server's state. The client is not kept, because it answers no pings
    /// while the test is busy elsewhere.
    async fn client(&self) -> Client {
        Client::connect_to(self.driver.traces.address().await).await
    }

    async fn shows(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        let script =
            format!("document.querySelector({selector})?.textContent.includes({text}) === true");
        self.driver.js_until(&script).await;
    }

    async fn has(&self, key: &str, value: Value) {
        let mut client = self.client().await;
        until(key, async || (client.snapshot().await[key] == value).then_some(())).await;
    }

    async fn click(&self, id: &str) {
        self.driver.element(id).await.click().await.unwrap();
    }
}

/// Checks that apply to both pages.
async fn the_widgets_work(window: &Window) {
    // Each package has rendered something.
    window.shows("#greeting", "Hello Ada").await;
    window.shows("#notes strong", "full speed").await;
    window.shows("#pressure .gtitle", "Pressure at 40").await;
    window.driver.js_until("document.querySelector('.v-application #faster.v-btn') !== null").await;

    let field = window.driver.element("name").await;
    field.send_keys(" Lovelace").await.unwrap();
    window.shows("#greeting", "Hello Ada Lovelace").await;
    window.has("name", json!("Ada Lovelace")).await;

    window.click("faster").await;
    window.shows("#shown-speed", "45").await;
    window.shows("#answered", "45").await;
    window.shows("#pressure .gtitle", "Pressure at 45").await;
    window.has("speed", json!(45)).await;

    window.client().await.set(json!({"speed": 60, "notes": "Now *slower*"})).await.unwrap();
    window.shows("#shown-speed", "60").await;
    window.shows("#notes em", "slower").await;
    window.click("focus").await;
    window.driver.js_until("document.activeElement?.id === 'name'").await;
    let title = window.driver.page.title().await.unwrap();
    assert_eq!(title, "Pump test");
    let faults = &window.client().await.snapshot().await["faults"];
    assert_eq!(own_faults(faults), Vec::<&str>::new());
}

/// Returns the reports of pages, except for a font that the style sheet of the Markdown package
/// loads from the internet.
fn own_faults(faults: &Value) -> Vec<&str> {
    let faults = faults.as_array().unwrap().iter().filter_map(Value::as_str);
    faults.filter(|fault| !fault.contains("__trame_markdown/style.css")).collect()
}

#[tokio::test]
async fn trames_own_page_works_in_the_window() {
    let window = Window::open(manifests()).await;
    the_widgets_work(&window).await;
    let own = window.driver.js("return document.documentElement.dataset.connection ?? 'trame'");
    assert_eq!(own.await, "trame");
}

#[tokio::test]
async fn the_built_in_page_works_in_the_window_with_widgets() {
    let window = Window::open(&manifests()[1..]).await;
    the_widgets_work(&window).await;
    let own = window.driver.js("return document.documentElement.dataset.connection ?? 'trame'");
    assert_eq!(own.await, "ready");
}
