//! Tests the look of plain HTML with the gallery, in Chromium.

use serde_json::{Value, json};

use crate::{accessibility::nothing_serious_is_in, driver::Driver, support::start};

/// Width and height in pixels: a phone, a window, a large screen.
const SIZES: [(u32, u32); 3] = [(320, 640), (1000, 700), (2560, 1440)];

const PARTS: [&str; 7] = ["/", "/forms", "/controls", "/layout", "/files", "/plots", "/tables"];

async fn shows(driver: &Driver, part: &str) {
    driver.js(&format!("location.hash = '{part}'")).await;
    let current = format!("document.querySelector('nav [aria-current]')?.hash === '#{part}'");
    driver.js_until(&current).await;
}

#[tokio::test]
async fn every_part_is_readable_in_each_size_and_scheme() {
    let server = gallery::app().unwrap();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    for (width, height) in SIZES {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        driver.devtools("Emulation.setDeviceMetricsOverride", size).await;
        for scheme in ["light", "dark"] {
            server.state().set("scheme", scheme).flush();
            driver
                .js_until(&format!("document.documentElement.dataset.colorScheme === '{scheme}'"))
                .await;
            for part in PARTS {
                shows(&driver, part).await;
                // The toolbar and plots follow the window within a frame or two.
                let fits = format!("document.documentElement.scrollWidth <= {width} || null");
                driver.js_until(&fits).await;
                nothing_serious_is_in(&driver).await;
            }
        }
    }
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_theme_reaches_open_pages_and_an_applications_own_rules_win() {
    let server = gallery::app().unwrap();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    shows(&driver, "/forms").await;
    let look = "(() => {
        const button = document.querySelector('.sv-primary');
        const { backgroundColor, minHeight, borderTopLeftRadius } = getComputedStyle(button);
        return [backgroundColor, parseFloat(minHeight), borderTopLeftRadius];
    })()";
    let before = driver.js(&format!("return {look}")).await;
    assert_eq!((&before[0], &before[2]), (&json!("rgb(11, 110, 130)"), &json!("4px")));
    server.state().set("accent", "#a03060").set("compact", true).flush();
    driver.js_until(&format!("{look}[0] === 'rgb(160, 48, 96)'")).await;
    let after = driver.js(&format!("return {look}")).await;
    let height = |look: &Value| look[1].as_f64().unwrap();
    assert!(height(&after) < height(&before), "{after} is more compact than {before}");
    driver
        .js("document.head.append(Object.assign(document.createElement('style'), { textContent: 'button { border-radius: 9px }' }))")
        .await;
    assert_eq!(driver.js(&format!("return {look}")).await[2], "9px");
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
