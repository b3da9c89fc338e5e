//! Measures the cost of the built-in page compared with trame's page: `cargo xtask bench --page`
//! prints it.
//!
//! Both pages show the same application and template and take turns in one browser. Each turn has a
//! separate server, so its origin is new to the browser and nothing is cached. The ratios are the
//! result; the times depend on the machine.
//!
//! "First content" is the application in the built-in page, and a spinner in trame's: what the
//! built-in page shows before that fades in after a fifth of a second, and a browser does not count
//! what fades in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use selvedge::{Module, Server};
use serde_json::Value;

use crate::{driver::Driver, packages::manifests, support::start};

const TURNS: usize = 11;

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
    for (title, template, modules) in [("plain", PLAIN, 0), ("Vuetify", VUETIFY, 1)] {
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
        println!("{title:<22} {:>10} {:>10} {:>7}", "built-in", "trame's", "ratio");
        let [ours, theirs] =
            figures.map(|page| page.into_iter().map(|(name, all)| (name, median(all))));
        for ((name, ours), (_, theirs)) in ours.zip(theirs) {
            println!("{name:<22} {ours:>10.0} {theirs:>10.0} {:>7.2}", ours / theirs);
        }
    }
    driver.page.clone().close().await.unwrap();
}

/// Opens the page once.
async fn turn(driver: &Driver, template: &str, manifests: &[PathBuf]) -> BTreeMap<String, f64> {
    let server = Server::new("weight");
    for manifest in manifests {
        server.enable_module(Module::from_manifest(manifest).unwrap()).unwrap();
    }
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
