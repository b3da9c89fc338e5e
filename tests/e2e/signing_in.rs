//! Tests how browsers stay signed in, and sign in again.

use selvedge::{Running, Server};

use crate::{driver::Driver, support::options};

async fn application() -> Running {
    let server = Server::new("signing in");
    server.template("main", "<p id='shown'>shown</p>");
    server.spawn(options()).await.unwrap()
}

#[tokio::test]
async fn a_browser_that_is_opened_again_is_still_signed_in() {
    let running = application().await;
    let profile = tempfile::tempdir().unwrap();
    let flag = format!("--user-data-dir={}", profile.path().display());
    let link = running.sign_in_url().unwrap();
    for address in [link.as_str(), running.url(), link.as_str()] {
        let driver = Driver::chromium_with(&[&flag]).await;
        driver.page.goto(address).await.unwrap();
        driver.element("shown").await;
        driver.page.clone().close().await.unwrap();
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_used_link_that_is_clicked_on_another_site_readmits_the_browser() {
    let running = application().await;
    // Other names are other sites, and the cookie is `SameSite=Strict`.
    let other = application().await;
    let elsewhere = other.sign_in_url().unwrap().replace("127.0.0.1", "localhost");
    let driver = Driver::chromium().await;
    let link = running.sign_in_url().unwrap();
    driver.page.goto(&link).await.unwrap();
    driver.element("shown").await;
    driver.page.goto(&elsewhere).await.unwrap();
    driver.element("shown").await;
    driver
        .js(&format!(
            "const a = document.createElement('a');
             a.href = '{link}';
             document.body.append(a);
             a.click();"
        ))
        .await;
    driver.js_until("location.hostname === '127.0.0.1'").await;
    driver.element("shown").await;
    let at = driver.js("return location.href").await;
    assert_eq!(at, format!("{}/index.html", running.url()), "the link is not in the address");
    running.stop().await.unwrap();
    other.stop().await.unwrap();
}
