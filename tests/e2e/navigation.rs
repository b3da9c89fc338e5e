//! Tests navigation in a window: HTML frames, links, forms, history and reloads work as in a
//! browser.

use crate::{
    driver::Driver,
    elsewhere::{Elsewhere, SystemBrowser},
    program::{Program, all_windows_of, manners, until},
    screen::Screen,
    support::Client,
};

async fn opened(browser: &SystemBrowser) -> Driver {
    let path = browser.path();
    let driver = Driver::window_of(&manners(), &[("PATH", &path)], &[]).await;
    driver.element("launches").await;
    driver
}

/// Adds to the page.
async fn insert(driver: &Driver, html: &str) {
    driver.js(&format!("document.body.insertAdjacentHTML('afterbegin', `{html}`)")).await;
}

#[tokio::test]
async fn frames_may_show_other_sites_but_the_window_stays_on_the_page() {
    let (browser, site) = (SystemBrowser::new(), Elsewhere::start().await);
    let driver = opened(&browser).await;
    let own = driver.page.current_url().await.unwrap();
    let url = site.url("http");
    insert(
        &driver,
        &format!(
            "<iframe id=site src='{url}/inner'></iframe><iframe id=data src='data:text/html,<p>data'></iframe>
            <iframe id=own srcdoc='<p id=inside>srcdoc'></iframe><iframe id=blob></iframe>
            <a id=away href='{url}/away' style='position: fixed; z-index: 9'>away</a>"
        ),
    )
    .await;
    driver.js("document.getElementById('blob').src = URL.createObjectURL(new Blob(['<p id=inside>'], { type: 'text/html' }))").await;
    // This page cannot access documents of other origins.
    driver.js_until("document.getElementById('site').contentDocument === null").await;
    driver.js_until("document.getElementById('data').contentDocument === null").await;
    for id in ["own", "blob"] {
        driver
            .js_until(&format!(
                "document.getElementById('{id}').contentDocument?.getElementById('inside') != null"
            ))
            .await;
    }
    until("the frame", async || site.asked().contains(&"GET /inner HTTP/1.1".into()).then_some(()))
        .await;
    driver.js("document.getElementById('site').src += '2'").await;
    until("another frame", async || {
        site.asked().contains(&"GET /inner2 HTTP/1.1".into()).then_some(())
    })
    .await;
    assert_eq!(browser.opened(), [""; 0]);

    driver.element("away").await.click().await.unwrap();
    until("the browser", async || (browser.opened() == [format!("{url}/away")]).then_some(()))
        .await;
    driver.js(&format!("window.mark = 1; location.href = '{url}/script'")).await;
    until("the browser", async || {
        (browser.opened().last() == Some(&format!("{url}/script"))).then_some(())
    })
    .await;
    driver.js("location.href = 'about:blank'").await;
    driver.element("launches").await;
    assert_eq!(driver.page.current_url().await.unwrap(), own);
}

#[tokio::test]
async fn links_to_parts_and_history_stay_on_the_page() {
    let browser = SystemBrowser::new();
    let driver = opened(&browser).await;
    driver.js("history.replaceState(null, '', '?view=1'); window.mark = 1").await;
    insert(
        &driver,
        "<a id=to href='#part'>to</a><div style='height: 3000px'></div><p id=part>part",
    )
    .await;
    driver.element("to").await.click().await.unwrap();
    driver
        .js_until("location.hash === '#part' && location.search === '?view=1' && scrollY > 1000")
        .await;
    driver.js("history.back()").await;
    driver.js_until("location.hash === '' && window.mark === 1").await;
}

#[tokio::test]
async fn forms_and_reloads_come_back_signed_in() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&manners(), &screen.environment(), &[]).await;
    driver.element("launches").await;
    insert(&driver, "<form><input name=name value=x><button id=send>send</button></form>").await;
    driver.js("window.mark = 1").await;
    driver.element("send").await.click().await.unwrap();
    driver
        .js_until(
            "!window.mark && location.search === '?name=x' && document.getElementById('launches')",
        )
        .await;
    let window = screen.window(driver.program().await).await;
    for keys in ["F5", "ctrl+r"] {
        driver.js("window.mark = 1").await;
        window.press(&[keys]);
        driver.js_until("!window.mark && document.getElementById('launches')").await;
    }
}

#[tokio::test]
async fn a_page_closes_its_window() {
    let driver = Driver::window_of(&manners(), &[], &[]).await;
    driver.element("launches").await;
    // The window may close before it answers this.
    drop(driver.page.execute("setTimeout(() => window.close())", vec![]).await);
    until("the end", async || driver.traces.number("code")).await;
    assert_eq!(driver.traces.number("code"), Some(0));
}

#[tokio::test]
async fn a_page_opens_what_it_has_made_in_another_window() {
    let driver = opened(&SystemBrowser::new()).await;
    insert(&driver, "<button id=made>open</button>").await;
    driver
        .js("document.getElementById('made').onclick = () =>
                open(URL.createObjectURL(new Blob(['<title>Made</title><p>made'], { type: 'text/html' })))")
        .await;
    driver.element("made").await.click().await.unwrap();
    let pid = driver.program().await;
    until("the window", async || {
        all_windows_of(pid).iter().any(|window| window.title == "Made").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_page_announces_when_it_leaves() {
    let window = opened(&SystemBrowser::new()).await;
    leaves(&window, Client::connect_to(window.traces.address().await).await).await;

    let program = Program::start(&manners(), &["--server", "--port", "0"]).await;
    let browser = Driver::chromium().await;
    let link = program.traces.sign_in_link().await;
    browser.page.goto(&link).await.unwrap();
    browser.element("launches").await;
    leaves(&browser, program.client().await).await;
}

async fn leaves(driver: &Driver, mut client: Client) {
    // A download fires `beforeunload` although the page stays.
    driver.js("dispatchEvent(new Event('beforeunload')); location.reload()").await;
    let exits = until("the exit", async || {
        let exits = client.snapshot().await["exits"].as_i64().unwrap();
        (exits > 0).then_some(exits)
    })
    .await;
    assert_eq!(exits, 1);
}
