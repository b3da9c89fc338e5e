//! Tests the application in its window.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    driver::Driver,
    program::{Program, desktop, until},
    support::Client,
};

#[tokio::test]
async fn page_and_server_follow_each_other_and_frames_arrive() {
    let driver = Driver::window(&[]).await;
    let mut client = Client::connect_to(driver.traces.address().await).await;

    // A slider changes the server's state, which lags behind for a moment.
    let slider = driver.element("feed").await;
    let before = driver.value("feed").await;
    slider.send_keys("\u{e014}\u{e014}").await.unwrap();
    let moved = driver.value("feed").await;
    assert_ne!(moved, before);
    until("the state to follow the slider", async || {
        (client.snapshot().await["feed"] == moved).then_some(())
    })
    .await;

    // A change on the server moves the slider and clears the name of the preset.
    client.set(json!({"feed": 0.07})).await.unwrap();
    driver.js_until("Number(document.getElementById('feed').value) === 0.07").await;
    assert_eq!(client.snapshot().await["preset"], "");

    // The page knows the accent colour of the desktop.
    let accent = "document.documentElement.style.getPropertyValue('--sv-system-accent').match(/^#[0-9a-f]{6}$/)";
    driver.js_until(accent).await;

    // The plot is drawn, whatever the language of the system is.
    driver.js_until("document.querySelector('.sv-plot .u-over') !== null").await;

    // Pictures arrive and differ.
    let first = driver.drawn().await;
    until("another frame", async || (driver.drawn().await != first).then_some(())).await;

    // When paused, the field does not change; a step changes it.
    driver.element("toggle").await.click().await.unwrap();
    until("the pause", async || (client.snapshot().await["running"] == false).then_some(())).await;
    let iteration = until("the last statistics", async || {
        let before = client.snapshot().await["iteration"].as_i64().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        (client.snapshot().await["iteration"] == before).then_some(before)
    })
    .await;
    let still = driver.drawn().await;
    driver.element("step").await.click().await.unwrap();
    until("the step to be drawn", async || (driver.drawn().await != still).then_some(())).await;
    until("the step to be counted", async || {
        (client.snapshot().await["iteration"].as_i64().unwrap() == iteration + 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_mouse_paints_on_the_field() {
    let driver = Driver::window(&[]).await;
    let mut client = Client::connect_to(driver.traces.address().await).await;
    driver.drawn().await;
    client.set(json!({"running": false, "feed": 0.0, "kill": 0.075, "brush": 40})).await.unwrap();
    let before = client.snapshot().await["coverage"].as_f64().unwrap();
    driver.element("field").await.click().await.unwrap();
    driver.element("step").await.click().await.unwrap();
    until("more coverage", async || {
        (client.snapshot().await["coverage"].as_f64().unwrap() > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_long_job_shows_progress_and_can_be_cancelled() {
    let driver = Driver::window(&[]).await;
    driver.element("steady").await;
    driver.js("document.querySelector('#steady button').click()").await;
    driver.js_until("document.querySelector('#steady progress')?.value > 0").await;
    driver.js("document.querySelectorAll('#steady button')[1].click()").await;
    driver.js_until("document.querySelector('#steady').dataset.state === 'cancelled'").await;
    driver.js_until("document.querySelectorAll('#steady button').length === 1").await;
}

#[tokio::test]
async fn the_window_does_not_leave_the_server() {
    let driver = Driver::window(&[]).await;
    driver.element("feed").await;
    let own = driver.page.current_url().await.unwrap();
    driver.js("location.href = 'http://example.invalid/'").await;
    driver.js("location.href = 'file:///etc/passwd'").await;
    driver.element("feed").await;
    assert_eq!(driver.page.current_url().await.unwrap(), own);
    assert!(own.query().is_none(), "the sign-in is gone from the address");
    let reached = driver.js("return window.__TAURI_INTERNALS__ ? 'there' : 'absent'").await;
    if reached == "there" {
        let call = "const done = arguments[0];
            window.__TAURI_INTERNALS__.invoke('plugin:app|version').then(() => done('granted'), () => done('refused'))";
        assert_eq!(driver.page.execute_async(call, vec![]).await.unwrap(), "refused");
    }
}

/// What the web view's process has in its environment about drawing.
async fn drawing(command: impl FnOnce(&mut std::process::Command)) -> Option<String> {
    let program = Program::start_with(&desktop(), &[], command).await;
    program.joined(1).await;
    let process = program.traces.process("WebKitWeb");
    let environment = fs::read_to_string(format!("/proc/{process}/environ")).unwrap();
    let value =
        |entry: &str| entry.strip_prefix("WEBKIT_DISABLE_DMABUF_RENDERER=").map(str::to_owned);
    environment.split('\0').find_map(value)
}

#[tokio::test]
async fn no_graphics_card_is_emulated_unless_the_user_wants_it() {
    let mut devices = fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let is_card =
        |device: fs::DirEntry| device.file_name().to_string_lossy().starts_with("renderD");
    let has_card = devices.any(is_card) || Path::new("/dev/nvidia0").exists();
    let by_default = drawing(|_| {}).await;
    assert_eq!(by_default.as_deref(), if has_card { None } else { Some("1") });
    let variable = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let emulated = drawing(|command| {
        command.env(variable, "0");
    })
    .await;
    assert_eq!(emulated.as_deref(), Some("0"));
}
