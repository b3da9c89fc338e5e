//! Tests templates of an application in the built-in page, in Chromium.

use std::sync::{Arc, Mutex};

use selvedge::{Ctx, Lifecycle, Running, Server, ui::el};
use serde_json::json;

use crate::{driver::Driver, program::until, support::start};

/// An application's page in a browser.
struct Shown {
    running: Running,
    driver: Driver,
    reports: Arc<Mutex<Vec<String>>>,
}

impl Shown {
    async fn new(server: &Server, flags: &[&str]) -> Self {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&reports);
        server.on(Lifecycle::Error, move |_: Ctx, text: String| seen.lock().unwrap().push(text));
        let running = start(server).await;
        let driver = Driver::chromium_with(flags).await;
        driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
        Shown { running, driver, reports }
    }

    async fn close(self) {
        self.driver.page.clone().close().await.unwrap();
        self.running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn only_mistakes_are_reported_to_a_program_in_development() {
    let server = Server::new("templates");
    server.state().set("count", 1);
    server.trigger("reset", |cx: Ctx| {
        cx.state().set("count", 0);
    });
    let page = "<p id=here>{{ count }}{{ cuont }}</p><buton>x</buton><selvedge-plto />\
                <button id=go @click=\"trigger('reset')\">{{ Math.max(count, 2) }}</button>";
    server.template("main", page);
    let shown = Shown::new(&server, &[]).await;
    shown.driver.element("go").await.click().await.unwrap();
    shown.driver.js_until("document.getElementById('here')?.textContent === '0'").await;
    server.js_call("nmae", "focus", [(); 0]).unwrap();
    let mut expected = [
        "The application calls an element by the ref `nmae`, which no template has.",
        "The template `main` has <buton>, which is neither an element nor a component. Did you mean `button`?",
        "The template `main` has <selvedge-plto>, which is neither an element nor a component. Did you mean `selvedge-plot`?",
        "The template `main` uses `cuont`, which is not a key of the state. Did you mean `count`?",
    ];
    let told = || {
        let mut told = shown.reports.lock().unwrap().clone();
        told.sort();
        told
    };
    if !cfg!(debug_assertions) {
        expected = Default::default();
    }
    until("the reports", async || (told().len() >= expected.len()).then_some(())).await;
    assert_eq!(told(), expected);
    shown.close().await;
}

#[tokio::test]
async fn what_elements_in_rust_become_works_in_the_page() {
    let server = Server::new("templates");
    let controller = server.controller();
    let mark = server.js_eval("clicked = $event; count += 1");
    let page = el("main")
        .child(el("button").attr("id", "reset").prop("click", controller.function("reset")))
        .child(
            el("button")
                .attr("id", "add")
                .on("click", controller.function("add").trigger().call("count, 5")),
        )
        .child(
            el("p")
                .attr("id", "look")
                .prop("classes", "a b")
                .prop("style", [("color", "rgb(1, 2, 3)")])
                .prop("raw_attrs", ["data-raw=\"<x>\"", ":data-count=\"count\""])
                .prop("v_if", ("count", 1))
                .prop("v_on_click_once", "count = 40"),
        )
        .child(&mark);
    server.template("main", page);
    server.state().set("clicked", "");
    controller.set("add", |cx: Ctx, a: i64, b: i64| {
        cx.state().set("count", a + b);
    });
    controller.set("reset", |cx: Ctx| {
        cx.state().set("count", 100);
    });
    let shown = Shown::new(&server, &[]).await;
    let driver = &shown.driver;
    let counts = async |count: i64| {
        driver
            .js_until(&format!("document.getElementById('look')?.dataset.count === '{count}'"))
            .await;
    };
    counts(1).await;
    let look = "const look = document.getElementById('look');
        return [look.className, look.style.color, look.dataset.raw];";
    assert_eq!(driver.js(look).await, json!(["a b", "rgb(1, 2, 3)", "<x>"]));
    driver.element("add").await.click().await.unwrap();
    counts(6).await;
    driver
        .js("document.getElementById('look').click(); document.getElementById('look').click()")
        .await;
    counts(40).await;
    driver.element("reset").await.click().await.unwrap();
    counts(100).await;
    mark.run("now").unwrap();
    counts(101).await;
    until("the state", async || {
        (server.state().get::<String>("clicked").unwrap() == "now").then_some(())
    })
    .await;
    assert_eq!(*shown.reports.lock().unwrap(), Vec::<String>::new());
    shown.close().await;
}

#[tokio::test]
async fn a_spinner_stays_within_its_container() {
    let server = Server::new("templates");
    let page = "<div id=box style='position: relative; margin: 50px; width: 300px; height: 200px'>\
                <trame-loading message='Warming up' /></div>";
    server.template("main", page);
    let shown = Shown::new(&server, &[]).await;
    let places = "const place = (selector) => { const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
            return { x, y, width, height }; };
        return [place('#box'), place('#box > .sv-within')];";
    shown.driver.element("box").await;
    let places = shown.driver.js(places).await;
    assert_eq!(places[0], places[1]);
    shown.close().await;
}

#[tokio::test]
async fn a_page_follows_the_system_unless_the_application_chooses() {
    let server = Server::new("templates");
    server.template("main", "<p id=plain>Plain</p><p class='sv-hint' id=own>Own</p>");
    let shown = Shown::new(&server, &["--force-dark-mode"]).await;
    let driver = &shown.driver;
    driver.element("plain").await;
    let text =
        |rgb: &str| format!("getComputedStyle(document.getElementById('plain')).color === '{rgb}'");
    let own = "return getComputedStyle(document.getElementById('app')).getPropertyValue('--sv-text') && \
               getComputedStyle(document.documentElement).getPropertyValue('--sv-text').trim()";
    driver.js_until(&text("rgb(227, 233, 235)")).await;
    assert!(driver.js(own).await.as_str().unwrap().ends_with("#e3e9eb"));
    server.state().set("trame__color_scheme", "light").flush();
    driver.js_until(&text("rgb(26, 34, 38)")).await;
    assert!(driver.js(own).await.as_str().unwrap().starts_with("#1a2226"));
    server.state().set("trame__color_scheme", "").flush();
    driver.js_until(&text("rgb(227, 233, 235)")).await;
    shown.close().await;
}
