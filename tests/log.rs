//! The log of a test.

use std::sync::{Arc, LazyLock, Mutex};

use tracing::{Dispatch, subscriber::NoSubscriber};

/// With a single dispatcher, tracing takes it for that of all threads: what another test logs first
/// would never be logged here.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Collects what is logged on this thread, until it is dropped.
pub struct Log {
    lines: Lines,
    _default: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn start() -> Self {
        LazyLock::force(&SECOND);
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("debug,selvedge=trace")
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Log { lines, _default: tracing::subscriber::set_default(subscriber) }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }
}
