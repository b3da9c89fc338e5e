//! Compares the page with the pictures of the guides, in `docs/pictures`.
//!
//! `cargo xtask screenshots` takes these pictures, with this test. Fonts differ between machines, so the comparison is
//! coarse: it finds a part that is missing, moved or without its style.

use std::{fs, io::Cursor, path::PathBuf};

use fantoccini::Locator;
use selvedge::{
    Ctx, Failure, Server,
    window::{MessageButtons, MessageRequest, OpenRequest},
};
use serde_json::json;
use tokio::sync::Notify;

use crate::{driver::Driver, program::until, support::start};

/// Set by the command that takes the pictures.
const TAKE: &str = "SELVEDGE_TAKE_PICTURES";

/// Edge of the squares whose average colours are compared, in pixels.
const SQUARE: usize = 20;

/// Difference of a square that counts, of 255.
const VISIBLE: u32 = 24;

/// Share of squares that may differ.
const TOLERANCE: f64 = 0.04;

/// A picture with three bytes for each pixel.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn read(png: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        let channels = info.color_type.samples();
        let pixels = data[..info.buffer_size()].chunks_exact(channels).flat_map(|pixel| {
            let blue = if channels < 3 { 0 } else { 2 };
            [pixel[0], pixel[blue / 2], pixel[blue]]
        });
        Picture {
            width: info.width as usize,
            height: info.height as usize,
            pixels: pixels.collect(),
        }
    }

    /// Returns the average colour of each square, row by row.
    fn squares(&self) -> Vec<[u32; 3]> {
        let (columns, rows) = (self.width.div_ceil(SQUARE), self.height.div_ceil(SQUARE));
        let mut sums = vec![([0; 3], 0); columns * rows];
        for (at, pixel) in self.pixels.chunks_exact(3).enumerate() {
            let (x, y) = (at % self.width, at / self.width);
            let (sum, count) = &mut sums[y / SQUARE * columns + x / SQUARE];
            for (channel, value) in pixel.iter().enumerate() {
                sum[channel] += u32::from(*value);
            }
            *count += 1;
        }
        sums.into_iter().map(|(sum, count)| sum.map(|channel| channel / count)).collect()
    }

    /// Returns the share of squares that look different in another picture.
    fn difference(&self, other: &Picture) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 1.0;
        }
        let (own, others) = (self.squares(), other.squares());
        let differs = |(one, other): &(&[u32; 3], &[u32; 3])| {
            one.iter().zip(*other).any(|(one, other)| one.abs_diff(*other) > VISIBLE)
        };
        own.iter().zip(&others).filter(differs).count() as f64 / own.len() as f64
    }
}

/// Compares what the page shows with the picture of this name, or takes the picture.
pub async fn shows(driver: &Driver, name: &str) {
    still(driver).await;
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures").join(name);
    let file = file.with_extension("png");
    if std::env::var_os(TAKE).is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, at_rest(driver).await).unwrap();
        return;
    }
    let expected = Picture::read(&fs::read(&file).unwrap());
    let seen = std::env::temp_dir().join(format!("selvedge-{name}.png"));
    // What is loaded on demand may still be missing.
    let what = format!("a page as in {}; see {}", file.display(), seen.display());
    until(&what, async || {
        let png = driver.page.screenshot().await.unwrap();
        let difference = Picture::read(&png).difference(&expected);
        println!("{name}: {:.1} %", 100.0 * difference);
        if difference <= TOLERANCE {
            return Some(());
        }
        fs::write(&seen, png).unwrap();
        None
    })
    .await;
}

/// Ends all movement.
async fn still(driver: &Driver) {
    const STILL: &str = "
        if (!document.querySelector('#still')) {
            const text = '*, ::before, ::after { animation: none !important; transition: none !important; caret-color: #0000 !important }';
            document.head.append(Object.assign(document.createElement('style'), { id: 'still', textContent: text }));
        }";
    driver.js(STILL).await;
}

/// Returns a picture of the page that stays the same for a while.
async fn at_rest(driver: &Driver) -> Vec<u8> {
    let (mut before, mut count) = (Vec::new(), 0);
    until("a page at rest", async || {
        let now = driver.page.screenshot().await.unwrap();
        count = if now == before { count + 1 } else { 0 };
        before.clone_from(&now);
        (count == 5).then_some(now)
    })
    .await
}

pub async fn sized(driver: &Driver, width: u32, height: u32) {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    driver.devtools("Emulation.setDeviceMetricsOverride", size).await;
}

#[tokio::test]
async fn the_gallery() {
    let server = gallery::app().unwrap();
    let running = start(&server).await;
    let driver = Driver::chromium().await;
    sized(&driver, 1000, 700).await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    let parts = ["text", "forms", "controls", "layout", "files", "plots", "tables"];
    for (scheme, parts) in [("light", &parts[..]), ("dark", &["controls", "plots"])] {
        server.state().set("scheme", scheme).flush();
        let is_set = format!("document.documentElement.dataset.colorScheme === '{scheme}'");
        driver.js_until(&is_set).await;
        for part in parts {
            let path = if *part == "text" { "" } else { part };
            driver.js(&format!("location.hash = '/{path}'")).await;
            let current = "document.querySelector('nav [aria-current]')?.hash";
            driver.js_until(&format!("{current} === '#/{path}'")).await;
            shows(&driver, &format!("gallery-{part}-{scheme}")).await;
        }
    }
    driver.page.clone().close().await.unwrap();
    running.stop().await.unwrap();
}

/// Ends the wait of the call that keeps the page busy.
static MEASURED: Notify = Notify::const_new();

/// A small application, in all the states of its page.
fn station() -> Server {
    let server = Server::new("station");
    server.state().set("trame__title", "Test stand");
    server.template(
        "main",
        "<selvedge-app><selvedge-toolbar title=\"Test stand\"></selvedge-toolbar>
         <main id=main><p>The pump runs at 1450 1/min.</p>
         <selvedge-stack row><button @click=\"trigger('stop')\">Stop the pump</button>
         <button @click=\"trigger('measure')\">Measure</button></selvedge-stack></main></selvedge-app>",
    );
    server.trigger("stop", |_: Ctx| {
        Err::<(), _>(Failure::msg("The pump cannot be stopped while the valve is open."))
    });
    server.trigger("measure", async |_: Ctx| MEASURED.notified().await);
    server.trigger("ask", async |cx: Ctx| {
        let text = "The results of the last run are not saved. Start anyway?";
        let question =
            MessageRequest::warning(text).title("Start a new run").buttons(MessageButtons::YesNo);
        cx.show_message(question).await.map(|_| ())
    });
    server.trigger("load", async |cx: Ctx| {
        if let Some(mut file) = cx.open_file(OpenRequest::new()).await? {
            file.content(usize::MAX).await?;
        }
        Ok::<_, Failure>(())
    });
    server
}

const PAGE: &str = "<selvedge-page></selvedge-page>";

/// Makes the requests for these addresses wait.
async fn hold(driver: &Driver, addresses: &str) {
    driver.devtools("Fetch.enable", json!({"patterns": [{"urlPattern": addresses}]})).await;
}

async fn release(driver: &Driver) {
    driver.devtools("Fetch.disable", json!({})).await;
}

#[tokio::test]
async fn its_own_states() {
    let driver =
        Driver::chromium_with(&["--host-resolver-rules=MAP stand.example 127.0.0.1"]).await;
    sized(&driver, 640, 280).await;
    before_it_is_shown(&driver).await;
    on_top_of_the_application(&driver).await;
    driver.page.clone().close().await.unwrap();
}

async fn before_it_is_shown(driver: &Driver) {
    let running = start(&station()).await;
    hold(driver, "*/paraview*").await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('.sv-page-busy')").await;
    shows(driver, "state-starting").await;
    running.stop().await.unwrap();
    release(driver).await;
    driver.js_until("document.body.textContent.includes('does not answer')").await;
    shows(driver, "state-unreachable").await;

    let running = start(&station()).await;
    driver.page.goto(&format!("http://stand.example:{}/", running.port())).await.unwrap();
    driver.js_until("document.querySelector('h1')?.textContent === 'No access'").await;
    shows(driver, "state-no-access").await;
    driver.page.goto(running.url()).await.unwrap();
    driver.js_until("document.body.textContent.includes('Not signed in')").await;
    shows(driver, "state-refused").await;
    running.stop().await.unwrap();
}

async fn on_top_of_the_application(driver: &Driver) {
    // The page's WebSockets can be ended, and then find no server.
    let cut = "const Real = WebSocket;
        window.sockets = [];
        window.WebSocket = class extends Real {
            constructor(url, protocols) {
                super(window.isCut ? 'ws://127.0.0.1:1' : url, protocols);
                sockets.push(this);
            }
        };
        window.cut = () => { window.isCut = true; sockets.forEach((socket) => socket.close()); }";
    driver.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": cut})).await;
    let server = station();
    let running = start(&server).await;
    let open = async || {
        driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
        driver.js_until("document.querySelector('#main button')").await;
    };
    open().await;
    driver.js("document.querySelector('#main button').click()").await;
    driver.js_until("document.querySelector('.sv-notices [role=alert]')").await;
    shows(driver, "state-error").await;
    driver.js("document.querySelector('.sv-notices button').click()").await;

    driver.js("document.querySelectorAll('#main button')[1].click()").await;
    driver.js_until("document.querySelector('.sv-busy')").await;
    shows(driver, "state-busy").await;
    MEASURED.notify_one();
    driver.js_until("!document.querySelector('.sv-busy')").await;

    hold(driver, "*/selvedge/upload/*").await;
    let file = driver.traces.path().join("run-17.csv");
    fs::write(&file, [b'0'; 100_000]).unwrap();
    driver.js("trame.trigger('load'); return 1").await;
    let input = driver.page.wait().for_element(Locator::Css("dialog input")).await.unwrap();
    input.send_keys(file.to_str().unwrap()).await.unwrap();
    driver.js("document.querySelector('dialog button:last-child').click()").await;
    driver.js_until("document.querySelector('.sv-transfers')").await;
    shows(driver, "state-upload").await;
    release(driver).await;
    driver.js_until("!document.querySelector('.sv-transfers progress')").await;

    driver.js("trame.trigger('ask'); return 1").await;
    driver.js_until("document.querySelector('dialog[open]')").await;
    shows(driver, "state-question").await;

    driver.js("trame.trigger('measure'); window.cut(); return 1").await;
    driver.js_until("document.body.textContent.includes('Connection lost')").await;
    shows(driver, "state-lost").await;

    open().await;
    server.template("main", "<p>{{ pressure bar }}</p>");
    driver.js_until("document.querySelector('.sv-template-error')").await;
    shows(driver, "state-template-error").await;
    server.template("main", PAGE);
    driver.js_until("document.querySelector('.sv-empty')").await;
    shows(driver, "state-no-such-page").await;

    let other = start(&station()).await;
    driver.page.goto(&other.sign_in_url().unwrap()).await.unwrap();
    driver.js_until("document.querySelector('#main button')").await;
    other.stop().await.unwrap();
    driver.js_until("document.body.textContent.includes('was closed')").await;
    shows(driver, "state-closed").await;
    running.stop().await.unwrap();
}

#[test]
fn a_broken_layout_is_seen_and_another_font_is_not() {
    let plain = |part: &dyn Fn(usize, usize) -> u8| {
        let pixels = (0..200 * 100).flat_map(|at| [part(at % 200, at / 200); 3]).collect();
        Picture { width: 200, height: 100, pixels }
    };
    let text = plain(&|x, y| if x < 120 && y % 20 < 10 && x % 3 == 0 { 40 } else { 250 });
    let font = plain(&|x, y| if x < 126 && y % 20 < 10 && x % 3 == 1 { 50 } else { 250 });
    let moved = plain(&|x, y| if x > 80 && y % 20 < 10 && x % 3 == 0 { 40 } else { 250 });
    assert!(text.difference(&font) <= TOLERANCE, "{}", text.difference(&font));
    assert!(text.difference(&moved) > TOLERANCE, "{}", text.difference(&moved));
}
