//! Tests pages by path, in Chromium: links, history, reloads and titles are the browser's.

use fantoccini::Locator;
use selvedge::{Ctx, Failure, Running, Server};

use crate::{driver::Driver, support::start};

fn app() -> Server {
    let server = Server::new("routes");
    server.state().set("trame__title", "Runs").set("runs", ["a", "b/c"]).set("visits", [""; 0]);
    server.template(
        "main",
        r##"<nav><a id=first href="#/">Runs</a></nav>
        <selvedge-page @show="trigger('visit', [$event.path])"></selvedge-page>"##,
    );
    server.template(
        "runs",
        r##"<h1>Runs</h1><a v-for="run in runs" :key="run" :href="'#/runs/' + encodeURIComponent(run)">{{ run }}</a>
        <button id=next @click="trigger('open', ['b/c'])">Next</button><div style="height: 3000px"></div>
        <a id=low href="#/runs/a?tab=log">Low</a>"##,
    );
    server.template("run", "<h1>Run {{ route.parameters.id }} {{ route.query.tab }}</h1>");
    server.route("/", "runs").unwrap();
    server.route("/runs/{id}", "run").unwrap().title("Run {id}");
    server.trigger("visit", |cx: Ctx, path: String| {
        cx.state().update("visits", |visits: &mut Vec<String>| visits.push(path.clone()))
    });
    server.trigger("open", |cx: Ctx, run: String| -> Result<(), Failure> {
        cx.show_route(&format!("/runs/{}", run.replace('/', "%2F")))
    });
    server
}

async fn shown() -> (Server, Running, Driver) {
    let server = app();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    (server, running, driver)
}

/// Waits until the page shows this heading under this title.
async fn shows(driver: &Driver, heading: &str, title: &str) {
    let heading = format!("document.querySelector('h1')?.textContent.trim() === '{heading}'");
    driver.js_until(&format!("{heading} && document.title === '{title}'")).await;
}

#[tokio::test]
async fn links_back_forward_and_reload_work_as_on_any_site() {
    let (server, running, driver) = shown().await;
    shows(&driver, "Runs", "Runs").await;
    driver.js("window.mark = 1").await;
    driver.page.find(Locator::LinkText("b/c")).await.unwrap().click().await.unwrap();
    shows(&driver, "Run b/c", "Run b/c").await;
    driver.page.back().await.unwrap();
    shows(&driver, "Runs", "Runs").await;
    driver.page.forward().await.unwrap();
    shows(&driver, "Run b/c", "Run b/c").await;
    assert_eq!(driver.js("return window.mark").await, 1, "the page was not loaded again");
    driver.page.refresh().await.unwrap();
    driver.js_until("!window.mark").await;
    shows(&driver, "Run b/c", "Run b/c").await;
    driver.element("first").await.click().await.unwrap();
    driver.element("next").await.click().await.unwrap();
    shows(&driver, "Run b/c", "Run b/c").await;
    let visits: Vec<String> = server.state().get("visits").unwrap();
    let run = "/runs/b%2Fc";
    assert_eq!(visits, ["/", run, "/", run, run, "/", run]);
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_link_shows_the_top_of_a_page_and_back_the_place_before() {
    let (_, running, driver) = shown().await;
    shows(&driver, "Runs", "Runs").await;
    driver.element("low").await.click().await.unwrap();
    shows(&driver, "Run a log", "Run a").await;
    driver.js_until("window.scrollY === 0").await;
    driver.page.back().await.unwrap();
    shows(&driver, "Runs", "Runs").await;
    driver.js_until("window.scrollY > 1000").await;
    let address = format!("{}/index.html#/runs/a", running.url());
    driver.page.goto(&address).await.unwrap();
    shows(&driver, "Run a", "Run a").await;
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
