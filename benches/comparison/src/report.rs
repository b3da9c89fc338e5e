//! Medians and ratios, as text, as JSON and as a picture.

use serde_json::{Value, json};

use crate::work::Figures;

/// The figures of one case: for each server its rounds.
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) servers: Vec<(&'static str, Vec<Figures>)>,
}

impl Row {
    /// The values of a figure over the rounds.
    fn values(&self, server: usize, figure: &str) -> Vec<f64> {
        let rounds = self.servers[server].1.iter();
        let value = |round: &Figures| {
            round.iter().find(|(name, _)| *name == figure).map_or(f64::NAN, |(_, value)| *value)
        };
        rounds.map(value).collect()
    }

    fn figures(&self) -> Vec<&'static str> {
        let mut rounds = self.servers.iter().flat_map(|(_, rounds)| rounds);
        let first = rounds.find(|figures| !figures.is_empty());
        first.map(|figures| figures.iter().map(|(name, _)| *name).collect()).unwrap_or_default()
    }

    /// Our figures divided by those of another server, each in the same round.
    fn ratios(&self, figure: &str, other: &str) -> Vec<f64> {
        self.ratios_of("selvedge", figure, other)
    }

    /// The figures of one server divided by those of another, each in the same round.
    fn ratios_of(&self, server: &str, figure: &str, other: &str) -> Vec<f64> {
        let index = |name: &str| self.servers.iter().position(|(known, _)| *known == name);
        let (Some(server), Some(other)) = (index(server), index(other)) else {
            return Vec::new();
        };
        let pairs = self.values(server, figure).into_iter().zip(self.values(other, figure));
        pairs.map(|(one, other)| one / other).filter(|ratio| !ratio.is_nan()).collect()
    }

    /// Prints one line for each figure.
    pub(crate) fn print(&self) {
        for figure in self.figures() {
            print!("{:<34}{:<20}", self.case, figure);
            for server in 0..self.servers.len() {
                print!("{:>12}", short(median(self.values(server, figure))));
            }
            let ratios = self.ratios(figure, "limit");
            match ratios.is_empty() {
                true => println!(),
                false => {
                    let (low, high) = (least(&ratios), most(&ratios));
                    println!("{:>10.2} ({low:.2} to {high:.2})", median(ratios));
                }
            }
        }
    }

    pub(crate) fn json(&self) -> Value {
        let figures = self.figures().into_iter().map(|figure| {
            let servers = self.servers.iter().enumerate();
            let values = servers.map(|(at, (name, _))| ((*name).to_owned(), json!(self.values(at, figure))));
            let ratios = self.ratios(figure, "limit");
            json!({"figure": figure, "values": values.collect::<serde_json::Map<_, _>>(), "ratios": ratios})
        });
        json!({"case": self.case, "figures": figures.collect::<Vec<_>>()})
    }
}

pub(crate) fn print_head(servers: &[&str]) {
    print!("{:<34}{:<20}", "case", "figure");
    servers.iter().for_each(|server| print!("{server:>12}"));
    println!("{:>10}", "ours ÷ limit");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn short(value: f64) -> String {
    match value {
        value if value.is_nan() => "-".to_owned(),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Height of a bar, and of the room of a case, in pixels.
const BAR: usize = 9;

/// Widths of the names and of the bars, in pixels.
const NAMES: usize = 230;
const BARS: f64 = 560.0;

/// The largest ratio that is drawn.
const LARGEST: f64 = 3000.0;

/// Draws the processor time of each server, divided by that of the bare socket, on a logarithmic
/// scale.
pub(crate) fn picture(rows: &[Row]) -> String {
    const COLORS: [(&str, &str); 4] = [
        ("selvedge", "#2563a8"),
        ("axum", "#8a94a0"),
        ("trame", "#c77d2e"),
        ("nicegui", "#8b5fbf"),
    ];
    let at = |ratio: f64| NAMES as f64 + BARS * (ratio.max(0.5) / 0.5).ln() / (LARGEST / 0.5).ln();
    let rows: Vec<&Row> = rows.iter().filter(|row| row.figures().contains(&"CPU µs")).collect();
    let (room, width) = (COLORS.len() * BAR + 12, NAMES + BARS as usize + 60);
    let height = rows.len() * room + 60;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for ratio in [1.0, 10.0, 100.0, 1000.0] {
        let (x, bottom) = (at(ratio), height - 36);
        svg += &format!(
            "<path d=\"M{x:.0} 30V{bottom}\" stroke=\"#ccd2d9\"/>\n\
             <text x=\"{x:.0}\" y=\"22\" text-anchor=\"middle\" fill=\"#444\">{ratio} ×</text>\n"
        );
    }
    for (number, row) in rows.iter().enumerate() {
        let top = 36 + number * room;
        svg += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#111\">{}</text>\n",
            NAMES - 10,
            top + 2 * BAR,
            row.case
        );
        for (line, (server, color)) in COLORS.iter().enumerate() {
            let ratio = median(row.ratios_of(server, "CPU µs", "limit"));
            if ratio.is_nan() {
                continue;
            }
            let (y, end, begin) = (top + line * BAR, at(ratio), at(0.5));
            svg += &format!(
                "<rect x=\"{begin:.0}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" fill=\"{color}\"/>\n\
                 <text x=\"{:.0}\" y=\"{}\" font-size=\"9\" fill=\"#444\">{}</text>\n",
                end - begin,
                BAR - 1,
                end + 4.0,
                y + BAR - 2,
                short(ratio)
            );
        }
    }
    for (number, (server, color)) in COLORS.iter().enumerate() {
        let (x, y) = (NAMES + number * 110, height - 12);
        svg += &format!(
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{color}\"/>\n\
             <text x=\"{}\" y=\"{y}\" fill=\"#111\">{server}</text>\n",
            y - 11,
            x + 18
        );
    }
    svg + "</svg>\n"
}
