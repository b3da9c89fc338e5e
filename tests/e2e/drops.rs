//! Files that are dragged from another program onto a window.

use std::{fs, process::Stdio};

use serde_json::json;

use crate::{
    driver::Driver,
    program::{drag_source, files, until},
    screen::Screen,
};

/// Drags a file from a window beside it to a place in the page.
async fn drop_on(screen: &Screen, driver: &Driver, file: &std::path::Path, id: &str) {
    let window = screen.window(driver.program().await).await;
    window.place([300, 150, 800, 700]);
    let mut command = driver.traces.command(&drag_source());
    command.arg(file).envs(screen.environment()).stdin(Stdio::null());
    let mut source = command.spawn().unwrap();
    let from = screen.window(source.id() as i32).await;
    from.place([20, 20, 150, 150]);
    until("the places", async || {
        (window.corner() == (300, 150) && from.corner() == (20, 20)).then_some(())
    })
    .await;
    let middle = |axis: &str, length: &str| {
        format!(
            "const box = document.getElementById('{id}').getBoundingClientRect(); return box.{axis} + box.{length} / 2"
        )
    };
    let x = driver.js(&middle("left", "width")).await.as_f64().unwrap() as i32;
    let y = driver.js(&middle("top", "height")).await.as_f64().unwrap() as i32;
    // Both windows have the same frame.
    from.drag((70, 70), (300 + x - 90, 150 + y - 90));
    drop(source.kill());
    drop(source.wait());
}

#[tokio::test]
async fn a_dropped_file_is_uploaded() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&files(), &screen.environment(), &[]).await;
    driver.element("upload").await;
    let file = driver.traces.path().join("a table.csv");
    fs::write(&file, "a,b\n1,2\n").unwrap();
    drop_on(&screen, &driver, &file, "upload").await;
    driver
        .js_until("document.querySelector('#received')?.textContent.includes('a table.csv')")
        .await;
}

#[tokio::test]
async fn a_file_field_takes_a_dropped_file() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&files(), &screen.environment(), &[]).await;
    driver.element("upload").await;
    driver
        .js("document.body.insertAdjacentHTML('afterbegin', '<input type=file id=field style=\"position: fixed; z-index: 9\">');
            document.getElementById('field').onchange = async ({ target }) => window.text = await target.files[0].text()")
        .await;
    let file = driver.traces.path().join("table.csv");
    fs::write(&file, "1,2").unwrap();
    drop_on(&screen, &driver, &file, "field").await;
    driver.js_until(&format!("window.text === {}", json!("1,2"))).await;
}
