//! Measures servers that do the same work, each in a process of its own: the library, a bare socket
//! that sends the same bytes, axum, and trame.
//!
//! The servers take turns in each round. Ratios are formed within a round, so that other load on
//! the machine affects both sides; the median over the rounds counts, and its spread is printed.
#![forbid(unsafe_code)]

mod cases;
mod client;
mod report;
mod servers;

use std::{fs, io, path::PathBuf, time::Duration};

use cases::CASES;
use clap::Parser;
use report::Row;
use servers::Kind;

#[derive(Parser)]
struct Arguments {
    /// Cases whose name contains one of these
    cases: Vec<String>,
    /// The program of the library
    #[arg(long)]
    ours: PathBuf,
    /// The Python interpreter with trame, and trame's application
    #[arg(long, num_args = 2)]
    trame: Option<Vec<PathBuf>>,
    /// Leave trame out
    #[arg(long)]
    no_trame: bool,
    /// Leave axum out
    #[arg(long)]
    no_axum: bool,
    /// Fewer and shorter rounds
    #[arg(long)]
    quick: bool,
    /// Number of rounds
    #[arg(long)]
    rounds: Option<usize>,
    /// Also write the figures to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also draw the processor times as an SVG picture in this file
    #[arg(long)]
    picture: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let kinds = kinds(&arguments)?;
    let names: Vec<&'static str> = kinds.iter().map(|kind| kind.name).collect();
    let (rounds, duration) = match arguments.quick {
        true => (3, Duration::from_millis(250)),
        false => (5, Duration::from_secs(1)),
    };
    let rounds = arguments.rounds.unwrap_or(rounds);
    report::print_head(&names);
    let mut rows = Vec::new();
    for case in CASES {
        let chosen = arguments.cases.iter().any(|part| case.name.contains(part.as_str()));
        if !chosen && !arguments.cases.is_empty() {
            continue;
        }
        let mut row = Row {
            case: case.name,
            servers: names.iter().map(|name| (*name, Vec::new())).collect(),
        };
        for _ in 0..rounds {
            for (kind, (_, figures)) in kinds.iter().zip(&mut row.servers) {
                match case.run(kind, duration).await {
                    Ok(measured) => figures.push(measured),
                    Err(error) => {
                        eprintln!("{}: {}: {error}", case.name, kind.name);
                        // Rounds are compared with each other.
                        figures.push(Vec::new());
                    }
                }
            }
        }
        row.print();
        rows.push(row);
    }
    if let Some(file) = arguments.json {
        let json: Vec<serde_json::Value> = rows.iter().map(Row::json).collect();
        fs::write(file, format!("{:#}\n", serde_json::Value::from(json)))?;
    }
    match arguments.picture {
        Some(file) => fs::write(file, report::picture(&rows)),
        None => Ok(()),
    }
}

/// The servers: the programs to compare with stand beside this one.
fn kinds(arguments: &Arguments) -> io::Result<Vec<Kind>> {
    let beside = |name: &str| Ok::<_, io::Error>(std::env::current_exe()?.with_file_name(name));
    let mut kinds = vec![
        Kind { name: "limit", program: vec![beside("limit")?], takes_flags: false },
        Kind { name: "selvedge", program: vec![arguments.ours.clone()], takes_flags: true },
    ];
    if !arguments.no_axum {
        kinds.push(Kind { name: "axum", program: vec![beside("axum")?], takes_flags: false });
    }
    if let Some(trame) = arguments.trame.as_ref().filter(|_| !arguments.no_trame) {
        kinds.push(Kind { name: "trame", program: trame.clone(), takes_flags: true });
    }
    Ok(kinds)
}
