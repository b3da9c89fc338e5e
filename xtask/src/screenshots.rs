//! `cargo xtask screenshots`: pictures of the running desktop application for the README, light and dark, and of the
//! page for the guides.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    command::{self, Failure, Result},
    display::{self, Display},
    page, project, system,
};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;

/// Time limit for the window to appear, and again for the pattern to grow.
const LIMIT: Duration = Duration::from_secs(180);

/// Minimum number of colours of a drawn page: the simulation alone has more, an empty window a
/// handful.
const COLOURS: usize = 150;

/// Share of the pixels that the pattern must fill before the picture is taken.
const PATTERN: f64 = 0.3;

/// Takes all pictures.
pub(crate) fn draw() -> Result {
    pages()?;
    windows()
}

/// Takes the pictures of the page, with the test that compares the page with them.
fn pages() -> Result {
    system::ensure(system::SCREEN)?;
    system::ensure(system::DRIVERS)?;
    page::ensure_built()?;
    let mut test = command::cargo(&["test", "-p", "selvedge-e2e", "--", "pictures::", "board::"]);
    command::run(test.env("SELVEDGE_TAKE_PICTURES", "1"))?;
    let pictures = project::root().join("docs/pictures/*.png");
    // A palette makes the files a quarter of the size, without a visible difference.
    let mut palette = command::new("mogrify");
    command::run(palette.args(["-dither", "None", "-colors", "96", "-strip"]).arg(pictures))
}

/// Builds the desktop application, and takes its pictures.
fn windows() -> Result {
    system::ensure(system::DESKTOP)?;
    system::ensure(system::SCREEN)?;
    page::ensure_built()?;
    command::run(&mut command::cargo(&["build", "-p", "selvedge-demo"]))?;
    let docs = project::root().join("docs");
    fs::create_dir_all(&docs).map_err(|error| Failure::at(&docs, &error))?;
    // WebKitGTK reads from GTK's theme whether a page should be dark.
    for (theme, file) in
        [("Adwaita", "screenshot-light.png"), ("Adwaita:dark", "screenshot-dark.png")]
    {
        picture(theme, &docs.join(file))?;
        println!("docs/{file}");
    }
    Ok(())
}

fn picture(theme: &str, file: &Path) -> Result {
    let display = Display::start(WIDTH, HEIGHT)?;
    let mut command = Command::new(project::debug_binary("selvedge"));
    command.env("GTK_THEME", theme).stdin(Stdio::null());
    let mut app = display::spawn(display.show(&mut command))?;
    let taken = window(&display, &mut app).and_then(|window| {
        drawn(&display, &window)?;
        let mut import = command::new("import");
        // A palette makes the file a quarter of the size, without a visible difference.
        import.args(["-window", &window, "-dither", "None", "-colors", "96"]);
        let file = format!("PNG8:{}", file.display());
        command::run(display.show(import.arg(file)))
    });
    end(&mut app);
    taken
}

/// Waits for the application's window, and returns its id.
fn window(display: &Display, app: &mut Child) -> Result<String> {
    let id = app.id().to_string();
    let found = display::wait(LIMIT, || {
        if let Ok(Some(status)) = app.try_wait() {
            return Some(Err(Failure::new(format!("the application ended early: {status}"))));
        }
        let mut search = command::new("xdotool");
        search.args(["search", "--onlyvisible", "--pid", &id, "--name", "."]);
        let output = command::output(display.show(&mut search)).ok()?;
        let window = String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned();
        Some(Ok(window))
    });
    found.unwrap_or_else(|| Err(Failure::new("the application opened no window")))
}

/// Waits until the page is in the window and the pattern has grown.
fn drawn(display: &Display, window: &str) -> Result {
    let (mut seen, mut share) = (0, 0.0);
    let drawn = display::wait(LIMIT, || {
        let mut import = command::new("import");
        import.args(["-silent", "-window", window, "-depth", "8", "rgb:-"]);
        let pixels = command::output(display.show(&mut import)).ok()?.stdout;
        let colours = colours(&pixels);
        // A surface fills more than a hundredth of the window with one colour; a pattern does not.
        let surface = pixels.len() / 3 / 100;
        let pattern: usize = colours.values().filter(|count| **count < surface).sum();
        seen = colours.len();
        share = pattern as f64 / (pixels.len() as f64 / 3.0);
        (seen >= COLOURS && share >= PATTERN).then_some(())
    });
    drawn.ok_or_else(|| {
        let (share, wanted) = (100.0 * share, 100.0 * PATTERN);
        Failure::new(format!(
            "the page was not drawn: {seen} colours of {COLOURS}, {share:.0} % pattern of {wanted:.0} %"
        ))
    })
}

/// Counts the pixels of each colour.
fn colours(pixels: &[u8]) -> HashMap<&[u8], usize> {
    let mut colours = HashMap::new();
    for pixel in pixels.chunks_exact(3) {
        *colours.entry(pixel).or_default() += 1;
    }
    colours
}

/// Ends the application as a log-out does, or by force if it does not react.
fn end(app: &mut Child) {
    let asked = command::output(command::new("kill").arg(app.id().to_string())).is_ok();
    let ended = asked.then(|| display::wait(Duration::from_secs(10), || app.try_wait().ok()?));
    if ended.flatten().is_none() {
        let _ = app.kill();
        let _ = app.wait();
    }
}
