//! Tests the look of plain HTML with the gallery, in Chromium.

use selvedge::pages::Theme;
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

#[tokio::test]
async fn the_accent_of_the_system_can_be_read_whatever_it_is() {
    let server = gallery::app().unwrap();
    server.theme(&Theme::new().system_accent());
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    // The contrasts of the accent on the grounds of a page, and of text on the accent.
    let contrasts = "(() => {
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const place = document.body.appendChild(document.createElement('i'));
        const luminance = (variable) => {
            place.style.color = `var(${variable})`;
            canvas.fillStyle = getComputedStyle(place).color;
            canvas.fillRect(0, 0, 1, 1);
            const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => linear(part / 255));
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const accent = luminance('--sv-accent');
        const others = ['--sv-raised', '--sv-surface', '--sv-stage', '--sv-on-accent'].map(luminance);
        place.remove();
        return others.map((other) => (Math.max(accent, other) + 0.05) / (Math.min(accent, other) + 0.05));
    })()";
    for scheme in ["light", "dark"] {
        server.state().set("scheme", scheme).flush();
        let is_set = format!("document.documentElement.dataset.colorScheme === '{scheme}'");
        driver.js_until(&is_set).await;
        for accent in ["#ffff00", "#00ff00", "#0000ff", "#ff0000", "#e95420", "#3584e4", "#000000"]
        {
            driver
                .js(&format!(
                    "document.documentElement.style.setProperty('--sv-system-accent', '{accent}')"
                ))
                .await;
            let contrasts = driver.js(&format!("return {contrasts}")).await;
            let least = contrasts.as_array().unwrap().iter().filter_map(Value::as_f64);
            let least = least.fold(f64::INFINITY, f64::min);
            assert!(least >= 4.5, "{accent}, {scheme}: {contrasts}");
        }
    }
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}
