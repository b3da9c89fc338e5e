//! Test programs inherit ignored signals: SIGHUP under `nohup`, SIGINT in a script's background
//! job. Programs under test respect that, and would not end when a test asks them to.

use std::{env, fs};

use crate::command::{self, Result};

/// Set in the process that was started with default actions, so that it does not restart itself
/// again.
const RESTORED: &str = "SELVEDGE_SIGNALS_RESTORED";

/// SIGHUP, SIGINT and SIGTERM in the kernel's mask, where signal 1 is the lowest bit.
const ENDING: u64 = 1 | 1 << 1 | 1 << 14;

/// Restarts this program with the default actions of the signals that end programs, if any of them
/// is ignored.
///
/// # Errors
/// If there is no `env` of the GNU core utilities.
pub(crate) fn restore() -> Result {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if ignored(&status) & ENDING == 0 || env::var_os(RESTORED).is_some() {
        return Ok(());
    }
    let program = env::current_exe().unwrap_or_else(|_| "xtask".into());
    let mut again = command::new("env");
    again.arg("--default-signal=HUP,INT,TERM").arg(program).args(env::args_os().skip(1));
    command::become_program(again.env(RESTORED, "1"))
}

fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_end_programs_are_distinguished_from_others() {
        let ending = |mask: &str| ignored(&format!("Name:\tx\nSigIgn:\t{mask}\n")) & ENDING != 0;
        assert!(ending("0000000000000001") && ending("0000000000004006"));
        assert!(!ending("0000000000001000"), "SIGPIPE");
    }
}
