//! Medians and ratios, as text and as JSON.

use serde_json::{Value, json};

use crate::cases::Figures;

/// The figures of one case: for each server its rounds.
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) servers: Vec<(&'static str, Vec<Figures>)>,
}

impl Row {
    /// The values of a figure over the rounds.
    fn values(&self, server: usize, figure: &str) -> Vec<f64> {
        let rounds = self.servers[server].1.iter();
        rounds.filter_map(|round| Some(round.iter().find(|(name, _)| *name == figure)?.1)).collect()
    }

    fn figures(&self) -> Vec<&'static str> {
        let first = self.servers.iter().find_map(|(_, rounds)| rounds.first());
        first.map(|figures| figures.iter().map(|(name, _)| *name).collect()).unwrap_or_default()
    }

    /// Our figures divided by those of another server, each in the same round.
    fn ratios(&self, figure: &str, other: &str) -> Vec<f64> {
        let index = |name: &str| self.servers.iter().position(|(known, _)| *known == name);
        let (Some(ours), Some(other)) = (index("selvedge"), index(other)) else {
            return Vec::new();
        };
        let pairs = self.values(ours, figure).into_iter().zip(self.values(other, figure));
        pairs.map(|(ours, other)| ours / other).collect()
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
