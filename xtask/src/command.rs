//! Running other programs, each printed before it starts.

use std::{
    fmt,
    fs::File,
    io::{self, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::project;

/// Why a command failed, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// The outcome of a command.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A failure to read or write `path`.
    pub(crate) fn at(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The log file that programs print to, if not to this program's output.
static LOG: Mutex<Option<File>> = Mutex::new(None);

/// Redirects the output of the programs that [`run`] starts to this file, or back to this program's
/// output.
pub(crate) fn log_to(file: Option<File>) {
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = file;
}

/// Returns a command that runs `program` in the root of the repository, without input.
pub(crate) fn new(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project::root()).stdin(Stdio::null());
    command
}

/// Returns a command that runs `cargo` with `arguments`, of the same toolchain as this program.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = new(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a program to its end. Fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result {
    announce(command).map_err(|error| not_started(command, &error))?;
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` failed: {status}", shown(command))))
}

/// Prints the command to where its output goes.
fn announce(command: &mut Command) -> io::Result<()> {
    let line = format!("$ {}", shown(command));
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut log) = log.as_ref() else {
        println!("{line}");
        return Ok(());
    };
    writeln!(log, "{line}")?;
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    Ok(())
}

/// Runs a program to its end and returns its output, whether it succeeded or not. Prints nothing.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| not_started(command, &error))
}

/// Replaces this process by the program, so that its signals and its exit code are the caller's.
#[cfg(unix)]
pub(crate) fn become_program(command: &mut Command) -> Result {
    use std::os::unix::process::CommandExt as _;
    println!("$ {}", shown(command));
    let error = command.exec();
    Err(not_started(command, &error))
}

/// Runs the program to its end: this system cannot replace a process.
#[cfg(not(unix))]
pub(crate) fn become_program(command: &mut Command) -> Result {
    run(command)
}

/// Returns whether a program of this name is on `PATH`.
pub(crate) fn on_path(program: &str) -> bool {
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(&file).is_file()))
}

pub(crate) fn not_started(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    Failure::new(match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not installed, or not on PATH"),
        _ => format!("`{program}` does not start: {error}"),
    })
}

fn shown(command: &Command) -> String {
    let mut line = String::new();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        let word = word.to_string_lossy();
        let name = Path::new(&*word).file_stem().filter(|_| line.is_empty());
        let word = name.map_or(word.clone(), |stem| stem.to_string_lossy().into_owned().into());
        line.push_str(if line.is_empty() { "" } else { " " });
        match word.contains(' ') {
            true => line.push_str(&format!("'{word}'")),
            false => line.push_str(&word),
        }
    }
    line
}
