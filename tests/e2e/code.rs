//! Tests the editor of code and the choice of files with a real keyboard, in Chromium.

use fantoccini::{
    Locator,
    actions::{InputSource, KeyAction, KeyActions},
};
use selvedge::{Ctx, Running, Server};
use serde_json::json;

use crate::{driver::Driver, support::start};

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const CONTROL: char = '\u{e009}';
const ESCAPE: char = '\u{e00c}';
const HOME: char = '\u{e011}';
const DOWN: char = '\u{e015}';

const EDITOR: &str = "document.querySelector('.cm-content')";

const COLORED: &str = "[...document.querySelectorAll('.cm-line span')]
    .some((span) => getComputedStyle(span).color !== getComputedStyle(document.querySelector('.cm-content')).color)";

struct Page {
    server: Server,
    running: Running,
    driver: Driver,
}

impl Page {
    async fn open(template: &str) -> Self {
        let server = Server::new("code");
        server
            .state()
            .set("text", "{\n    \"speed\": 300\n}\n")
            .set("problems", json!([]))
            .set("saved", "");
        server.trigger("save", |cx: Ctx, text: String| cx.set("saved", text));
        server.template("main", template);
        let running = start(&server).await;
        let driver = Driver::chromium().await;
        driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
        Page { server, running, driver }
    }

    /// Presses keys one after another where the focus is; with control, if `held`.
    async fn press(&self, keys: &[char], held: bool) {
        let mut actions = KeyActions::new("keys".to_owned());
        if held {
            actions = actions.then(KeyAction::Down { value: CONTROL });
        }
        for &value in keys {
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        if held {
            actions = actions.then(KeyAction::Up { value: CONTROL });
        }
        self.driver.page.perform_actions(actions).await.unwrap();
    }

    async fn holds(&self, key: &str, value: &str) {
        let value = serde_json::to_string(value).unwrap();
        self.driver.js_until(&format!("trame.state.get('{key}') === {value}")).await;
    }

    async fn close(self) {
        self.driver.page.clone().close().await.unwrap();
        self.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_text_is_typed_saved_and_left_by_keyboard() {
    let page = Page::open(
        "<main><selvedge-code v-model='text' language='json' aria-label='Settings' @save=\"trigger('save', [$event])\"></selvedge-code>
         <button id=next>Next</button></main>",
    )
    .await;
    let driver = &page.driver;
    driver.js_until(&format!("{EDITOR}?.getAttribute('aria-label') === 'Settings'")).await;
    // The colors of the language come after the text.
    driver.js_until(COLORED).await;
    driver.page.find(Locator::Css(".cm-content")).await.unwrap().click().await.unwrap();
    page.press(&[HOME], true).await;
    page.press(&[DOWN, HOME], false).await;
    page.press(&['/', '/', ' '], false).await;
    page.holds("text", "{\n    // \"speed\": 300\n}\n").await;
    page.press(&['s'], true).await;
    page.holds("saved", "{\n    // \"speed\": 300\n}\n").await;
    page.press(&['z'], true).await;
    page.holds("text", "{\n    \"speed\": 300\n}\n").await;
    // Tab indents; after Escape it leads on.
    page.press(&[ESCAPE, TAB], false).await;
    driver.js_until("document.activeElement.id === 'next'").await;
    page.close().await;
}

#[tokio::test]
async fn another_text_comes_in_without_moving_the_cursor_and_problems_are_marked() {
    let page = Page::open(
        "<main><selvedge-code v-model='text' :problems='problems' aria-label='Settings'></selvedge-code></main>",
    )
    .await;
    let (driver, state) = (&page.driver, page.server.state());
    driver.js_until(EDITOR).await;
    driver.page.find(Locator::Css(".cm-content")).await.unwrap().click().await.unwrap();
    page.press(&[HOME], true).await;
    page.press(&[DOWN, HOME], false).await;
    state.set("text", "{\n    \"name\": 1,\n    \"speed\": 300\n}\n").flush();
    driver.js_until(&format!("{EDITOR}.textContent.includes('name')")).await;
    page.press(&['x'], false).await;
    // Both lines begin alike, so the cursor is where the new line is, or behind it.
    driver
        .js_until(&format!(
            "[...{EDITOR}.children].some((line) => line.textContent.startsWith('    x'))"
        ))
        .await;
    let shown =
        format!("return [...{EDITOR}.children].map((line) => line.textContent).join('\\n')");
    let shown = driver.js(&shown).await;
    page.holds("text", shown.as_str().unwrap()).await;

    state
        .set(
            "problems",
            json!([{"line": 2, "message": "no such setting"}, {"line": 99, "message": "beyond"}]),
        )
        .flush();
    driver.js_until("document.querySelectorAll('.cm-lint-marker-error').length === 1").await;
    driver.js_until(&format!("{EDITOR}.children[1].querySelector('.cm-lintRange-error')")).await;
    page.close().await;
}

#[tokio::test]
async fn a_file_is_chosen_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("runs")).unwrap();
    std::fs::write(folder.path().join("runs/17.csv"), "1,2").unwrap();
    std::fs::write(folder.path().join("runs/notes.txt"), "").unwrap();
    let page = Page::open(
        "<main><selvedge-field label='Input'><selvedge-file v-model='saved' from='data' accept='.csv'></selvedge-file></selvedge-field></main>",
    )
    .await;
    page.server.share_folder("data", folder.path()).unwrap();
    let driver = &page.driver;
    driver.js_until("document.querySelector('.sv-file button')").await;
    driver.js("document.querySelector('.sv-file input').focus()").await;
    page.press(&[TAB, ENTER], false).await;
    driver.js_until("document.activeElement.textContent.startsWith('runs')").await;
    page.press(&[ENTER], false).await;
    driver.js_until("document.activeElement.textContent.startsWith('17.csv')").await;
    let names = "return [...document.querySelectorAll('.sv-file-list .sv-item-text')].map((one) => one.textContent)";
    assert_eq!(driver.js(names).await, json!(["17.csv"]));
    page.press(&['\u{e003}'], false).await;
    driver.js_until("document.activeElement.textContent.startsWith('runs')").await;
    page.press(&[ENTER], false).await;
    driver.js_until("document.activeElement.textContent.startsWith('17.csv')").await;
    page.press(&[ENTER], false).await;
    page.holds("saved", "runs/17.csv").await;
    driver.js_until("!document.querySelector('dialog[open]')").await;
    page.close().await;
}
