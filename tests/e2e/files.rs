//! Tests files of 200 MB while the state keeps changing, and dialogs, in Chromium and in the
//! application's window.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hasher},
    path::Path,
};

use fantoccini::Locator;
use serde_json::json;

use crate::{
    accessibility::nothing_serious_is_in,
    driver::Driver,
    program::{Program, files, until},
    screen::Screen,
    support::Client,
};

const SIZE: u64 = 200_000_000;

/// Maximum additional memory of the program during a transfer, in kB. The whole file would be more
/// than three times that.
const MEMORY: u64 = 60_000;

/// Maximum time without a state change in a page, in ms, while the state changes ten times a
/// second. Blocking or buffering for the whole transfer would take longer on any machine.
const SILENCE: f64 = 1500.0;

/// Records in the page the progress of a transfer, and the longest time without a state change.
const WATCH: &str = "
    window.seen = { progress: [], silence: 0 };
    let last = performance.now();
    new MutationObserver(() => {
        seen.silence = Math.max(seen.silence, performance.now() - last);
        last = performance.now();
    }).observe(document.getElementById('ticks'), { characterData: true, childList: true, subtree: true });
    setInterval(() => {
        const bar = document.querySelector('progress');
        if (bar && bar.hasAttribute('value')) seen.progress.push(bar.value);
    }, 10);";

async fn opened(driver: &Driver) -> Program {
    let program = Program::start(&files(), &["--server", "--port", "0"]).await;
    let link = program.traces.sign_in_link().await;
    driver.page.goto(&link).await.unwrap();
    driver.element("upload").await;
    program
}

/// Returns the peak memory of a program, in kB.
fn peak(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn was_watched(driver: &Driver, program: &Program, memory: u64) {
    let seen = driver.js("return seen").await;
    let silence = seen["silence"].as_f64().unwrap();
    let between = |value: &&serde_json::Value| (0.01..0.99).contains(&value.as_f64().unwrap());
    let steps = seen["progress"].as_array().unwrap().iter().filter(between).count();
    let more = peak(program) - memory;
    println!("progress seen {steps} times, {silence:.0} ms of silence, {more} kB more memory");
    assert!(steps > 2, "{seen}");
    assert!(silence < SILENCE, "the state stood still for {silence} ms");
    assert!(more < MEMORY, "{more} kB more memory");
}

#[tokio::test]
async fn two_hundred_megabytes_go_up_beside_the_state() {
    let driver = Driver::chromium().await;
    let program = opened(&driver).await;
    let path = driver.traces.path().join("large.bin");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    let memory = peak(&program);
    driver.js(WATCH).await;
    choose(&driver, "#upload input", &path).await;
    driver.js_until("document.querySelector('#received code')").await;
    was_watched(&driver, &program, memory).await;
    let mut expected = DefaultHasher::new();
    expected.write(&vec![0; SIZE as usize]);
    let checksum = driver.js("return document.querySelector('#received code').textContent").await;
    assert_eq!(checksum, format!("{:016x}", expected.finish()));
    driver.js_until("document.querySelector('.sv-transfers').textContent.includes('Done')").await;
    nothing_serious_is_in(&driver).await;
}

#[tokio::test]
async fn a_file_that_the_application_refuses_is_answered_with_its_message() {
    let driver = Driver::chromium().await;
    let _program = opened(&driver).await;
    let path = driver.traces.path().join("large.part");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    choose(&driver, "#upload input", &path).await;
    let shown = "document.querySelector('.sv-transfers [data-state=failed]')?.textContent";
    let text = driver.js_until(shown).await;
    assert!(text.as_str().unwrap().contains("large.part is not complete"), "{text}");
}

#[tokio::test]
async fn two_hundred_megabytes_come_down_beside_the_state() {
    let driver = Driver::chromium().await;
    let program = opened(&driver).await;
    let memory = peak(&program);
    driver.js(WATCH).await;
    driver.element("save").await.click().await.unwrap();
    driver.js_until(&said("Saved as a download")).await;
    was_watched(&driver, &program, memory).await;
    let saved = driver.traces.path().join("downloads/made.bin");
    // The browser renames it when it is complete.
    until("the download", async || {
        fs::metadata(&saved).is_ok_and(|file| file.len() == SIZE).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_browser_asks_in_dialogs_of_the_page_and_bytes_become_pictures() {
    let driver = Driver::chromium().await;
    let _program = opened(&driver).await;
    driver.element("ask").await.click().await.unwrap();
    let dialog = driver.js_until("document.querySelector('dialog[open]')?.textContent").await;
    assert!(dialog.as_str().unwrap().contains("Forget all files?"), "{dialog}");
    nothing_serious_is_in(&driver).await;
    press(&driver, "Yes").await;
    driver.js_until(&said("Answered Yes")).await;
    assert_eq!(driver.js("return document.activeElement.id").await, "ask", "the focus is back");
    driver.element("ask").await.click().await.unwrap();
    driver.js_until("document.querySelector('dialog[open]')").await;
    driver.page.active_element().await.unwrap().send_keys("\u{e00c}").await.unwrap();
    driver.js_until(&said("Answered Cancel")).await;

    let path = driver.traces.path().join("red.png");
    red_picture(&path);
    driver.element("open_picture").await.click().await.unwrap();
    driver.js_until("document.querySelector('dialog[open] input')").await;
    nothing_serious_is_in(&driver).await;
    choose(&driver, "dialog input", &path).await;
    press(&driver, "Open").await;
    driver.js_until(&said("Picture red.png")).await;
    driver.js_until("document.getElementById('kind').textContent === 'Uint8Array'").await;
    driver.js_until("document.getElementById('picture').naturalWidth === 3").await;
    driver
        .js_until(
            "(() => {
                const canvas = document.querySelector('canvas');
                if (canvas.width !== 3) return false;
                const [red, green] = canvas.getContext('2d').getImageData(1, 1, 1, 1).data;
                return red === 255 && green === 0;
            })()",
        )
        .await;
    driver.element("open_files").await.click().await.unwrap();
    press(&driver, "Cancel").await;
    driver.js_until(&said("No files")).await;
}

#[tokio::test]
async fn a_window_asks_in_native_dialogs() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&files(), &screen.environment(), &[]).await;
    let target = driver.traces.path().join("saved.bin");
    driver.element("megabytes").await;
    let mut client = Client::connect_to(driver.traces.address().await).await;
    client.set(json!({"megabytes": 20})).await.unwrap();
    driver.js_until("document.getElementById('megabytes').value === '20'").await;

    driver.element("save").await.click().await.unwrap();
    screen.focused("Save File").await.press(&["Escape"]);
    driver.js_until(&said("Not saved")).await;

    driver.element("save").await.click().await.unwrap();
    let dialog = screen.focused("Save File").await;
    dialog.press(&["ctrl+a"]);
    dialog.write(target.to_str().unwrap());
    dialog.press(&["Return"]);
    driver.js_until(&said(&format!("Saved {}", target.display()))).await;
    assert_eq!(fs::metadata(&target).unwrap().len(), 20_000_000);

    driver.element("ask").await.click().await.unwrap();
    screen.focused("Forget").await.press(&["alt+y"]);
    driver.js_until(&said("Answered Yes")).await;
    driver.element("tell").await.click().await.unwrap();
    screen.focused("Valve").await.press(&["Return"]);
    driver.js_until(&said("Told")).await;
}

fn said(what: &str) -> String {
    format!("document.getElementById('said').textContent === {}", json!(what))
}

async fn choose(driver: &Driver, input: &str, path: &Path) {
    let input = driver.page.wait().for_element(Locator::Css(input)).await.unwrap();
    input.send_keys(path.to_str().unwrap()).await.unwrap();
}

/// Presses a button of the page's dialog.
async fn press(driver: &Driver, label: &str) {
    let button = format!("//dialog[@open]//button[text()='{label}']");
    driver.page.wait().for_element(Locator::XPath(&button)).await.unwrap().click().await.unwrap();
}

/// Three pixels by three.
fn red_picture(path: &Path) {
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), 3, 3);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[255, 0, 0].repeat(9)).unwrap();
}
