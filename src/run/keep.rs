//! Keeps the state in a file while a server runs; the next start restores it. See
//! [`StartOptions::keep_state`](super::StartOptions::keep_state) and
//! [`development`](super::StartOptions::development).
//!
//! What must hold:
//! - A killed program leaves a recent state: the file follows the changes, and is replaced as a
//!   whole.
//! - Only the user who runs the program can read the file. In development, and if users stay signed
//!   in, it also holds the tokens that open the server.
//! - No content of the file can prevent a start or override the code.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indexmap::IndexMap;
use parking_lot::Mutex;
use selvedge_wslink::Packed;
use tokio::{task::spawn_blocking, time::sleep};

use super::{StartOptions, kept_rooms::KeptRooms};
use crate::{
    Server,
    app::ExecMode,
    http::Tokens,
    state::{Initial, Kept},
};

/// Interval between two checks for changes, which limits what a killed program loses. A check reads
/// one counter, which costs less than a notification per change.
const INTERVAL: Duration = Duration::from_millis(200);

/// Maximum size in bytes of one kept value, including its initial value.
const MAX_VALUE: usize = 1024 * 1024;

/// Maximum size in bytes of all kept values together, and half the maximum size of a file that is
/// read.
const MAX_VALUES: usize = 16 * MAX_VALUE;

/// Version of the file format. Files of other versions are not read.
const VERSION: u32 = 1;

/// The content of a file.
#[derive(Default)]
struct Contents {
    values: Vec<(String, Kept)>,
    tokens: Option<Tokens>,
}

/// Keeps the state of one run.
pub(super) struct Keeper {
    server: Server,
    file: PathBuf,
    initial: Arc<Initial>,
    tokens: Option<Tokens>,
    /// Whether a warning about an omitted value or a failed write was already logged.
    warned: AtomicBool,
    /// Held while the file is written.
    writing: Mutex<()>,
}

impl Keeper {
    /// Returns the tokens of the previous program, so that pages stay signed in, if the options say
    /// so.
    pub(super) fn tokens(server: &Server, options: &StartOptions) -> Option<Tokens> {
        let file = options.kept_file(server.name()).filter(|_| options.keeps_pages_signed_in())?;
        let tokens = read(&file).ok()?.tokens?;
        match options.development.is_on() {
            // Open pages go on with the secrets that they have.
            true => Some(tokens),
            false => tokens.of_users().ok(),
        }
    }

    /// Restores the state that the previous program left, unless this program has already run the
    /// server. Called after the application's set-up and before any listener runs.
    pub(super) fn begin(
        server: &Server,
        options: &StartOptions,
        tokens: &Tokens,
    ) -> Option<Arc<Self>> {
        let file = options.kept_file(server.name())?;
        let known = server.settings().initial.clone();
        let initial = known.unwrap_or_else(|| {
            let initial = Arc::new(server.state().keepable());
            server.settings().initial = Some(Arc::clone(&initial));
            take_over(server, &file);
            initial
        });
        let tokens = options.keeps_pages_signed_in().then(|| tokens.clone());
        let (warned, writing) = (AtomicBool::new(false), Mutex::default());
        Some(Arc::new(Keeper { server: server.clone(), file, initial, tokens, warned, writing }))
    }

    /// Writes the file whenever the state has changed, until the future is dropped.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut written = None;
        loop {
            let newest = self.server.state().with_mark(|mark| mark.commit);
            if written != Some(newest) {
                let keeper = Arc::clone(&self);
                if spawn_blocking(move || keeper.save()).await.is_err() {
                    return; // the runtime ends
                }
                written = Some(newest);
            }
            sleep(INTERVAL).await;
        }
    }

    /// Writes the file. Only the first failure is logged, as a warning.
    pub(super) fn save(&self) {
        let _one = self.writing.lock();
        let mut room = MAX_VALUES;
        let mut values = IndexMap::new();
        for (key, kept) in self.server.state().changed_from(&self.initial) {
            let size = kept.initial.size() + kept.value.size();
            if size > MAX_VALUE || size > room {
                self.warn(&format!("`{key}` is too large to be kept; say that it is `transient`"));
                continue;
            }
            room -= size;
            let pair = Packed::encode_list([&kept.initial, &kept.value].into_iter());
            values.insert(key.to_string(), pair);
        }
        if values.is_empty() && self.tokens.is_none() && !self.file.exists() {
            return; // nothing to keep
        }
        let tokens = self.tokens.as_ref().map(Packed::encode).transpose();
        let version = Packed::encode(&VERSION);
        let written = version.and_then(|version| {
            let parts = [
                ("version", version),
                ("values", Packed::encode_map(&values)),
                ("tokens", tokens?.unwrap_or(Packed::nil())),
            ];
            Ok(parts.map(|(name, value)| (name.to_owned(), value)).into())
        });
        let written: selvedge_wslink::Result<IndexMap<String, Packed>> = written;
        let written = written.map_err(io::Error::other);
        let written =
            written.and_then(|parts| replace(&self.file, Packed::encode_map(&parts).as_bytes()));
        if let Err(error) = written {
            self.warn(&format!("cannot keep the state in {}: {error}", self.file.display()));
        }
    }

    fn warn(&self, what: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("{what}");
        }
    }
}

impl StartOptions {
    /// Returns the file in which the state of the server with this name is kept.
    pub(super) fn kept_file(&self, name: &str) -> Option<PathBuf> {
        let beside = || {
            let program = env::current_exe().ok()?;
            let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            let stem = program.file_stem()?.to_string_lossy();
            Some(program.with_file_name(format!("{stem}.{name:.60}.kept")))
        };
        let asked = self.keep_state.clone();
        let is_kept = self.development.is_on() && self.front.is_none();
        asked.or_else(|| is_kept.then(beside).flatten())
    }

    /// Returns whether pages stay signed in: if the user has asked for it, and in development. Not in
    /// windows, which their host signs in, and not in rooms, whose pages sign in at the front.
    pub(super) fn keeps_pages_signed_in(&self) -> bool {
        let is_wanted =
            self.development.is_on() || (self.keep_sign_in && self.keep_state.is_some());
        is_wanted && self.exec_mode != ExecMode::Desktop && self.front.is_none()
    }

    /// Removes the file in development if the user ended the program (closed the window or pressed
    /// Ctrl-C), so that the next start is fresh. After any other exit code, such as that of a
    /// crash, the file stays.
    pub(super) fn ended(&self, name: &str, code: i32) {
        const INTERRUPTED: i32 = 128 + 2;
        if self.keep_state.is_some() || !matches!(code, 0 | INTERRUPTED) {
            return;
        }
        if let Some(file) = self.kept_file(name) {
            // The file may never have been written.
            let _ = fs::remove_file(&file);
            KeptRooms::beside(file, 0).clear();
        }
    }
}

fn take_over(server: &Server, file: &Path) {
    let contents = match read(file) {
        Ok(contents) => contents,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            return tracing::warn!("nothing was taken over from {}: {error}", file.display());
        }
    };
    let count = contents.values.len();
    let taken = server.state().take_over(contents.values);
    if count > 0 {
        tracing::info!(keys = ?taken, "took over {} of {count} values from {}", taken.len(), file.display());
    }
}

fn read(file: &Path) -> io::Result<Contents> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "it is not a kept state");
    if fs::metadata(file)?.len() > 2 * MAX_VALUES as u64 {
        return Err(invalid());
    }
    let contents = Packed::checked(fs::read(file)?.into()).ok_or_else(invalid)?;
    parse(&contents).ok_or_else(invalid)
}

fn parse(contents: &Packed) -> Option<Contents> {
    let parts = contents.entries()?;
    if parts.get("version")?.decode::<u32>().ok()? != VERSION {
        return None;
    }
    let values = parts.get("values")?.entries()?.into_iter().map(|(key, pair)| {
        let [initial, value] = pair.items()?.try_into().ok()?;
        Some((key, Kept { initial, value }))
    });
    let values = values.collect::<Option<_>>()?;
    // Tokens of another version are of no use, but the values are.
    Some(Contents { values, tokens: parts.get("tokens")?.decode().ok().flatten() })
}

/// Replaces a file atomically; only its user can read the new one.
pub(super) fn replace(file: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Temporary files are created with access for their user only.
    let mut new =
        tempfile::Builder::new().prefix(".kept-").tempfile_in(folder.unwrap_or(Path::new(".")))?;
    new.write_all(contents)?;
    new.persist(file)?;
    Ok(())
}
