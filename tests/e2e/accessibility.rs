//! Checks the page of the example with axe, which tests the rules of WCAG.

use std::{fs, path::Path};

use selvedge::Server;
use serde_json::{Value, json};

use crate::{
    driver::Driver,
    packages::manifests,
    program::{Program, web},
    support::start,
};

/// Checks that the page has no serious accessibility violations; `dark`: whether the page has to be
/// dark.
async fn nothing_serious_is_found(driver: Driver, dark: bool) {
    let program = Program::start(&web(), &["--server", "--port", "0"]).await;
    let link = program.traces.sign_in_link().await;
    driver.page.goto(&link).await.unwrap();
    driver.drawn().await;
    let seen = driver.js("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(seen, dark);
    serious_findings_are_none(&driver, &[]).await;
    driver.page.clone().close().await.unwrap();
}

/// Checks that the current screen has no serious violations.
pub async fn nothing_serious_is_in(driver: &Driver) {
    serious_findings_are_none(driver, &[]).await;
}

/// Checks the current screen, except for the elements that `elsewhere` selects.
async fn serious_findings_are_none(driver: &Driver, elsewhere: &[&str]) {
    let serious = serious_findings(driver, elsewhere).await;
    assert!(serious.is_empty(), "{serious:#?}");
}

async fn serious_findings(driver: &Driver, elsewhere: &[&str]) -> Vec<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let axe = here.join("../../ui/node_modules/axe-core/axe.min.js");
    let axe = fs::read_to_string(axe).expect("run `npm ci` in ui");
    driver.js(&axe).await;
    let run = "const [exclude, done] = arguments;
        axe.run({include: [['html']], exclude: exclude.map((selector) => [selector])}).then(
            ({ violations, passes }) => done({ passed: passes.length, found: violations.map(({ id, impact, nodes }) =>
                ({ id, impact, nodes: nodes.map(({ html, failureSummary }) => html + failureSummary) })) }),
            (error) => done({ passed: 0, found: [String(error)] }));";
    let outcome = driver.page.execute_async(run, vec![json!(elsewhere)]).await.unwrap();
    assert!(outcome["passed"].as_u64().unwrap() > 8, "{outcome:#}");
    let is_serious =
        |finding: &&Value| !matches!(finding["impact"].as_str(), Some("minor" | "moderate"));
    let found = outcome["found"].as_array().unwrap();
    println!("{} rules hold, {} do not: {found:#?}", outcome["passed"], found.len());
    found.iter().filter(is_serious).cloned().collect()
}

#[tokio::test]
async fn the_light_page_has_no_serious_accessibility_fault() {
    nothing_serious_is_found(Driver::chromium().await, false).await;
}

#[tokio::test]
async fn the_dark_page_has_no_serious_accessibility_fault() {
    nothing_serious_is_found(Driver::chromium_with(&["--force-dark-mode"]).await, true).await;
}

/// Checks the page's own notices: that it starts, that it was refused, that its connection is lost,
/// that a call failed, and that a template cannot be shown.
async fn its_own_words_are_for_everybody(driver: Driver) {
    let server = Server::new("states");
    server.state().set("trame__title", "States");
    server.template(
        "main",
        "<main><h1>States</h1><button @click=\"trigger('fail')\">Fail</button></main>",
    );
    server.trigger("fail", |_: selvedge::Ctx| {
        Err::<(), _>(selvedge::Failure::msg("The pump is off."))
    });
    let running = start(&server).await;
    driver.page.goto(running.url()).await.unwrap();
    driver.js_until("document.body.textContent.includes('Not signed in')").await;
    serious_findings_are_none(&driver, &[]).await;

    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('button') !== null").await;
    let animates = "document.querySelector('button').click(); return 1";
    driver.js(animates).await;
    driver.js_until("document.querySelector('#shell [role=alert]') !== null").await;
    still(&driver).await;
    serious_findings_are_none(&driver, &[]).await;
    focus_is_seen_and_moves_by_keyboard(&driver).await;

    server.template("main", "<main><h1>States</h1><p>{{ broken( }}</p></main>");
    driver.js_until("document.querySelector('.sv-template-error') !== null").await;
    still(&driver).await;
    serious_findings_are_none(&driver, &[]).await;

    server.template("main", "<main><h1>States</h1><p>Still here</p></main>");
    driver.js_until("document.body.textContent.includes('Still here')").await;
    running.stop().await.unwrap();
    driver.js_until("document.querySelector('#shell [role=status]') !== null").await;
    still(&driver).await;
    serious_findings_are_none(&driver, &[]).await;
    driver.page.clone().close().await.unwrap();
}

/// Waits until all transitions have ended.
async fn still(driver: &Driver) {
    driver
        .js_until(
            "document.getAnimations().every((animation) => animation.playState !== 'running')",
        )
        .await;
}

/// The Tab key reaches the button in the page's bar, which then has a focus ring.
async fn focus_is_seen_and_moves_by_keyboard(driver: &Driver) {
    let body = driver.page.find(fantoccini::Locator::Css("body")).await.unwrap();
    for _ in 0..4 {
        body.send_keys("\u{e004}").await.unwrap();
        let at = "document.activeElement.closest('#shell') && getComputedStyle(document.activeElement).outlineStyle";
        if driver.js(&format!("return {at}")).await == "solid" {
            return;
        }
    }
    panic!("the keyboard does not reach the bar");
}

#[tokio::test]
async fn the_light_page_names_its_controls_for_screen_readers() {
    its_own_words_are_for_everybody(Driver::chromium().await).await;
}

#[tokio::test]
async fn the_dark_page_names_its_controls_for_screen_readers() {
    let driver = Driver::chromium_with(&["--force-dark-mode"]).await;
    its_own_words_are_for_everybody(driver).await;
}

#[tokio::test]
async fn nothing_moves_for_users_who_prefer_reduced_motion() {
    let driver = Driver::chromium_with(&["--force-prefers-reduced-motion"]).await;
    let server = Server::new("motion");
    server.template("main", "<main><h1>Motion</h1></main>");
    server.trigger("slow", async |_: selvedge::Ctx| std::future::pending::<()>().await);
    let running = start(&server).await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('h1') !== null").await;
    driver.js("trame.trigger('slow')").await;
    driver.js_until("document.querySelector('.sv-busy') !== null").await;
    assert_eq!(driver.js("return document.getAnimations().length").await, 0);
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

/// Selects third-party widgets, whose violations are ignored. Vuetify: the label above a filled
/// field has a contrast of 3.97, that of a slider 4.29, and the slider's handle has no name.
const THEIRS: [&str; 2] = [".v-field-label", ".v-slider"];

#[tokio::test]
async fn foreign_widgets_leave_the_page_without_serious_accessibility_faults() {
    let server = trame_widgets::app(&manifests()[1..]).unwrap();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('#pressure .gtitle') !== null").await;
    serious_findings_are_none(&driver, &THEIRS).await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
