//! The data of the plots and tables.

use std::ops::Range;

use selvedge::{
    Failure, Result, Server,
    tables::{Column, Query, Rows, TableSource},
    values::Attachment,
};
use serde::Serialize;
use serde_json::{Value, json};

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
pub(crate) fn add_plots(server: &Server) -> Result<()> {
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
pub(crate) fn add_tables(server: &Server) {
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
