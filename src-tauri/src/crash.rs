//! Crash reports: the message and place of a panic, in a file that outlives the program.
//!
//! Panics that the server catches, in callbacks and tasks, leave a report as well, because the log
//! does not have the backtrace. A program that keeps panicking stops writing reports after a few.

use std::{
    backtrace::Backtrace,
    fmt::{self, Write as _},
    fs,
    io::{self, Write as _},
    panic::{self, PanicHookInfo},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use selvedge::run::Program;
use time::{OffsetDateTime, macros::format_description};

/// Exit code of a program that panicked, the same as Rust's.
pub(crate) const PANICKED: i32 = 101;

/// Maximum number of reports that one run of a program writes, and that are kept from all runs.
const MAX_REPORTS: usize = 10;

/// Maximum number of log lines in a report.
const MAX_LOG_LINES: usize = 50;

const PREFIX: &str = "crash-";

/// The first report of this run.
static WRITTEN: OnceLock<PathBuf> = OnceLock::new();

/// Makes panics write a report to this folder, after the previous panic hook.
pub(crate) fn report_to(folder: Option<PathBuf>, program: &Program) {
    let Some(folder) = folder else { return };
    let version = program.get_version().unwrap_or("without a version");
    let program =
        format!("{} {version}, with Selvedge {}", program.get_name(), env!("CARGO_PKG_VERSION"));
    let reports = AtomicUsize::new(0);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        if reports.fetch_add(1, Ordering::Relaxed) >= MAX_REPORTS {
            return;
        }
        match write(&folder, &program, info) {
            Ok(path) => {
                let _ = writeln!(io::stderr(), "a report is in {}", path.display());
                // The first report tells most.
                let _ = WRITTEN.set(path);
            }
            // A panic in here would abort the program, and stderr may be closed.
            Err(error) => drop(writeln!(io::stderr(), "no report could be written: {error}")),
        }
    }));
}

/// Returns a message with the path of the crash report, if there is one.
pub(crate) fn explained(what: &impl fmt::Display) -> String {
    match WRITTEN.get() {
        Some(path) => format!("{what}\n\nA report is in {}", path.display()),
        None => what.to_string(),
    }
}

fn write(folder: &Path, program: &str, info: &PanicHookInfo) -> io::Result<PathBuf> {
    let now = OffsetDateTime::now_utc();
    let stamp =
        format_description!("[year]-[month]-[day]T[hour]-[minute]-[second].[subsecond digits:3]Z");
    let stamp = now.format(stamp).map_err(io::Error::other)?;
    let path = folder.join(format!("{PREFIX}{stamp}.txt"));
    let text = report(folder, program, &stamp, info).map_err(io::Error::other)?;
    fs::File::create_new(&path)?.write_all(text.as_bytes())?;
    forget_old(folder)?;
    Ok(path)
}

fn report(
    folder: &Path,
    program: &str,
    stamp: &str,
    info: &PanicHookInfo,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    writeln!(text, "program: {program}\ntime: {stamp}\nplatform: {}", platform())?;
    writeln!(text, "thread: {}", thread::current().name().unwrap_or("without a name"))?;
    writeln!(text, "message: {}", info.payload_as_str().unwrap_or("none"))?;
    if let Some(place) = info.location() {
        writeln!(text, "at: {place}")?;
    }
    writeln!(text, "\nbacktrace:\n{}", Backtrace::force_capture())?;
    writeln!(text, "last lines of the log:\n{}", last_lines(folder))?;
    Ok(text)
}

/// Describes the platform, with the system's own name if it has one.
fn platform() -> String {
    let name = fs::read_to_string("/etc/os-release").ok().and_then(|release| {
        let line = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(format!(", {}", line.trim_matches('"')))
    });
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{system} {processor}{}", name.unwrap_or_default())
}

/// Returns the last lines of the newest log.
fn last_lines(folder: &Path) -> String {
    let newest = named(folder, |name| name.ends_with(".log")).pop();
    let log = newest.and_then(|path| fs::read(path).ok()).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let mut lines: Vec<_> = log.lines().rev().take(MAX_LOG_LINES).collect();
    lines.reverse();
    lines.join("\n")
}

fn forget_old(folder: &Path) -> io::Result<()> {
    let reports = named(folder, |name| name.starts_with(PREFIX));
    let old = reports.len().saturating_sub(MAX_REPORTS);
    reports[..old].iter().try_for_each(fs::remove_file)
}

/// Returns the files with matching names, sorted by name and thus by time.
fn named(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_reports_are_kept_and_logs_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for day in 10..25 {
            fs::write(folder.path().join(format!("crash-2026-01-{day}.txt")), "").unwrap();
            fs::write(folder.path().join(format!("app.2026-01-{day}.log")), "").unwrap();
        }
        forget_old(folder.path()).unwrap();
        let kept = named(folder.path(), |name| name.starts_with(PREFIX));
        assert_eq!(kept.len(), MAX_REPORTS);
        assert!(kept[0].ends_with("crash-2026-01-15.txt"), "{kept:?}");
        assert_eq!(named(folder.path(), |name| name.ends_with(".log")).len(), 15);
    }

    #[test]
    fn a_report_repeats_the_end_of_the_newest_log() {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (0..80).map(|line| format!("line {line}\n")).collect();
        fs::write(folder.path().join("app.2026-01-01.log"), "older").unwrap();
        fs::write(folder.path().join("app.2026-01-02.log"), lines).unwrap();
        let last = last_lines(folder.path());
        assert!(last.starts_with("line 30\n") && last.ends_with("line 79"), "{last}");
    }
}
