//! In place of `logging` in programs without the feature `log`, which bring a logger of their own.

use super::StartOptions;

pub(super) fn start(options: &StartOptions) {
    if options.logging && options.log_folder.is_some() {
        tracing::warn!("no log files are written: the program was built without the feature `log`");
    }
}
