//! Tests plots with mouse and keyboard, in Chromium: their points are in the server.

use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use selvedge::{Server, plots::Plot};

use crate::{driver::Driver, support::start};

/// Number of points, at x from 0 to 100.
const POINTS: usize = 500_000;

fn app() -> (Server, Plot) {
    let server = Server::new("plots");
    let plot = server.plot("signal", ["wave", "peak"]);
    let x: Vec<f64> = (0..POINTS).map(|at| at as f64 * 100.0 / POINTS as f64).collect();
    let wave: Vec<f64> = x.iter().map(|x| x.sin()).collect();
    let peak: Vec<f64> = (0..POINTS).map(|at| if at == 333_333 { 9.0 } else { 0.0 }).collect();
    plot.extend(&x, [&wave, &peak]).unwrap();
    server.template(
        "main",
        "<main style='height: 300px'><selvedge-plot source='signal' x-label='Time'></selvedge-plot></main>",
    );
    (server, plot)
}

/// Presses a key in the plot.
async fn press(driver: &Driver, key: char) {
    driver.js("document.querySelector('.sv-plot-chart').focus()").await;
    let actions = KeyActions::new("keys".to_owned())
        .then(KeyAction::Down { value: key })
        .then(KeyAction::Up { value: key });
    driver.page.perform_actions(actions).await.unwrap();
}

const RIGHT: char = '\u{e014}';

/// Drags in the plot from one place to another, both from 0 to 1 of its width.
async fn drag(driver: &Driver, from: f64, to: f64) {
    let area = driver
        .js("const { left, top, width, height } = document.querySelector('.u-over').getBoundingClientRect();
             return [left, top + height / 2, width]")
        .await;
    let at = |index: usize| area[index].as_f64().unwrap();
    let (y, place) = (at(1).round(), |part: f64| (at(0) + part * at(2)).round());
    let mouse = MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveTo { duration: None, x: place(from), y })
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
        .then(PointerAction::MoveTo { duration: None, x: place((from + to) / 2.0), y })
        .then(PointerAction::MoveTo { duration: None, x: place(to), y })
        .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })
        // Away from the plot, so that the pointer chooses no point.
        .then(PointerAction::MoveTo { duration: None, x: 1.0, y: 1.0 });
    driver.page.perform_actions(mouse).await.unwrap();
}

/// The point that the cursor is at, as a screen reader says it: its x and values.
const POINTED: &str = "(() => {
    const text = document.querySelector('.sv-plot [role=status]').textContent;
    return /^Time ([^:]*): wave (.*), peak (.*)$/.exec(text)?.slice(1).map(Number);
})()";

#[tokio::test]
async fn a_plot_of_the_server_is_zoomed_and_panned_and_keeps_its_peaks() {
    let (server, plot) = app();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('.u-over canvas, .u-wrap canvas') !== null").await;
    let label = "document.querySelector('.sv-plot-chart').getAttribute('aria-label')";
    driver.js_until(&format!("{label}.includes('Latest values')")).await;

    // A part by dragging: its first point is where the drag began.
    drag(&driver, 0.25, 0.5).await;
    press(&driver, RIGHT).await;
    let first = driver.js_until(&format!("{POINTED}?.[0] > 24 && {POINTED}")).await;
    assert!((first[0].as_f64().unwrap() - 25.0).abs() < 0.5, "{first}");
    // The points there are closer than those of the whole plot, of which each pixel has two.
    press(&driver, RIGHT).await;
    let close = format!("{POINTED}?.[0] > {0} && {POINTED}?.[0] - {0} < 0.05", first[0]);
    driver.js_until(&close).await;

    // All of it again, and the peak, which is one of half a million points, is there.
    press(&driver, '0').await;
    let csv = "(() => {
        const save = URL.createObjectURL;
        URL.createObjectURL = (file) => { file.text().then((text) => (window.csv = text)); return save(file) };
        document.querySelector('.sv-plot-menu button').click();
    })()";
    driver.js(csv).await;
    driver.js_until("document.querySelectorAll('[role=menuitem]').length === 3").await;
    driver.js("document.querySelectorAll('[role=menuitem]')[2].click()").await;
    let lines = driver.js_until("window.csv?.split('\\r\\n')").await;
    let lines: Vec<_> =
        lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(lines[0], "Time,wave,peak");
    assert!((100..20_000).contains(&lines.len()), "{} lines", lines.len());
    assert!(lines.iter().any(|line| line.ends_with(",9")), "the peak is lost");

    // New points appear by themselves.
    plot.push(200.0, [0.5, 0.25]).unwrap();
    server.state().flush();
    driver.js_until(&format!("{label}.endsWith('0.5, peak 0.25 at 200.')")).await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
