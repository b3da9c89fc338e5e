//! Tests tables with mouse and keyboard, in Chromium: their rows are in the server.

use fantoccini::{
    Locator,
    actions::{InputSource, KeyAction, KeyActions},
};
use selvedge::{
    Failure, Server,
    tables::{Column, Query, Rows, TableSource},
};
use serde_json::{Value, json};

use crate::{driver::Driver, support::start};

/// Rows that are computed when they are read.
struct Numbers(u64);

impl TableSource for Numbers {
    fn columns(&self) -> Vec<Column> {
        vec![Column::new("n").numeric().unsortable(), Column::new("square").unsortable()]
    }

    fn count(&self, _: &Query) -> Result<u64, Failure> {
        Ok(self.0)
    }

    fn read(&self, _: &Query, rows: std::ops::Range<u64>) -> Result<Vec<Vec<Value>>, Failure> {
        Ok(rows
            .map(|n| vec![json!(n), json!((u128::from(n) * u128::from(n)).to_string())])
            .collect())
    }
}

async fn show(server: &Server, template: &str) -> (selvedge::Running, Driver) {
    server.template("main", template);
    let running = start(server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('[role=gridcell]') !== null").await;
    (running, driver)
}

/// Presses keys together.
async fn chord(driver: &Driver, keys: &[char]) {
    let mut actions = KeyActions::new("keys".to_owned());
    for &value in keys {
        actions = actions.then(KeyAction::Down { value });
    }
    for &value in keys.iter().rev() {
        actions = actions.then(KeyAction::Up { value });
    }
    driver.page.perform_actions(actions).await.unwrap();
}

const ENTER: char = '\u{e007}';
const SHIFT: char = '\u{e008}';
const CONTROL: char = '\u{e009}';
const PAGE_UP: char = '\u{e00e}';
const END: char = '\u{e010}';
const HOME: char = '\u{e011}';
const DOWN: char = '\u{e015}';

/// The text of the cell with the focus.
const FOCUSED: &str =
    "document.activeElement.matches('[role=gridcell]') && document.activeElement.textContent";

#[tokio::test]
async fn a_hundred_million_rows_are_scrolled_to_the_end_by_keyboard_and_scroll_bar() {
    let server = Server::new("numbers");
    server.table("numbers", Numbers(100_000_000));
    let (running, driver) = show(
        &server,
        "<main style='height: 300px'><selvedge-table source='numbers' label='Numbers'></selvedge-table></main>",
    )
    .await;
    driver.js("document.querySelector('[role=gridcell]').focus()").await;
    chord(&driver, &[CONTROL, END]).await;
    driver.js_until(&format!("{FOCUSED} === '9999999800000001'")).await;
    chord(&driver, &[HOME]).await;
    driver.js_until(&format!("{FOCUSED} === '99999999'")).await;
    let index = "document.activeElement.parentElement.getAttribute('aria-rowindex')";
    assert_eq!(driver.js(&format!("return {index}")).await, "100000001");
    chord(&driver, &[PAGE_UP]).await;
    driver.js_until(&format!("Number({FOCUSED}) < 99999999 && Number({FOCUSED}) > 99999980")).await;
    driver.js("document.querySelector('[role=grid]').scrollTop = 4e6").await;
    let shown = "[...document.querySelectorAll('[aria-rowindex] > [role=gridcell]:first-child')].map((cell) => Number(cell.textContent))";
    driver.js_until(&format!("{shown}.every((n) => n > 49e6 && n < 51e6)")).await;
    // A turn of the wheel moves by rows, not by the million rows of a pixel.
    let before = driver.js_until(&format!("{shown}.length > 5 && {shown}[0]")).await;
    driver
        .js("document.querySelector('[role=grid]').dispatchEvent(new WheelEvent('wheel', { deltaY: 3, deltaMode: 1, cancelable: true }))")
        .await;
    driver.js_until(&format!("{shown}[0] === {before} + 3")).await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn rows_are_sorted_filtered_changed_and_copied() {
    let server = Server::new("runs");
    let rows =
        Rows::new([Column::new("name").title("Run"), Column::new("speed").numeric().editable()]);
    for (name, speed) in [("beta", 30), ("alpha", 20), ("gamma", 10)] {
        rows.push([json!(name), json!(speed)]);
    }
    let table = server.table("runs", rows.clone());
    server.state().set("opened", "").set("chosen", json!(null));
    let (running, driver) = show(
        &server,
        "<main style='height: 300px'><selvedge-table source='runs' @open='opened = $event[0]'
            @select='chosen = [$event.first, $event.last]'></selvedge-table></main>",
    )
    .await;
    let texts = |expected: &str| {
        format!(
            "[...document.querySelectorAll('[role=gridcell]:first-child')].map((cell) => cell.textContent).join() === '{expected}'"
        )
    };
    driver.js_until(&texts("beta,alpha,gamma")).await;
    let heading = "document.querySelectorAll('[role=columnheader] button')[0]";
    driver.js(&format!("{heading}.click()")).await;
    driver.js_until(&texts("alpha,beta,gamma")).await;
    driver.js_until("document.querySelector('[aria-sort=ascending]') !== null").await;

    // A value is changed where it is shown, and a wrong one is explained.
    driver.js("document.querySelector('[role=gridcell]').focus()").await;
    chord(&driver, &[END]).await;
    driver.js_until(&format!("{FOCUSED} === '20'")).await;
    chord(&driver, &[ENTER]).await;
    driver.js_until("document.activeElement.matches('.sv-table-edit')").await;
    for key in ['2', '5', ENTER] {
        chord(&driver, &[key]).await;
    }
    driver.js_until(&format!("{FOCUSED} === '25'")).await;
    assert_eq!(rows.get(1).unwrap(), [json!("alpha"), json!(25)]);
    chord(&driver, &[ENTER]).await;
    driver.js_until("document.activeElement.matches('.sv-table-edit')").await;
    for key in ['x', ENTER] {
        chord(&driver, &[key]).await;
    }
    driver.js_until("document.querySelector('.sv-table [role=status]').textContent === 'This is not a number.'").await;

    // Rows are selected, copied and opened.
    driver
        .js("window.written = ''; Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => (window.written = text) } })")
        .await;
    chord(&driver, &[HOME]).await;
    chord(&driver, &[SHIFT, DOWN]).await;
    driver.js_until("JSON.stringify(trame.state.get('chosen')) === '[0,1]'").await;
    chord(&driver, &[CONTROL, 'c']).await;
    driver.js_until("window.written === 'alpha\\t25\\nbeta\\t30'").await;
    chord(&driver, &[ENTER]).await;
    driver.js_until("trame.state.get('opened') === 'beta'").await;

    // What a user searches for is found, also among new rows.
    let filter = driver.page.find(Locator::Css("input[type=search]")).await.unwrap();
    filter.send_keys("MM").await.unwrap();
    driver.js_until(&texts("gamma")).await;
    rows.push([json!("summer"), json!(1)]);
    table.changed();
    server.state().flush();
    driver.js_until(&texts("gamma,summer")).await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
