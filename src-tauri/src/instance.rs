//! A single instance of an application per user and display: a second launch is handed over to the
//! first.
//!
//! The first launch locks a file, which the system unlocks however the program ends, and listens on
//! a socket whose path is in that file. Tauri's plugin needs a session bus on Linux, which may be
//! missing, and on macOS does not decide between simultaneous launches.
//!
//! What must hold:
//! - At most one process, and one [`Instance`] in it, holds the lock of the file at the lock's
//!   path, also while files are removed. It holds the lock only while later launches can reach it.
//! - If a launch was handed over, an application that keeps running has accepted it.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::{
        ffi::OsStrExt,
        fs::MetadataExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use selvedge::{Error, Result, run::Program, window::Launch};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Time for which a second launch tries to reach the first, and time-out of one exchange between
/// them.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between two attempts, until the first launch listens or has ended.
const STEP: Duration = Duration::from_millis(20);
/// Pause after a failed accept, for example when no descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);
/// Maximum size in bytes of a launch message. Systems allow command lines of two megabytes.
const MAX_LAUNCH: u64 = 16 << 20;
/// The answer of the first launch when it accepts another.
const TAKEN: &[u8] = b"taken";

/// The result of [`Instance::claim`].
pub(crate) enum Claim {
    /// This launch is the first.
    First(Instance),
    /// Another launch was first and has accepted this one: there is nothing left to do.
    Second,
    /// No place for a lock was found, so other launches cannot be detected.
    Unknown,
}

/// The first launch of an application, for one user and on one display. Only on Unix.
///
/// While this exists, no other launch can be first. Later launches wait until they are accepted,
/// and compete to be first again when this is dropped.
pub(crate) struct Instance {
    listener: Option<UnixListener>,
    socket: Socket,
    lock: PathBuf,
    /// Holds the lock.
    _file: File,
}

/// The socket where later launches of an application arrive.
pub(crate) struct Launches(UnixListener);

/// The path of a socket.
struct Socket {
    path: PathBuf,
    /// The temporary folder of the socket, if it has one; removed with the socket.
    _folder: Option<TempDir>,
}

/// Returns the user's runtime folder, and the cache folder for systems without one.
fn places(program: &Program) -> impl Iterator<Item = Result<PathBuf>> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let cache = program.folders().and_then(|folders| folders.cache());
    runtime.map(|folder| Ok(folder.into())).into_iter().chain([cache])
}

fn attempt(lock: &Path) -> io::Result<Option<Claim>> {
    let begin = Instant::now();
    while begin.elapsed() < ANSWER_TIMEOUT {
        if let Some(file) = try_lock(lock)? {
            return Instance::begin(lock, file).map(|instance| Some(Claim::First(instance)));
        }
        // Fails while the first launch starts or ends.
        if hand_over(lock).is_ok() {
            return Ok(Some(Claim::Second));
        }
        std::thread::sleep(STEP);
    }
    Ok(None)
}

/// Returns the file to lock in a folder. Each display has its own first instance.
fn lock_file(folder: &Path, identifier: &str) -> PathBuf {
    let display = ["WAYLAND_DISPLAY", "DISPLAY"].iter().find_map(std::env::var_os);
    let display = display.unwrap_or_default();
    // Socket addresses are limited to little more than a hundred bytes.
    let name = format!("{identifier}\0{}", display.to_string_lossy());
    let mark: String = Sha256::digest(name)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("selvedge-{mark}.lock"))
}

/// Opens and locks the file; `None` if the lock is held or the file was replaced.
fn try_lock(lock: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(lock)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The previous holder may have removed the file after it was opened here; then the path names
    // another file.
    let same = std::fs::metadata(lock).is_ok_and(|named| {
        file.metadata().is_ok_and(|held| (named.dev(), named.ino()) == (held.dev(), held.ino()))
    });
    Ok(same.then_some(file))
}

fn hand_over(lock: &Path) -> io::Result<()> {
    let socket = std::fs::read(lock)?;
    let mut stream = UnixStream::connect(Path::new(std::ffi::OsStr::from_bytes(&socket)))?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(&serde_json::to_vec(&Launch::of_this_process())?)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    match answer == TAKEN {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl Socket {
    /// Listens beside the lock. If that path is too long for a socket address, or its file system
    /// has no sockets, listens in a temporary folder that only the user can open.
    fn bind(lock: &Path) -> io::Result<(Self, UnixListener)> {
        let beside = lock.with_extension("socket");
        // A killed program may have left its socket.
        let _ = std::fs::remove_file(&beside);
        let (socket, listener) = match UnixListener::bind(&beside) {
            Ok(listener) => (Socket { path: beside, _folder: None }, listener),
            Err(error) => {
                tracing::debug!("no socket at {}: {error}", beside.display());
                let folder = tempfile::Builder::new().prefix("selvedge-").tempdir()?;
                let path = folder.path().join("socket");
                let listener = UnixListener::bind(&path)?;
                (Socket { path, _folder: Some(folder) }, listener)
            }
        };
        listener.set_nonblocking(true)?;
        Ok((socket, listener))
    }

    fn path_bytes(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Instance {
    /// Makes this launch reachable for later ones. If that fails, the lock is released.
    fn begin(lock: &Path, mut file: File) -> io::Result<Self> {
        let bound = Socket::bind(lock).and_then(|(socket, listener)| {
            let named = file.set_len(0).and_then(|()| file.write_all(socket.path_bytes()));
            named.inspect_err(|_| socket.remove()).map(|()| (socket, listener))
        });
        let (socket, listener) = bound.inspect_err(|_| drop(std::fs::remove_file(lock)))?;
        Ok(Instance { listener: Some(listener), socket, lock: lock.to_owned(), _file: file })
    }

    /// Determines whether this launch of the program is the first, and hands it over if not.
    ///
    /// Blocks this thread: for up to ten seconds while it tries to reach the first launch, and for
    /// up to ten more while it waits for the answer.
    ///
    /// # Errors
    /// [`Error::OtherInstance`] if the first launch does not answer.
    pub(crate) fn claim(program: &Program) -> Result<Claim> {
        let mut reasons = Vec::new();
        for folder in places(program) {
            let claim = folder.map_err(|error| error.to_string()).and_then(|folder| {
                let claim = attempt(&lock_file(&folder, &program.get_identifier()));
                claim.map_err(|error| format!("{}: {error}", folder.display()))
            });
            match claim {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) => return Err(Error::OtherInstance(program.get_name().to_owned())),
                Err(reason) => reasons.push(reason),
            }
        }
        tracing::warn!(
            "cannot find out whether {} is already running, because the lock failed: {}",
            program.get_name(),
            reasons.join("; ")
        );
        Ok(Claim::Unknown)
    }

    /// Returns the socket where later launches arrive; `None` from the second call on.
    pub(crate) fn launches(&mut self) -> Option<Launches> {
        self.listener.take().map(Launches)
    }
}

impl Launches {
    /// Accepts launches until the future is dropped. `take` returns whether the application keeps
    /// running and accepts this launch; otherwise the launch tries again, and becomes the first
    /// when this process has ended.
    ///
    /// A launch that cannot be accepted at the moment, for example because no descriptor is left,
    /// waits.
    ///
    /// # Errors
    /// [`Error::Io`] if the socket cannot be registered with the runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) async fn take_over(
        self,
        take: impl Fn(Launch) -> bool + Clone + Send + 'static,
    ) -> Result<()> {
        let listener = tokio::net::UnixListener::from_std(self.0);
        let listener =
            listener.map_err(|cause| Error::Io { doing: "taking launches over", cause })?;
        let mut failing = false;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    failing = false;
                    tokio::spawn(receive(stream, take.clone()));
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!("a later launch has to wait: {error}");
                    }
                    failing = true;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn receive(mut stream: tokio::net::UnixStream, take: impl Fn(Launch) -> bool) {
    let mut launch = Vec::new();
    let mut bounded = (&mut stream).take(MAX_LAUNCH);
    let read = bounded.read_to_end(&mut launch);
    if tokio::time::timeout(ANSWER_TIMEOUT, read).await.is_ok_and(|read| read.is_ok())
        && serde_json::from_slice(&launch).is_ok_and(take)
    {
        let _ = stream.write_all(TAKEN).await;
    }
}

impl Drop for Instance {
    /// Removes all files, the lock file last: once it is gone, a later launch may create its own
    /// files.
    fn drop(&mut self) {
        self.socket.remove();
        let _ = std::fs::remove_file(&self.lock);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn claimed(lock: &Path) -> Instance {
        match attempt(lock).unwrap() {
            Some(Claim::First(instance)) => instance,
            _ => panic!("another is first"),
        }
    }

    /// Hands this process over to an instance, on a separate runtime.
    fn is_taken(lock: &Path, instance: &mut Instance) -> bool {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (launches, mut launched) = unbounded_channel();
        let taking =
            instance.launches().unwrap().take_over(move |launch| launches.send(launch).is_ok());
        runtime.spawn(taking);
        matches!(attempt(lock).unwrap(), Some(Claim::Second)) && launched.try_recv().is_ok()
    }

    #[test]
    fn each_claim_of_a_process_holds_its_own_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.lock"), folder.path().join("other.lock"));
        let mut first = claimed(&one);
        let mut second = claimed(&other);
        assert!(try_lock(&one).unwrap().is_none() && try_lock(&other).unwrap().is_none());
        assert!(is_taken(&one, &mut first) && is_taken(&other, &mut second));
        drop(first);
        // A new first instance in the same process, after the previous one has ended.
        let mut again = claimed(&one);
        assert!(try_lock(&one).unwrap().is_none());
        assert!(is_taken(&one, &mut again));
        drop((again, second));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_whose_path_is_too_long_gets_its_socket_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("a".repeat(200));
        std::fs::create_dir(&long).unwrap();
        let lock = long.join("x.lock");
        let mut first = claimed(&lock);
        let socket = first.socket.path.clone();
        assert!(!socket.starts_with(&long));
        assert!(is_taken(&lock, &mut first));
        drop(first);
        assert!(!socket.parent().unwrap().exists() && !lock.exists());
    }

    #[test]
    fn a_lock_that_nothing_can_reach_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        // The file can be locked but not written, so the path of the socket cannot be stored.
        let lock = folder.path().join("x.lock");
        std::fs::write(&lock, "").unwrap();
        let read_only = File::open(&lock).unwrap();
        read_only.try_lock().unwrap();
        assert!(Instance::begin(&lock, read_only).is_err());
        drop(claimed(&lock));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn leftovers_of_a_killed_program_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("x.lock");
        std::fs::write(&lock, "/no such socket, and a longer path than the one that comes")
            .unwrap();
        drop(UnixListener::bind(lock.with_extension("socket")).unwrap());
        let mut first = claimed(&lock);
        assert!(is_taken(&lock, &mut first));
    }
}
