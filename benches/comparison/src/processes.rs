//! What Linux tells about processes, see proc(5).

use std::{fs, time::Duration};

/// The unit of the processor time of a process.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The fields of a process after its name, which may contain spaces. proc(5) counts them from 3.
fn fields(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split(' ').map(str::to_owned).collect()
}

/// Returns the parent of a process.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    fields(pid).get(1)?.parse().ok()
}

/// Returns the processor time of a process and of its threads that have ended.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let fields = fields(pid);
    let ticks = fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    TICK * ticks.sum::<u32>()
}

/// Returns an amount of memory in KiB: the value of `name` in a file of a process.
pub(crate) fn memory(pid: u32, file: &str, name: &str) -> Option<f64> {
    let lines = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let value = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}
