//! Tests HTTPS in Chromium.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use selvedge::{Ctx, Server, StartOptions};

use crate::driver::Driver;

#[tokio::test]
async fn a_page_signs_in_and_stays_in_touch_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    let CertifiedKey { cert: certificate, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&cert, certificate.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();

    let server = Server::new("tls");
    server.state().set("count", 0);
    server.trigger("add", |cx: Ctx| cx.state().update("count", |count: &mut i64| *count += 1));
    server.template("main", "<button id='add' @click=\"trigger('add')\">{{ count }}</button>");
    let options = StartOptions::new().port(0).tls(&cert, &key);
    let running = server.spawn(options).await.unwrap();

    let driver = Driver::chromium_with(&["--ignore-certificate-errors"]).await;
    let link = running.sign_in_url().unwrap();
    assert!(link.starts_with("https://"));
    driver.page.goto(&link).await.unwrap();
    driver.element("add").await.click().await.unwrap();
    driver.js_until("document.getElementById('add').textContent === '1'").await;
    server.state().set("count", 41);
    driver.js_until("document.getElementById('add').textContent === '41'").await;
    running.stop().await.unwrap();
}
