//! What a page looks like without a line of CSS: plain HTML, and the elements of the page.
#![forbid(unsafe_code)]

mod data;

use std::{thread::sleep, time::Duration};

use selvedge::{
    Ctx, Failure, Result, Server,
    jobs::Job,
    pages::{Density, Theme},
};
use serde_json::{Value, json};

use data::{add_plots, add_tables};

/// The parts of the gallery: path, template, title and content.
const PARTS: [(&str, &str, &str, &str); 7] = [
    ("/", "text", "Text", include_str!("pages/text.html")),
    ("/forms", "forms", "Forms", include_str!("pages/forms.html")),
    ("/controls", "controls", "Controls", include_str!("pages/controls.html")),
    ("/layout", "layout", "Layout", include_str!("pages/layout.html")),
    ("/files", "files", "Files", include_str!("pages/files.html")),
    ("/plots", "plots", "Plots", include_str!("pages/plots.html")),
    ("/tables", "tables", "Tables", include_str!("pages/tables.html")),
];

const MATERIALS: [&str; 8] =
    ["Aluminium", "Brass", "Concrete", "Copper", "Glass", "Steel", "Titanium", "Wood"];

/// The colour of the page itself.
const ACCENT: &str = "#0b6e82";

fn sweep(job: Job, steps: u32) -> Result<u32, Failure> {
    for step in 0..steps {
        job.check()?;
        job.progress(f64::from(step) / f64::from(steps), format!("step {step}"));
        job.log(format!("step {step} is done"));
        sleep(Duration::from_millis(100));
    }
    Ok(steps)
}

/// The look that the controls at the top choose.
fn theme(accent: &str, compact: bool) -> Result<Theme> {
    let density = if compact { Density::Compact } else { Density::Comfortable };
    Ok(Theme::new().accent(accent)?.density(density))
}

/// Settings that a user edits as text.
const SETTINGS: &str = r#"{
    "pump": { "speed": 300, "direction": "in" },
    "limits": [0.5, 1.5e-3],
    "alarm": true
}
"#;

const SCRIPT: &str = r#"# Raises the speed until the pressure is reached.
def ramp(pump, pressure, step=10):
    """Returns the speed that was needed."""
    while pump.pressure < pressure:
        pump.speed += step
    return pump.speed
"#;

/// Returns what is wrong in the settings, for the editor.
fn problems(settings: &str) -> Value {
    match serde_json::from_str::<Value>(settings) {
        Ok(_) => json!([]),
        Err(error) => {
            let message = error.to_string();
            json!([{"line": error.line(), "column": error.column(), "message": message}])
        }
    }
}

/// What the controls for texts and files need.
fn add_files(server: &Server) -> Result<()> {
    server
        .state()
        .set("settings", SETTINGS)
        .set("problems", json!([]))
        .set("script", SCRIPT)
        .set("input", "")
        .set("results", "");
    server
        .on_change("settings", |cx: Ctx, settings: String| cx.set("problems", problems(&settings)));
    // The folder in which the gallery was started.
    server.share_folder("examples", ".")?;
    Ok(())
}

/// Makes the application.
///
/// # Errors
/// If the folder in which it was started cannot be read.
pub fn app() -> Result<Server> {
    let server = Server::new("gallery");
    let parts = PARTS.map(|(path, _, title, _)| [("path", path), ("title", title)]);
    let parts = parts.map(std::collections::BTreeMap::from);
    let rows = [
        ("9:00", 290, 3.0, "cold"),
        ("9:30", 300, 3.1, ""),
        ("10:00", 310, 3.2, "a valve was opened"),
    ];
    let points: Vec<_> =
        (0..200).map(|at| f64::from(at) / 20.0).map(|x| (x, 3.0 + x.sin())).collect();
    let log: Vec<_> =
        (1..=10_000).map(|step| format!("step {step}: pressure {} bar", step % 7)).collect();
    server
        .state()
        .set("trame__title", "Gallery")
        .set("parts", parts)
        .set("scheme", "")
        .set("compact", false)
        .set("mirrored", false)
        .set("accent", ACCENT)
        .set("name", "Pump 1")
        .set("speed", 300)
        .set("position", 40)
        .set("mode", "run")
        .set("ready", true)
        .set("direction", "in")
        .set("notes", "It hums.")
        .set("sent", "")
        .set("asking", false)
        .set("toast", "")
        .set("rows", rows)
        .set("points", points)
        .set("tolerance", 1.5e-3)
        .set("frequency", 440.0)
        .set("window_of", (2.5, 7.5))
        .set("gain", -6.0)
        .set("material", "Steel")
        .set("materials", MATERIALS)
        .set("begin", "2026-05-01T10:30:00Z")
        .set("colormap", "viridis")
        .set("place", [12.5, -3.0, 0.0])
        .set("stiffness", [[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 2.0]])
        .set("log", log);
    add_plots(&server)?;
    add_tables(&server);
    add_files(&server)?;
    server.on_change("scheme", |cx: Ctx, scheme: String| cx.set("trame__color_scheme", scheme));
    server.on_change(
        ["accent", "compact"],
        |cx: Ctx, accent: String, compact: bool| -> Result<()> {
            cx.server.theme(&theme(&accent, compact)?);
            Ok(())
        },
    );
    server.trigger("send", |cx: Ctx| -> Result<()> {
        let name: String = cx.state().get("name")?;
        cx.set("sent", format!("{name} was sent."));
        Ok(())
    });
    server.trigger("clear", |cx: Ctx| cx.set("name", "").set("notes", "").set("sent", ""));
    server.job("sweep", sweep);
    server.template("main", include_str!("pages/main.html"));
    for (path, template, title, content) in PARTS {
        server.template(template, content);
        server.route(path, template)?.title(format!("{title} – Gallery"));
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use selvedge::testing::{Result, TestApp};

    use super::*;

    #[tokio::test]
    async fn each_part_can_be_visited_and_has_no_mistakes() -> Result {
        let app = TestApp::start(&app()?).await?;
        let mut page = app.page().await?;
        for (_, _, title, _) in PARTS {
            page.press(title).await?;
        }
        assert_eq!(page.mistakes()?, [""; 0]);
        app.stop().await
    }

    #[tokio::test]
    async fn menus_dialogs_and_tabs_are_operated_by_their_names() -> Result {
        let app = TestApp::start(&app()?).await?;
        let mut page = app.page().await?;
        page.press("Layout").await?;
        page.press("More").await?;
        page.press("Export").await?;
        page.wait_for_text("Exported.").await?;
        page.press("Notes").await?;
        page.fill("Notes", "It hums louder.").await?;
        page.press("Start a run").await?;
        page.wait_for_text("Start the pump?").await?;
        page.press("Cancel").await?;
        assert!(!page.user().get::<bool>("asking")?);
        assert_eq!(page.mistakes()?, [""; 0]);
        app.stop().await
    }

    #[tokio::test]
    async fn a_file_is_found_in_the_shared_folder() -> Result {
        let app = TestApp::start(&app()?).await?;
        let mut page = app.page().await?;
        page.press("Files").await?;
        page.press("Choose a file").await?;
        page.wait_for_text("Cargo.toml").await?;
        page.press("src").await?;
        page.wait_for_text("data.rs").await?;
        page.fill("Filter", "LIB").await?;
        page.press("lib.rs").await?;
        assert_eq!(page.user().get::<String>("input")?, "src/lib.rs");
        app.stop().await
    }

    #[tokio::test]
    async fn a_mistake_in_the_settings_is_marked_in_its_line() -> Result {
        let app = TestApp::start(&app()?).await?;
        let mut page = app.page().await?;
        page.press("Files").await?;
        page.fill("Settings", "{\n  \"speed\": fast\n}").await?;
        page.wait_for_text("expected ident at line 2").await?;
        assert_eq!(page.user().get::<Value>("problems")?[0]["line"], 2);
        app.stop().await
    }

    #[tokio::test]
    async fn a_form_is_sent_with_what_was_typed() -> Result {
        let app = TestApp::start(&app()?).await?;
        let mut page = app.page().await?;
        page.press("Forms").await?;
        page.fill("Name", "Pump 2").await?;
        page.press("Out").await?;
        page.press("Send").await?;
        page.wait_for_text("Pump 2 was sent.").await?;
        assert_eq!(page.user().get::<String>("direction")?, "out");
        page.press("Clear").await?;
        assert_eq!(page.user().get::<String>("name")?, "");
        app.stop().await
    }
}
