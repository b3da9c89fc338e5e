//! The servers, each a process of its own.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::processes::{self, TICK};

/// The processor time of a process: that of its threads is exact, but lacks those that have ended.
#[derive(Clone, Copy)]
pub(crate) struct ProcessorTime {
    threads: Duration,
    process: Duration,
}

impl ProcessorTime {
    /// Returns the time since an earlier one.
    pub(crate) fn since(self, before: Self) -> Duration {
        let threads = self.threads.saturating_sub(before.threads);
        let process = self.process.saturating_sub(before.process);
        threads.max(process.saturating_sub(TICK))
    }
}

/// A kind of server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The program and its first arguments.
    pub(crate) program: Vec<PathBuf>,
    /// Its flags beside trame's; `None` if it takes only a port and a number of keys.
    pub(crate) flags: Option<&'static [&'static str]>,
    /// Whether it answers only to names that it knows.
    pub(crate) checks_names: bool,
    /// Whether its clients are pages of NiceGUI's.
    pub(crate) serves_pages: bool,
}

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From the start to the first connection that was accepted.
    pub(crate) start: Duration,
}

impl Server {
    pub(crate) fn start(kind: &Kind, keys: usize) -> io::Result<Server> {
        Self::start_with(kind, keys, &[])
    }

    /// Starts a server for clients that come by another address.
    pub(crate) fn start_for(kind: &Kind, keys: usize, address: SocketAddr) -> io::Result<Server> {
        match kind.checks_names {
            true => Self::start_with(kind, keys, &["--allowed-host", &address.to_string()]),
            false => Self::start(kind, keys),
        }
    }

    fn start_with(kind: &Kind, keys: usize, more: &[&str]) -> io::Result<Server> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let (first, rest) = kind.program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(first);
        command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match kind.flags {
            Some(flags) => command
                .args(flags)
                .args(more)
                .args(["--server", "--host", "127.0.0.1", "--timeout", "0"])
                .args(["--authKey", "wslink-secret", "--port"])
                .arg(port.to_string())
                .arg("--keys")
                .arg(keys.to_string()),
            None => command.arg(port.to_string()).arg(keys.to_string()),
        };
        let begin = Instant::now();
        let process = command.spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Server { process, address, start: Duration::ZERO };
        while TcpStream::connect(address).is_err() {
            if begin.elapsed() > Duration::from_secs(30) || server.process.try_wait()?.is_some() {
                return Err(io::Error::other(format!("{} does not start", kind.name)));
            }
            thread::sleep(Duration::from_micros(200));
        }
        server.start = begin.elapsed();
        Ok(server)
    }

    /// Returns the processor time that it has used.
    pub(crate) fn processor_time(&self) -> ProcessorTime {
        let pid = self.process.id();
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        let time = |task: fs::DirEntry| -> Option<u64> {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
        };
        let threads = tasks.into_iter().flatten().flatten().filter_map(time).sum();
        let process = processes::processor_time(pid);
        ProcessorTime { threads: Duration::from_nanos(threads), process }
    }

    /// Returns its resident memory in bytes.
    pub(crate) fn memory(&self) -> f64 {
        let kib = processes::memory(self.process.id(), "status", "VmRSS");
        kib.unwrap_or(f64::NAN) * 1024.0
    }

    /// Ends it, and returns how long that takes.
    pub(crate) fn stop(mut self) -> io::Result<(Duration, ExitStatus)> {
        let begin = Instant::now();
        #[cfg(unix)]
        if let Some(pid) = rustix::process::Pid::from_raw(self.process.id() as i32) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        #[cfg(not(unix))]
        self.process.kill()?;
        let status = self.process.wait()?;
        Ok((begin.elapsed(), status))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
