//! Processor time of threads.

#[cfg(target_os = "linux")]
use std::fs;
use std::time::Duration;

/// Returns the processor time of all threads with this name, to the nanosecond. Threads that have
/// ended are not counted.
#[cfg(target_os = "linux")]
pub fn of_threads(name: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let time = |task: fs::DirEntry| -> Option<u64> {
        let comm = fs::read_to_string(task.path().join("comm")).ok()?;
        if comm.trim() != name {
            return None;
        }
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse().ok()
    };
    Duration::from_nanos(tasks.filter_map(Result::ok).filter_map(time).sum())
}

/// If the system does not report it, returns the elapsed time, which includes the client's.
#[cfg(not(target_os = "linux"))]
pub fn of_threads(_: &str) -> Duration {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
