//! What a page looks like without a line of CSS: plain HTML, and the elements of the page.
#![forbid(unsafe_code)]

use std::{ops::Range, thread::sleep, time::Duration};

use selvedge::{
    Ctx, Failure, Result, Server,
    jobs::Job,
    pages::{Density, Theme},
    tables::{Column, Query, Rows, TableSource},
    values::Attachment,
};
use serde::Serialize;
use serde_json::{Value, json};

/// The parts of the gallery: path, template, title and content.
const PARTS: [(&str, &str, &str, &str); 6] = [
    ("/", "text", "Text", include_str!("pages/text.html")),
    ("/forms", "forms", "Forms", include_str!("pages/forms.html")),
    ("/controls", "controls", "Controls", include_str!("pages/controls.html")),
    ("/layout", "layout", "Layout", include_str!("pages/layout.html")),
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

/// A field of numbers, as the page takes it.
#[derive(Serialize)]
struct Field {
    width: u32,
    height: u32,
    /// Numbers of 32 bits, the lowest byte first.
    data: Attachment,
}

/// Number of points of the plot whose data stays in Rust.
const POINTS: u32 = 1_000_000;

/// The data of the plots.
fn add_plots(server: &Server) -> Result<()> {
    let line = |of: fn(f64) -> f64| -> Vec<(f64, f64)> {
        (0..200).map(|at| f64::from(at) / 20.0).map(|x| (x, of(x))).collect()
    };
    let band: Vec<_> = line(f64::sin).into_iter().map(|(x, y)| (x, 2.7 + y, 3.3 + y)).collect();
    let measured: Vec<_> =
        line(|x| 3.0 + x.sin() + 0.2 * (17.0 * x).sin()).into_iter().step_by(8).collect();
    let series = json!([
        {"label": "model", "points": line(|x| 3.0 + x.sin())},
        {"label": "tolerance", "kind": "band", "points": band},
        {"label": "measured", "kind": "scatter", "points": measured},
        {"label": "valve", "kind": "step", "points": line(|x| (x / 2.0).floor() % 2.0 + 1.0)},
    ]);
    let decades = (0..120).map(|at| 10_f64.powf(f64::from(at) / 30.0));
    let response: Vec<_> = decades.map(|f| (f, 1.0 / (1.0 + (f / 100.0).powi(2)).sqrt())).collect();
    let days: Vec<_> = (0..60)
        .map(|day| (1_775_000_000.0 + 86_400.0 * f64::from(day), f64::from(day * 7 % 13)))
        .collect();
    let heat = |x: f64, y: f64| 293.0 + 40.0 * (-(x * x + y * y) / 300.0).exp() + (x / 6.0).sin();
    let values = (-40..40).flat_map(|y| (-60..60).map(move |x| heat(f64::from(x), f64::from(y))));
    let bytes: Vec<u8> = values.flat_map(|kelvin| (kelvin as f32).to_le_bytes()).collect();
    let field = Field { width: 120, height: 80, data: bytes.into() };
    server
        .state()
        .set("field", field)
        .set("series", series)
        .set("response", response)
        .set("days", days);

    let signal = server.plot("signal", ["noise", "peaks"]);
    let x: Vec<_> = (0..POINTS).map(|at| f64::from(at) / 1e5).collect();
    let noise: Vec<_> = x.iter().map(|x| x.sin() + 0.4 * (1e4 * x).sin()).collect();
    let peaks: Vec<_> = (0..POINTS).map(|at| if at % 333_333 == 99 { 3.0 } else { -1.8 }).collect();
    signal.extend(&x, [&noise, &peaks])
}

/// A hundred million rows, each computed when a page shows it.
struct Samples;

/// Number of samples.
const SAMPLES: u64 = 100_000_000;

impl TableSource for Samples {
    fn columns(&self) -> Vec<Column> {
        let number =
            |name: &str, title: &str| Column::new(name).title(title).numeric().unsortable();
        vec![number("n", "Sample"), number("time", "Time, s"), number("value", "Voltage, V")]
    }

    fn count(&self, _: &Query) -> Result<u64, Failure> {
        Ok(SAMPLES)
    }

    fn read(&self, _: &Query, rows: Range<u64>) -> Result<Vec<Vec<Value>>, Failure> {
        let row = |n: u64| {
            let time = n as f64 / 1e6;
            vec![json!(n + 1), json!(time), json!((time.sin() * 1e4).round() / 1e4)]
        };
        Ok(rows.map(row).collect())
    }
}

/// The rows of the tables.
fn add_tables(server: &Server) {
    let columns = [
        Column::new("name").title("Run").editable(),
        Column::new("speed").title("Speed, 1/min").numeric().editable(),
        Column::new("state").title("State"),
    ];
    let runs = Rows::new(columns);
    for run in 1..=500_u32 {
        let state = ["done", "failed", "running"][run as usize % 3];
        runs.push([json!(format!("Run {run}")), json!(200 + run * 37 % 400), json!(state)]);
    }
    server.table("runs", runs);
    server.table("samples", Samples);
}

/// Makes the application.
///
/// # Errors
/// None is known: paths and colours are valid.
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
