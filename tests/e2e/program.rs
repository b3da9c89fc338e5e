//! The programs under test: starts them, watches them, and cleans up when a test fails.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::mpsc,
    thread,
    time::Duration,
};

use selvedge::port::is_port_free;
use tokio::{
    process::{Child, Command as AsyncCommand},
    time::{sleep, timeout},
};

use crate::support::{Client, SECRET, TIMEOUT};

/// Time limit of a test, which is enough even on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// Polling interval.
pub const STEP: Duration = Duration::from_millis(10);

/// Returns the program that opens a window.
pub fn desktop() -> PathBuf {
    binary("SELVEDGE_DESKTOP", "selvedge")
}

/// Returns the program whose behaviour the environment selects.
pub fn manners() -> PathBuf {
    binary("SELVEDGE_MANNERS", "selvedge-manners")
}

/// Returns the program with a window from which a file can be dragged.
pub fn drag_source() -> PathBuf {
    binary("SELVEDGE_DRAG_SOURCE", "selvedge-drag-source")
}

/// Returns the example for browsers.
pub fn web() -> PathBuf {
    binary("SELVEDGE_WEB", "reaction-diffusion")
}

/// Returns the example whose notes survive a restart.
pub fn notebook() -> PathBuf {
    binary("SELVEDGE_NOTEBOOK", "notebook")
}

/// Returns the example with trame's widgets in a window.
pub fn widgets_desktop() -> PathBuf {
    binary("SELVEDGE_WIDGETS", "trame-widgets-desktop")
}

/// Returns the example with notes in a window that has a menu and many options.
pub fn window_app() -> PathBuf {
    binary("SELVEDGE_WINDOW", "window-app")
}

/// Returns the starter program.
pub fn starter() -> PathBuf {
    binary("SELVEDGE_STARTER", "starter")
}

/// Returns the example with files and dialogs, in a window or for browsers.
pub fn files() -> PathBuf {
    binary("SELVEDGE_FILES", "files")
}

fn binary(variable: &str, name: &str) -> PathBuf {
    let beside = || env::current_exe().unwrap().parent().unwrap().parent().unwrap().join(name);
    let path = env::var_os(variable).map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `cargo xtask test --only e2e`", path.display());
    path
}

/// Waits until a condition returns something.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let met = async {
        loop {
            match condition().await {
                Some(value) => return value,
                None => sleep(STEP).await,
            }
        }
    };
    timeout(TIMEOUT, met).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// The output of one test's programs, and a mark that all of their processes carry.
///
/// If a test takes too long, all of its processes are killed: then its wait fails and names the
/// test.
pub struct Traces {
    dir: tempfile::TempDir,
    mark: String,
    _in_use: mpsc::Sender<()>,
}

impl Traces {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mark = format!("SELVEDGE_E2E={}", dir.path().display());
        let (in_use, dropped) = mpsc::channel();
        let marked = mark.clone();
        thread::spawn(move || {
            if dropped.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("a test takes longer than {LIMIT:?}: its processes are ended");
                kill(&processes(&marked));
            }
        });
        Traces { dir, mark, _in_use: in_use }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Returns the number in the file `name`.
    pub fn number(&self, name: &str) -> Option<i32> {
        fs::read_to_string(self.dir.path().join(name)).ok()?.trim().parse().ok()
    }

    /// Returns a command whose output is appended to the log.
    pub fn command(&self, program: &Path) -> Command {
        let log = || {
            fs::File::options().append(true).create(true).open(self.dir.path().join("log")).unwrap()
        };
        let mut command = Command::new(program);
        let (name, value) = self.mark.split_once('=').unwrap();
        // Separate folders isolate a program from the user and from other tests.
        for (variable, folder) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            let folder = self.dir.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            command.env(variable, folder);
        }
        command
            .env(name, value)
            .env("NO_COLOR", "1")
            .env("SELVEDGE_NO_DIALOG", "1")
            .env("RUST_LOG", "warn,selvedge=debug")
            .stdout(log())
            .stderr(log());
        command
    }

    /// Returns the address of the program, from its output.
    pub async fn address(&self) -> SocketAddr {
        until("an address in the log", async || {
            let log = self.log();
            let rest = log.split("http://").nth(1)?;
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))?;
            rest[..end].parse().ok()
        })
        .await
    }

    /// Returns the sign-in link that the program prints.
    pub async fn sign_in_link(&self) -> String {
        until("a sign-in link in the log", async || {
            let log = self.log();
            // An incomplete line may end within the link.
            let mut lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            lines.find_map(|line| {
                line.split_whitespace().find(|word| word.contains("sign_in=")).map(str::to_owned)
            })
        })
        .await
    }

    /// Returns all processes started for this test, and their children.
    pub fn processes(&self) -> Vec<(i32, String)> {
        processes(&self.mark)
    }

    /// Returns the process of a window with this task, by the start of its name.
    pub fn process(&self, name: &str) -> i32 {
        let processes = self.processes();
        let found = processes.iter().find(|(_, full)| full.starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} among {processes:?}")).0
    }

    /// Waits until no process of the test is running and its port is free.
    pub async fn nothing_is_left(&self, port: u16) {
        assert!(is_port_free("127.0.0.1", port).await.unwrap(), "{}", self.log());
        until("the end of all processes", async || self.processes().is_empty().then_some(())).await;
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        kill(&self.processes());
        if std::thread::panicking() {
            eprintln!("--- what the program printed\n{}---", self.log());
        }
    }
}

fn processes(mark: &str) -> Vec<(i32, String)> {
    let marked = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
    };
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let name = |pid: i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
    };
    pids.filter(marked).map(|pid| (pid, name(pid))).collect()
}

fn kill(processes: &[(i32, String)]) {
    for (pid, _) in processes {
        signal(*pid, "KILL");
    }
}

/// A running program.
pub struct Program {
    pub child: Child,
    pub traces: Traces,
    pub address: SocketAddr,
}

impl Program {
    /// Starts a program with a known secret and waits until it listens.
    pub async fn start(program: &Path, args: &[&str]) -> Self {
        Self::start_with(program, args, |_| {}).await
    }

    /// Starts a program with changes to its environment, and waits until it listens.
    pub async fn start_with(
        program: &Path,
        args: &[&str],
        adapt: impl FnOnce(&mut Command),
    ) -> Self {
        Self::start_in(Traces::new(), program, args, adapt).await
    }

    /// Starts a program in the folders of earlier programs of the test, and waits until it listens.
    /// Removes their log.
    pub async fn start_in(
        traces: Traces,
        program: &Path,
        args: &[&str],
        adapt: impl FnOnce(&mut Command),
    ) -> Self {
        drop(fs::remove_file(traces.dir.path().join("log")));
        let mut command = traces.command(program);
        command.args(["--authKey", SECRET]).args(args);
        adapt(&mut command);
        let child = AsyncCommand::from(command).kill_on_drop(true).spawn().unwrap();
        let address = traces.address().await;
        Program { child, traces, address }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().unwrap() as i32
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub async fn client(&self) -> Client {
        Client::connect_to(self.address).await
    }

    /// Waits until this many clients have sent the hello since the start.
    pub async fn joined(&self, count: usize) {
        let joins = || self.traces.log().matches("a client joined").count();
        until("the page to connect", async || (joins() >= count).then_some(())).await;
    }

    /// Returns its visible windows.
    pub fn windows(&self) -> Vec<String> {
        windows_of(self.pid())
    }

    pub async fn window(&self) -> String {
        until("a window", async || self.windows().pop()).await
    }

    /// Waits for the program's exit status, with a limit for busy machines.
    pub async fn exit(&mut self) -> ExitStatus {
        self.exit_within(TIMEOUT / 2).await
    }

    /// Waits for the program's exit status, with a limit that distinguishes a program that waits
    /// for the user from one that does not.
    pub async fn exit_within(&mut self, limit: Duration) -> ExitStatus {
        let exit = timeout(limit, self.child.wait()).await;
        exit.unwrap_or_else(|_| panic!("the program goes on\n{}", self.traces.log())).unwrap()
    }
}

/// A visible window as the window manager lists it.
pub struct Listed {
    pub id: String,
    pub title: String,
    /// Width and height without the frame.
    size: (String, String),
}

impl Listed {
    /// Returns whether it is the splash. The splash has a size that no other window here has, and
    /// closes when the window appears.
    fn is_splash(&self) -> bool {
        self.size == ("360".to_owned(), "150".to_owned())
    }
}

/// Returns the windows of a process on the display of this `wmctrl`.
fn listed(mut wmctrl: Command, pid: i32) -> Vec<Listed> {
    let output = wmctrl.args(["-l", "-p", "-G"]).output().unwrap();
    let window = |line: &str| {
        let mut words = line.split_whitespace();
        let (id, of) = (words.next()?, words.nth(1)?);
        let mut size = words.by_ref().skip(2);
        let size = (size.next()?.to_owned(), size.next()?.to_owned());
        let title = words.skip(1).collect::<Vec<_>>().join(" ");
        (of == pid.to_string()).then(|| Listed { id: id.to_owned(), title, size })
    };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(window).collect()
}

/// Returns the windows of a process, without a splash.
pub fn windows_of(pid: i32) -> Vec<String> {
    windows_in(Command::new("wmctrl"), pid)
}

/// Returns the windows of a process, without a splash, on the display of this `wmctrl`.
pub fn windows_in(wmctrl: Command, pid: i32) -> Vec<String> {
    let windows = listed(wmctrl, pid).into_iter().filter(|window| !window.is_splash());
    windows.map(|window| window.id).collect()
}

/// Returns all windows of a process, with splash and dialogs.
pub fn all_windows_of(pid: i32) -> Vec<Listed> {
    listed(Command::new("wmctrl"), pid)
}

/// Closes a window as its user does.
pub fn close(window: &str) {
    assert!(Command::new("wmctrl").args(["-i", "-c", window]).status().unwrap().success());
}

pub fn signal(pid: i32, name: &str) {
    drop(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status());
}
