//! Measures servers that do the same work, each in a process of its own: the library, a bare socket
//! that sends the same bytes, axum, trame and NiceGUI.
//!
//! The servers take turns in each round. Ratios are formed within a round, so that other load on
//! the machine affects both sides; the median over the rounds counts, and its spread is printed.
#![forbid(unsafe_code)]

mod cases;
mod client;
#[cfg(unix)]
mod desktop;
mod line;
mod nicegui;
mod processes;
mod report;
mod servers;
mod work;

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
    #[arg(long, required_unless_present = "desktop")]
    ours: Option<PathBuf>,
    /// Measure only programs with a window: that of the library and one with an empty page
    #[arg(long, num_args = 2)]
    desktop: Option<Vec<PathBuf>>,
    /// The Python interpreter with trame, and trame's application
    #[arg(long, num_args = 2)]
    trame: Option<Vec<PathBuf>>,
    /// The Python interpreter with NiceGUI, and its application
    #[arg(long, num_args = 2)]
    nicegui: Option<Vec<PathBuf>>,
    /// Leave trame out
    #[arg(long)]
    no_trame: bool,
    /// Leave NiceGUI out
    #[arg(long)]
    no_nicegui: bool,
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
    #[cfg(unix)]
    allow_many_descriptors()?;
    let rows = match &arguments.desktop {
        Some(programs) => vec![desktop(&arguments, programs)?],
        None => serving(&arguments).await?,
    };
    if let Some(file) = arguments.json {
        let json: Vec<serde_json::Value> = rows.iter().map(Row::json).collect();
        fs::write(file, format!("{:#}\n", serde_json::Value::from(json)))?;
    }
    match arguments.picture {
        Some(file) => fs::write(file, report::picture(&rows)),
        None => Ok(()),
    }
}

/// Allows this process, and the servers that it starts, as many open files as the system does.
#[cfg(unix)]
fn allow_many_descriptors() -> io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).map_err(io::Error::from)
}

/// Measures the servers, and prints each case when it is done.
async fn serving(arguments: &Arguments) -> io::Result<Vec<Row>> {
    let kinds = kinds(arguments)?;
    let names: Vec<&'static str> = kinds.iter().map(|kind| kind.name).collect();
    let duration = Duration::from_millis(if arguments.quick { 250 } else { 1000 });
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
        for _ in 0..rounds(arguments) {
            for (kind, (_, figures)) in kinds.iter().zip(&mut row.servers) {
                if !case.suits(kind) {
                    figures.push(Vec::new());
                    continue;
                }
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
    Ok(rows)
}

fn rounds(arguments: &Arguments) -> usize {
    arguments.rounds.unwrap_or(if arguments.quick { 3 } else { 5 })
}

/// Measures programs with a window.
#[cfg(unix)]
fn desktop(arguments: &Arguments, programs: &[PathBuf]) -> io::Result<Row> {
    let kind = |name, program: &[PathBuf], flags| Kind {
        name,
        program: program.to_vec(),
        flags,
        ..Kind::default()
    };
    let mut kinds =
        vec![kind("selvedge", &programs[..1], None), kind("limit", &programs[1..], None)];
    if let Some(trame) = arguments.trame.as_ref().filter(|_| !arguments.no_trame) {
        kinds.push(kind("trame", trame, Some(&["--app", "--timeout", "0"])));
    }
    report::print_head(&kinds.iter().map(|kind| kind.name).collect::<Vec<_>>());
    let row = desktop::row(&kinds, rounds(arguments))?;
    row.print();
    Ok(row)
}

#[cfg(not(unix))]
fn desktop(_: &Arguments, _: &[PathBuf]) -> io::Result<Row> {
    Err(io::Error::other("programs with a window are measured on an X server"))
}

/// The servers: the programs to compare with stand beside this one.
fn kinds(arguments: &Arguments) -> io::Result<Vec<Kind>> {
    let beside = |name: &str| Ok::<_, io::Error>(std::env::current_exe()?.with_file_name(name));
    let mut kinds = vec![
        Kind { name: "limit", program: vec![beside("limit")?], ..Kind::default() },
        Kind {
            name: "selvedge",
            program: arguments.ours.iter().cloned().collect(),
            // As for clients on other machines.
            flags: Some(&["--ws-compress", "always"]),
            checks_names: true,
            ..Kind::default()
        },
    ];
    if !arguments.no_axum {
        kinds.push(Kind { name: "axum", program: vec![beside("axum")?], ..Kind::default() });
    }
    if let Some(trame) = arguments.trame.as_ref().filter(|_| !arguments.no_trame) {
        let program = trame.clone();
        kinds.push(Kind { name: "trame", program, flags: Some(&[]), ..Kind::default() });
    }
    if let Some(nicegui) = arguments.nicegui.as_ref().filter(|_| !arguments.no_nicegui) {
        kinds.push(Kind {
            name: "nicegui",
            program: nicegui.clone(),
            flags: Some(&[]),
            serves_pages: true,
            ..Kind::default()
        });
    }
    Ok(kinds)
}
