//! Tests the layout elements of the page with mouse and keyboard, in Chromium.

use fantoccini::{
    Locator,
    actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction},
};
use selvedge::{Running, Server};
use serde_json::json;

use crate::{driver::Driver, support::start};

async fn show(template: &str) -> (Server, Running, Driver) {
    let server = Server::new("layout");
    server.state().set("open", false).set("said", "");
    server.template("main", template);
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('main') !== null").await;
    (server, running, driver)
}

async fn close((_, running, driver): (Server, Running, Driver)) {
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

async fn size(driver: &Driver, width: u32, height: u32) {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    driver.devtools("Emulation.setDeviceMetricsOverride", size).await;
}

/// Presses keys where the focus is. The driver would give keys for an element to some as a value.
async fn keys(driver: &Driver, keys: &str) {
    let press = |actions: KeyActions, value: char| {
        actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
    };
    let actions = keys.chars().fold(KeyActions::new("keys".to_owned()), press);
    driver.page.perform_actions(actions).await.unwrap();
}

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const RIGHT: &str = "\u{e014}";
const LEFT: &str = "\u{e012}";

#[tokio::test]
async fn items_that_do_not_fit_are_behind_a_button_and_not_in_the_way_of_the_keyboard() {
    let buttons: String = (1..=8).map(|n| format!("<button id=b{n}>Button {n}</button>")).collect();
    let shown = show(&format!(
        "<selvedge-app><selvedge-toolbar title=\"Tools\">{buttons}</selvedge-toolbar><main><button id=inside>Inside</button></main></selvedge-app>"
    ))
    .await;
    let (_, _, driver) = &shown;
    size(driver, 1400, 700).await;
    driver
        .js_until(
            "!document.querySelector('.sv-toolbar-more') && !document.querySelector('[inert]')",
        )
        .await;
    size(driver, 500, 700).await;
    driver.js_until("document.querySelectorAll('.sv-toolbar [inert]').length > 2").await;
    let last =
        "return document.querySelector('.sv-toolbar-items > :not([inert]):has(+ [inert])').id";
    let last = driver.js(last).await;
    driver.js(&format!("document.getElementById({last}).focus()")).await;
    keys(driver, TAB).await;
    assert_eq!(driver.js("return document.activeElement.textContent").await, "More");
    keys(driver, ENTER).await;
    driver.js_until("!document.querySelector('.sv-toolbar [inert]')").await;
    assert_eq!(
        driver.js("return document.activeElement.getAttribute('aria-expanded')").await,
        "true"
    );
    let b8 = driver.page.find(Locator::Id("b8")).await.unwrap();
    assert!(b8.is_displayed().await.unwrap());
    close(shown).await;
}

#[tokio::test]
async fn a_side_bar_is_resized_by_mouse_and_keyboard_and_remembers_it() {
    let template = "<selvedge-app><main>View</main><selvedge-sidebar label=\"Controls\" name=\"controls\">Here</selvedge-sidebar></selvedge-app>";
    let shown = show(template).await;
    let (_, _, driver) = &shown;
    size(driver, 1200, 700).await;
    let width = "Math.round(document.querySelector('.sv-sidebar').getBoundingClientRect().width)";
    driver.js_until(&format!("{width} === 321")).await;
    let mouse = MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveTo { duration: None, x: 879.0, y: 300.0 })
        .then(PointerAction::Down { button: 0 })
        .then(PointerAction::MoveTo { duration: None, x: 779.0, y: 320.0 })
        .then(PointerAction::Up { button: 0 });
    driver.page.perform_actions(mouse).await.unwrap();
    driver.js_until(&format!("{width} === 421")).await;
    driver.js("document.querySelector('[role=separator]').focus()").await;
    keys(driver, RIGHT).await;
    driver.js_until(&format!("{width} === 405")).await;
    keys(driver, &LEFT.repeat(2)).await;
    driver.js_until(&format!("{width} === 437")).await;
    driver.page.refresh().await.unwrap();
    driver.js_until(&format!("document.querySelector('.sv-sidebar') && {width} === 437")).await;
    driver.js("document.querySelector('[role=separator]').focus()").await;
    keys(driver, ENTER).await;
    driver
        .js_until(
            "getComputedStyle(document.querySelector('.sv-sidebar > aside')).display === 'none'",
        )
        .await;
    keys(driver, ENTER).await;
    driver.js_until(&format!("{width} === 437")).await;
    close(shown).await;
}

#[tokio::test]
async fn a_dialog_keeps_the_focus_until_it_is_closed_and_the_state_follows() {
    let template = "<main><button id=ask @click='open = true'>Ask</button>
        <selvedge-dialog v-model='open' title='Sure?'><input id=name aria-label=Name>
        <template #actions='{ close }'><button id=yes @click=\"said = 'yes'; close()\">Yes</button></template></selvedge-dialog></main>";
    let shown = show(template).await;
    let (server, _, driver) = &shown;
    driver.js("document.getElementById('ask').focus()").await;
    keys(driver, ENTER).await;
    driver.js_until("document.activeElement.id === 'name'").await;
    assert!(server.state().get::<bool>("open").unwrap());
    for _ in 0..3 {
        keys(driver, TAB).await;
        assert_ne!(driver.js("return document.activeElement.id").await, "ask");
    }
    driver.js("document.getElementById('name').focus()").await;
    keys(driver, ESCAPE).await;
    driver.js_until("document.activeElement.id === 'ask' && !trame.state.get('open')").await;
    server.state().set("open", true).flush();
    driver.js_until("document.querySelector('dialog[open] #yes') !== null").await;
    driver.js("document.getElementById('yes').focus()").await;
    keys(driver, ENTER).await;
    driver
        .js_until("!document.querySelector('dialog').open && trame.state.get('said') === 'yes'")
        .await;
    close(shown).await;
}

#[tokio::test]
async fn menus_and_tooltips_stay_inside_the_window_and_are_closed_by_escape() {
    let template = "<selvedge-app><main style='display: flex; justify-content: end'>
        <selvedge-menu label='File'><selvedge-item @click=\"said = 'saved'\">Save a copy of the document</selvedge-item></selvedge-menu>
        <selvedge-tooltip text='Removes all that is older than a year'><button id=clean>Clean</button></selvedge-tooltip></main></selvedge-app>";
    let shown = show(template).await;
    let (_, _, driver) = &shown;
    let inside = |of: &str| {
        format!(
            "(() => {{ const box = document.querySelector('{of}')?.getBoundingClientRect();
            return box && box.width > 50 && box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight }})()"
        )
    };
    driver.js("document.querySelector('.sv-menu-button').focus()").await;
    keys(driver, ENTER).await;
    driver.js_until(&inside(".sv-menu")).await;
    keys(driver, ESCAPE).await;
    driver.js_until("!document.querySelector('.sv-menu') && document.activeElement.matches('.sv-menu-button')").await;
    keys(driver, TAB).await;
    driver.js_until(&inside(".sv-tooltip:not([hidden])")).await;
    let described = "return document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent";
    assert_eq!(driver.js(described).await, "Removes all that is older than a year");
    keys(driver, ESCAPE).await;
    driver.js_until("document.querySelector('.sv-tooltip').hidden").await;
    close(shown).await;
}

/// Each control of the gallery: how to find it, the key to press in it, and what then holds.
const CONTROLS: [(&str, &str, &str); 13] = [
    (".sv-number input", UP, "speed === 310"),
    ("[aria-valuetext='1.5e-3 m']", UP, "tolerance === 0.0016"),
    ("[aria-valuetext='40 %']", RIGHT, "position === 41"),
    ("[aria-valuetext='440 Hz']", RIGHT, "frequency > 440 && frequency < 500"),
    (".sv-range input:first-child", RIGHT, "window_of[0] === 2.6 && window_of[1] === 7.5"),
    (".sv-knob", UP, "gain === -5.5"),
    (".sv-switch input", " ", "ready === false"),
    (".sv-choice :checked", RIGHT, "mode === 'hold'"),
    (".sv-select input", "wo\u{e007}", "material === 'Wood'"),
    (".sv-color input[type=text]", "#abc\u{e007}", "accent === '#aabbcc'"),
    (".sv-colormap :checked", DOWN, "colormap === 'magma'"),
    (".sv-vector input", UP, "place[0] === 13"),
    ("[data-cell='1,2']", "5\u{e007}", "stiffness[1][2] === 5"),
];

const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";

#[tokio::test]
async fn every_control_is_reached_and_worked_by_keyboard_alone() {
    let server = gallery::app().unwrap();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js("location.hash = '/controls'").await;
    driver.js_until("document.querySelector('.sv-matrix') !== null").await;
    driver
        .js("document.querySelector('main').tabIndex = -1; document.querySelector('main').focus()")
        .await;
    let mut left: Vec<_> = CONTROLS.to_vec();
    for _ in 0..60 {
        keys(&driver, TAB).await;
        let mut at = None;
        for (index, (selector, ..)) in left.iter().enumerate() {
            let is_here =
                format!("return document.activeElement === document.querySelector(`{selector}`)");
            if driver.js(&is_here).await == true {
                at = Some(index);
                break;
            }
        }
        let Some(index) = at else { continue };
        let (_, pressed, holds) = left.remove(index);
        // What is typed replaces the text.
        if driver.js("return document.activeElement.type === 'text'").await == true {
            driver.js("document.activeElement.select()").await;
        }
        keys(&driver, pressed).await;
        let expected =
            format!("((state) => {{ with (state) {{ return {holds} }} }})(trame.state.get())");
        driver.js_until(&expected).await;
        if left.is_empty() {
            break;
        }
    }
    assert_eq!(left, [], "these were not reached");
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
