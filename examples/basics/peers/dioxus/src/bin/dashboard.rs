use std::time::Duration;

use dioxus::prelude::*;

const SHOWN: usize = 400;
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 300.0;

const STYLE: &str = "
    body { margin: 0; font-family: system-ui; }
    header { display: flex; justify-content: space-between; align-items: center; padding: 0 1rem; border-bottom: 1px solid #ccc; }
    main { display: flex; gap: 1rem; padding: 1rem; }
    svg { flex: 1; }
    aside { display: flex; flex-direction: column; gap: 0.5rem; width: 14rem; }
";

fn main() {
    dioxus::launch(app);
}

fn pressure(time: f64) -> f64 {
    3.0 + time.sin() + 0.3 * (7.3 * time).sin()
}

fn app() -> Element {
    let mut running = use_signal(|| true);
    let mut limit = use_signal(|| 4.0_f64);
    let mut alarm = use_signal(|| false);
    let mut history = use_signal(Vec::<(f64, f64)>::new);
    use_future(move || async move {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if !running() {
                continue;
            }
            let time = history.read().last().map_or(0.0, |(time, _)| time + 0.05);
            let bar = pressure(time);
            let mut points = history.write();
            points.push((time, bar));
            let surplus = points.len().saturating_sub(SHOWN);
            points.drain(..surplus);
            alarm.set(bar > limit());
        }
    });
    rsx! {
        style { {STYLE} }
        header {
            h1 { "Pressure" }
            span { if alarm() { "Too high" } else { "Normal" } }
        }
        main {
            Plot { points: history() }
            aside {
                label {
                    input { r#type: "checkbox", checked: running(), onchange: move |event| running.set(event.checked()) }
                    "Running"
                }
                label {
                    "Limit, bar "
                    input {
                        r#type: "number",
                        step: "0.1",
                        value: "{limit}",
                        oninput: move |event| {
                            if let Ok(value) = event.value().parse() {
                                limit.set(value);
                            }
                        },
                    }
                }
                button { onclick: move |_| history.write().clear(), "Clear" }
            }
        }
    }
}

#[component]
fn Plot(points: Vec<(f64, f64)>) -> Element {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (left, right) = range(&mut points.iter().map(|(x, _)| *x));
    let (low, high) = range(&mut points.iter().map(|(_, y)| *y));
    let line: Vec<String> = points
        .iter()
        .map(|(x, y)| {
            let x = (x - left) / (right - left).max(1e-9) * WIDTH;
            let y = HEIGHT - (y - low) / (high - low).max(1e-9) * HEIGHT;
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let line = line.join(" ");
    rsx! {
        svg { view_box: "-60 -20 {WIDTH + 80.0} {HEIGHT + 70.0}",
            polyline { points: line, fill: "none", stroke: "steelblue" }
            text { x: "-10", y: "{HEIGHT}", text_anchor: "end", "{low:.1}" }
            text { x: "-10", y: "10", text_anchor: "end", "{high:.1}" }
            text { x: "0", y: "{HEIGHT + 20.0}", "{left:.1}" }
            text { x: "{WIDTH}", y: "{HEIGHT + 20.0}", text_anchor: "end", "{right:.1}" }
            text { x: "{WIDTH / 2.0}", y: "{HEIGHT + 40.0}", text_anchor: "middle", "Time, s" }
            text { x: "0", y: "-5", "Pressure, bar" }
        }
    }
}
