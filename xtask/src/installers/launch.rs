//! Starts the installed program as a menu does, and closes it as a user does.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::{
    command::{self, Failure, Result},
    display::{Display, wait},
    installers::root::{Root, VISITORS_HOME},
};

const ENTRY: &str = "/usr/share/applications/selvedge.desktop";

/// An environment variable of the program and all processes that it starts.
const MARK: (&str, &str) = ("SELVEDGE_INSTALLED", "by-desktop-entry");

/// Time limit for each step; long, since other work may occupy the processors.
const TIMEOUT: Duration = Duration::from_secs(60);

/// All processes of the launch. They are killed when this is dropped.
struct Launched;

/// Starts the program by its desktop entry, waits for its window and closes it, and checks that
/// nothing is left.
pub(crate) fn by_desktop_entry(root: &Root, display: &Display) -> Result {
    let entry = fs::read_to_string(root.path(ENTRY))
        .map_err(|error| Failure::at(&root.path(ENTRY), &error))?;
    let class =
        entry.lines().find_map(|line| line.strip_prefix("StartupWMClass=")).unwrap_or_default();

    let launched = Launched;
    let begin = Instant::now();
    let mut launcher = root.enter_as_visitor();
    launcher
        .args(["gio", "launch", ENTRY])
        .env(MARK.0, MARK.1)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command::run(display.show(&mut launcher))?;
    let window = wait(TIMEOUT, || window_of(display, class))
        .ok_or_else(|| Failure::new(format!("{ENTRY} shows no window of the class {class}")))?;
    println!("The window came after {:.1} s.", begin.elapsed().as_secs_f64());
    let ports = launched.ports();
    if ports.is_empty() {
        return Err(Failure::new("the installed program has a window and no server"));
    }

    command::run(display.show(command::new("wmctrl").args(["-i", "-c", &window])))?;
    if wait(TIMEOUT, || launched.processes().is_empty().then_some(())).is_none() {
        let left = launched.processes();
        return Err(Failure::new(format!(
            "processes are left after the window was closed: {left:?}"
        )));
    }
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).map_err(|error| {
            Failure::new(format!("port {port} is not free after the end: {error}"))
        })?;
    }
    no_locks(root)
}

/// Returns the window of this class from the window manager's list. The splash of a slow start is
/// skipped: its title is the name of the program, in lower case.
fn window_of(display: &Display, class: &str) -> Option<String> {
    let listed = command::output(display.show(command::new("wmctrl").args(["-l", "-x"]))).ok()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (window, its_class, title) = (words.next()?, words.nth(1)?, words.nth(1)?);
        let meant = its_class.split('.').any(|part| part == class) && title != title.to_lowercase();
        meant.then(|| window.to_owned())
    })
}

/// Checks that no lock is left among the user's files and where sessions keep theirs.
fn no_locks(root: &Root) -> Result {
    let mut find = command::new("find");
    find.args([VISITORS_HOME, "/tmp", "/run", "/var/tmp"].map(|folder| root.path(folder)));
    let names = ["*lock*", "*Lock*", "*LOCK*", "*.pid", "Singleton*"];
    find.args(["-newer", &root.path("/packages/received.deb").to_string_lossy(), "("]);
    for (at, name) in names.iter().enumerate() {
        find.args((at > 0).then_some("-o")).args(["-name", name]);
    }
    let found = command::output(find.arg(")"))?.stdout;
    match found.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("locks are left:\n{}", String::from_utf8_lossy(&found)))),
    }
}

impl Launched {
    fn processes(&self) -> Vec<u32> {
        let mark = format!("{}={}", MARK.0, MARK.1).into_bytes();
        let marked = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark)
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(marked).collect()
    }

    /// Returns the ports of the loopback interface that the processes listen on.
    fn ports(&self) -> BTreeSet<u16> {
        let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        // local address, state (0A: listening) and inode of each socket, see proc(5)
        let listening = table.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let port = u16::from_str_radix(words.get(1)?.split(':').nth(1)?, 16).ok()?;
            (*words.get(3)? == "0A").then_some((port, format!("socket:[{}]", words.get(9)?)))
        });
        let open: BTreeSet<String> = self.processes().into_iter().flat_map(open_files).collect();
        listening.filter(|(_, socket)| open.contains(socket)).map(|(port, _)| port).collect()
    }
}

fn open_files(pid: u32) -> Vec<String> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let link = |entry: fs::DirEntry| {
        Some(fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned())
    };
    descriptors.filter_map(link).collect()
}

impl Drop for Launched {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = command::output(command::new("kill").args(["-KILL", &pid.to_string()]));
        }
    }
}
