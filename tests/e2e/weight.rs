//! Measures the cost of the built-in page compared with trame's page: `cargo xtask bench --page`
//! prints it.
//!
//! Both pages show the same application and template and take turns in one browser. Each turn has a
//! separate server, so its origin is new to the browser and nothing is cached. The ratios are the
//! result; the times depend on the machine.
//!
//! On the slow machine the processor takes four times as long, behind a line of 10 Mbit/s with 40 ms
//! for an answer. With updates, the server changes 1,000 keys 100 times a second, of which the page
//! shows 50.
//!
//! "First content" is the application in the built-in page, and a spinner in trame's: what the
//! built-in page shows before that fades in after a fifth of a second, and a browser does not count
//! what fades in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use selvedge::{Module, Server};
use serde_json::{Value, json};
use tokio::time::interval;

use crate::{driver::Driver, packages::manifests, support::start};

const TURNS: usize = 11;

/// How many times longer a slow machine takes.
const SLOWER: u32 = 4;

/// Keys that the server changes in each update, and how many of them the page shows.
const KEYS: usize = 1000;
const SHOWN: usize = 50;

/// Number of updates that are measured, a hundredth of a second apart.
const UPDATES: u32 = 500;

/// Returns the time at which the page first shows the state.
const PLAIN: &str = r#"<main :ref="() => (window.shown ??= window.performance.now())"><h1>Hello {{ name }}</h1>
    <input v-model="name" aria-label="Name"><p v-for="number in numbers" :key="number">Line {{ number }}</p></main>"#;
const VUETIFY: &str = r#"<v-app><v-main><v-container :ref="() => (window.shown ??= window.performance.now())"><h1>Hello {{ name }}</h1>
    <v-text-field v-model="name" label="Name"></v-text-field><v-btn v-for="number in numbers" :key="number">{{ number }}</v-btn>
    </v-container></v-main></v-app>"#;

const FIGURES: &str = "(() => {
    const paint = (name) => performance.getEntriesByName(name)[0]?.startTime;
    if (!window.shown || !paint('first-contentful-paint')) return null;
    const loads = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const sum = (part) => loads.reduce((sum, load) => sum + load[part], 0);
    return {
        'requests': loads.length, 'bytes sent': sum('transferSize'), 'bytes unpacked': sum('decodedBodySize'),
        'first paint, ms': paint('first-paint'), 'first content, ms': paint('first-contentful-paint'), 'state shown, ms': window.shown,
        paths: loads.map((load) => new URL(load.name).pathname),
    };
})()";

#[tokio::test]
#[ignore = "it measures: cargo xtask bench --page"]
async fn the_page_beside_trames_page() {
    let driver = Driver::chromium().await;
    for (title, template, modules, slow) in [
        ("plain", PLAIN, 0, false),
        ("Vuetify", VUETIFY, 1, false),
        ("plain, slow machine", PLAIN, 0, true),
        ("Vuetify, slow machine", VUETIFY, 1, true),
    ] {
        if slow {
            slow_down(&driver).await;
        }
        let packages = &manifests()[1..=modules];
        let trames = [&manifests()[..1], packages].concat();
        let mut figures: [BTreeMap<String, Vec<f64>>; 2] = Default::default();
        for _ in 0..TURNS {
            for (which, manifests) in [packages, &trames].into_iter().enumerate() {
                for (name, figure) in turn(&driver, template, manifests).await {
                    figures[which].entry(name).or_default().push(figure);
                }
            }
        }
        print(title, figures);
    }
    driver.page.clone().close().await.unwrap();
}

#[tokio::test]
#[ignore = "it measures: cargo xtask bench --page"]
async fn updates_of_the_page_beside_trames_page() {
    let driver = Driver::chromium().await;
    driver.devtools("Performance.enable", json!({})).await;
    let pages = [&manifests()[..0], &manifests()[..1]];
    for (title, slower) in [("updates", 1), ("updates, slow machine", SLOWER)] {
        driver.devtools("Emulation.setCPUThrottlingRate", json!({"rate": slower})).await;
        let mut figures: [BTreeMap<String, Vec<f64>>; 2] = Default::default();
        for _ in 0..3 {
            for (which, manifests) in pages.into_iter().enumerate() {
                for (name, figure) in updated(&driver, manifests).await {
                    figures[which].entry(name).or_default().push(figure);
                }
            }
        }
        print(title, figures);
    }
    driver.page.clone().close().await.unwrap();
}

/// Prints the medians of both pages.
fn print(title: &str, figures: [BTreeMap<String, Vec<f64>>; 2]) {
    println!("{title:<26} {:>10} {:>10} {:>7}", "built-in", "trame's", "ratio");
    let [ours, theirs] =
        figures.map(|page| page.into_iter().map(|(name, all)| (name, median(all))));
    for ((name, ours), (_, theirs)) in ours.zip(theirs) {
        let digits = if theirs < 10.0 { 2 } else { 0 };
        let ratio = if theirs > 0.0 { format!("{:.2}", ours / theirs) } else { "-".into() };
        println!("{name:<26} {ours:>10.digits$} {theirs:>10.digits$} {ratio:>7}");
    }
}

/// Makes the browser's machine and its line slow.
async fn slow_down(driver: &Driver) {
    driver.devtools("Emulation.setCPUThrottlingRate", json!({"rate": SLOWER})).await;
    driver.devtools("Network.enable", json!({})).await;
    let line = json!({
        "offline": false,
        "latency": 40,
        "downloadThroughput": 10e6 / 8.0,
        "uploadThroughput": 10e6 / 8.0,
    });
    driver.devtools("Network.emulateNetworkConditions", line).await;
}

/// Returns a server with these modules.
fn server_with(manifests: &[PathBuf]) -> Server {
    let server = Server::new("weight");
    for manifest in manifests {
        server.enable_module(Module::from_manifest(manifest).unwrap()).unwrap();
    }
    server
}

/// Opens the page, and updates it for a while.
async fn updated(driver: &Driver, manifests: &[PathBuf]) -> BTreeMap<String, f64> {
    let server = server_with(manifests);
    let set = |value: u32| {
        let state = server.state();
        for key in 0..KEYS {
            state.set(format!("key_{key}"), f64::from(value) + 0.5);
        }
        state.set("number", value).flush();
    };
    set(0);
    let shown = |key: usize| format!("<p>{{{{ key_{} }}}}</p>", key * KEYS / SHOWN);
    let shown: String = (0..SHOWN).map(shown).collect();
    server.template("main", format!("<main><h1 id=\"number\">{{{{ number }}}}</h1>{shown}</main>"));
    let running = start(&server).await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    let number = |value| format!("document.getElementById('number')?.textContent === '{value}'");
    driver.js_until(&number(0)).await;
    driver.js(RECORD_FRAMES).await;
    let before = metrics(driver).await;
    let mut ticks = interval(Duration::from_millis(10));
    for value in 1..=UPDATES {
        ticks.tick().await;
        set(value);
    }
    driver.js_until(&number(UPDATES)).await;
    let after = metrics(driver).await;
    let frames = driver.js("return window.frames").await;
    driver.page.goto("about:blank").await.unwrap();
    running.stop().await.unwrap();
    let spent = |name: &str| 1e3 * (after[name] - before[name]) / f64::from(UPDATES);
    BTreeMap::from([
        ("script, ms an update".to_owned(), spent("ScriptDuration")),
        ("all tasks, ms an update".to_owned(), spent("TaskDuration")),
        ("dropped frames, %".to_owned(), dropped(&frames)),
    ])
}

/// Notes when the page could draw a frame.
const RECORD_FRAMES: &str = "window.frames = [];
    requestAnimationFrame(function frame(time) { window.frames.push(time); requestAnimationFrame(frame); })";

/// Returns how many of the frames of a screen with 60 Hz could not be drawn, in percent.
fn dropped(frames: &Value) -> f64 {
    let times: Vec<f64> = frames.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    let due = (times[times.len() - 1] - times[0]) * 60.0 / 1e3;
    100.0 * (1.0 - (times.len() - 1) as f64 / due).max(0.0)
}

/// Returns what Chromium has counted for the page.
async fn metrics(driver: &Driver) -> BTreeMap<String, f64> {
    let metrics = driver.devtools("Performance.getMetrics", json!({})).await["metrics"].take();
    let metric =
        |metric: &Value| Some((metric["name"].as_str()?.to_owned(), metric["value"].as_f64()?));
    metrics.as_array().unwrap().iter().filter_map(metric).collect()
}

/// Opens the page once.
async fn turn(driver: &Driver, template: &str, manifests: &[PathBuf]) -> BTreeMap<String, f64> {
    let server = server_with(manifests);
    server.state().set("name", "Ada").set("numbers", (0..50).collect::<Vec<_>>());
    server.template("main", template);
    let running = start(&server).await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    let mut figures = driver.js_until(FIGURES).await;
    driver.page.goto("about:blank").await.unwrap();
    running.stop().await.unwrap();
    let paths = figures["paths"].take();
    let saved = saved_by_packing(&paths, manifests);
    let number = |(name, value): (&String, &Value)| Some((name.clone(), value.as_f64()?));
    let mut figures: BTreeMap<_, _> =
        figures.as_object().unwrap().iter().filter_map(number).collect();
    // The built-in page is sent compressed. Files from folders are not, neither here nor by trame's
    // server.
    figures.insert("bytes sent, if packed".into(), figures["bytes sent"] - saved);
    figures
}

/// Returns the bytes that gzip would save on the files of trame's page. The built-in page has none
/// of these files.
fn saved_by_packing(paths: &Value, manifests: &[PathBuf]) -> f64 {
    let Some(www) = manifests.iter().find(|manifest| manifest.ends_with("www.json")) else {
        return 0.0;
    };
    let folder = www.with_file_name("www").join("www");
    let paths = paths.as_array().unwrap().iter().filter_map(Value::as_str);
    let files = paths.map(|path| folder.join(path.trim_start_matches('/')));
    let saved =
        files.filter_map(|file| Some(fs::metadata(&file).ok()?.len() as f64 - gzip(&file)?));
    saved.sum()
}

fn gzip(file: &Path) -> Option<f64> {
    let input = fs::File::open(file).ok().filter(|_| file.is_file())?;
    let output =
        Command::new("gzip").arg("-9c").stdin(input).stderr(Stdio::null()).output().ok()?;
    Some(output.stdout.len() as f64)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
