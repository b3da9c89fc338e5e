//! Measures how smoothly a plot of ten million points is zoomed and panned: `cargo xtask bench --page` prints it. The
//! points are in the server; the page asks for what it shows.

use selvedge::Server;
use serde_json::Value;

use crate::{driver::Driver, support::start};

const POINTS: u32 = 10_000_000;

/// Zooms and pans with each frame for five seconds. Returns frames and answered questions per second, and the longest
/// time between two frames and for an answer, in ms.
const MOVE: &str = "
    const done = arguments[0];
    const chart = document.querySelector('.sv-plot-chart');
    const over = document.querySelector('.u-over');
    const { left, top, width, height } = over.getBoundingClientRect();
    const answers = [];
    const call = trame.call;
    trame.call = async (...all) => {
        const asked = performance.now();
        try { return await call(...all); } finally { answers.push(performance.now() - asked); }
    };
    const times = [];
    const first = performance.now();
    function frame(time) {
        times.push(time);
        if (time - first > 5000) {
            trame.call = call;
            const longest = Math.max(...times.slice(1).map((time, at) => time - times[at]));
            const seconds = (times.at(-1) - times[0]) / 1000;
            done([(times.length - 1) / seconds, answers.length / seconds, longest, Math.max(...answers)]);
            return;
        }
        const phase = times.length % 120;
        if (phase < 60) {
            const place = { clientX: left + width * 0.3, clientY: top + height / 2 };
            over.dispatchEvent(new WheelEvent('wheel', { ...place, deltaY: phase < 30 ? -60 : 60, bubbles: true, cancelable: true }));
        } else {
            chart.dispatchEvent(new KeyboardEvent('keydown', { key: phase < 90 ? 'ArrowRight' : 'ArrowLeft', shiftKey: true, bubbles: true }));
        }
        requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);";

#[tokio::test]
#[ignore = "it measures: cargo xtask bench --page"]
async fn ten_million_points_are_zoomed_and_panned() {
    let server = Server::new("plots");
    let plot = server.plot("signal", ["voltage"]);
    let x: Vec<_> = (0..POINTS).map(|at| f64::from(at) / 1e5).collect();
    let y: Vec<_> = x.iter().map(|x| x.sin() + 0.3 * (9e4 * x).sin()).collect();
    plot.extend(&x, [&y]).unwrap();
    server.template(
        "main",
        "<main style='height: 500px'><selvedge-plot source='signal' x-label='Time'></selvedge-plot></main>",
    );
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('.u-over')").await;
    let figures = driver.page.execute_async(MOVE, vec![]).await.unwrap();
    let names = ["frames/s", "answers/s", "longest frame, ms", "longest answer, ms"];
    println!("plot of {POINTS} points, zoomed and panned in each frame");
    for (name, figure) in names.iter().zip(figures.as_array().unwrap()) {
        println!("{name:<26} {:>10.1}", figure.as_f64().unwrap_or(f64::NAN));
    }
    assert_ne!(figures[1], Value::from(0), "the page asks for what it shows");
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
