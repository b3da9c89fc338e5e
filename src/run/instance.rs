//! One instance of an application for each user and display: a second launch is handed over to the first.
//!
//! The first launch holds a lock on a file, which the system takes back however the program ends, and listens on a socket
//! beside it. Tauri's own plugin asks the session bus on Linux, where there need not be one, and on macOS has nothing
//! that decides between launches at the same time.
//!
//! What must hold: at most one process has the lock of the file that bears the name, also while files are removed; and
//! a launch that was handed over has been taken by an application that goes on.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::{
        fs::MetadataExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Error, Folders, Launch, Result};

/// How long a second launch tries to reach the first.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits between two attempts: until the first listens, or has ended.
const STEP: Duration = Duration::from_millis(20);
/// Bytes of a launch at most. Systems allow command lines of two megabytes.
const MAX_LAUNCH: u64 = 16 << 20;
/// What a first instance answers.
const TAKEN: &[u8] = b"taken";

/// What a launch has turned out to be; see [`Instance::claim`].
pub enum Claim {
    /// It is the first.
    First(Instance),
    /// Another was first, and has taken this one over: there is nothing left to do.
    Second,
    /// There is no place for a lock, so that nothing is known of others.
    Unknown,
}

/// The first launch of an application, for one user and on one display. For hosts; only on Unix.
///
/// Others cannot be first as long as this process lives. Later launches wait until they are taken over, and begin anew when
/// this is dropped.
pub struct Instance {
    listener: Option<UnixListener>,
    paths: Paths,
}

/// Where later launches of an application arrive.
pub struct Launches(UnixListener);

#[derive(Clone)]
struct Paths {
    lock: PathBuf,
    socket: PathBuf,
}

/// Held as long as the process lives.
static HELD: OnceLock<File> = OnceLock::new();

/// The user's own folder for such files, and another for systems without one.
fn places(name: &str) -> impl Iterator<Item = PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let cache = Folders::of(name).and_then(|folders| folders.cache()).ok();
    runtime.into_iter().chain(cache)
}

fn attempt(paths: &Paths) -> io::Result<Option<Claim>> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(lock) = paths.lock()? {
            let _ = HELD.set(lock);
            // What is there was left by one that was killed.
            let _ = std::fs::remove_file(&paths.socket);
            let listener = UnixListener::bind(&paths.socket)?;
            listener.set_nonblocking(true)?;
            return Ok(Some(Claim::First(Instance {
                listener: Some(listener),
                paths: paths.clone(),
            })));
        }
        // It fails while the first one begins or ends.
        if hand_over(&paths.socket).is_ok() {
            return Ok(Some(Claim::Second));
        }
        std::thread::sleep(STEP);
    }
    Ok(None)
}

impl Paths {
    fn within(folder: &Path, name: &str) -> Self {
        let display = ["WAYLAND_DISPLAY", "DISPLAY"].iter().find_map(std::env::var_os);
        let display = display.unwrap_or_default();
        // Addresses of sockets have hardly more than a hundred bytes.
        let mark = fnv1a(format!("{name}\0{}", display.to_string_lossy()).as_bytes());
        let file = |extension| folder.join(format!("selvedge-{mark:016x}.{extension}"));
        Paths { lock: file("lock"), socket: file("socket") }
    }

    /// The lock, if nobody has it.
    fn lock(&self) -> io::Result<Option<File>> {
        let file = File::options().create(true).truncate(false).write(true).open(&self.lock)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The one before may have removed the file after it was opened here: then it is another's by now.
        let same = std::fs::metadata(&self.lock).is_ok_and(|named| {
            file.metadata().is_ok_and(|held| (named.dev(), named.ino()) == (held.dev(), held.ino()))
        });
        Ok(same.then_some(file))
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn hand_over(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&serde_json::to_vec(&Launch::of_this_process())?)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    match answer == TAKEN {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl Instance {
    /// Finds out whether this launch of the application with this server name is the first, and hands it over if not.
    ///
    /// It waits for ten seconds at most, on this thread.
    ///
    /// # Errors
    /// [`Error::OtherInstance`] when the first does not answer.
    pub fn claim(server_name: &str) -> Result<Claim> {
        for folder in places(server_name) {
            match attempt(&Paths::within(&folder, server_name)) {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) => return Err(Error::OtherInstance(server_name.to_owned())),
                Err(error) => tracing::debug!("no lock in {}: {error}", folder.display()),
            }
        }
        tracing::warn!(
            "there is no place for a lock: whether {server_name} runs already is not known"
        );
        Ok(Claim::Unknown)
    }

    /// Where later launches arrive. There is one such place: a second call gives none.
    pub fn launches(&mut self) -> Option<Launches> {
        self.listener.take().map(Launches)
    }
}

impl Launches {
    /// Takes launches over until the future is dropped. `take` says whether the application goes on and takes this one;
    /// otherwise the launch tries again, and is the first when this process has ended.
    ///
    /// # Errors
    /// What the system says when nothing more can arrive.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn take_over(
        self,
        take: impl Fn(Launch) -> bool + Clone + Send + 'static,
    ) -> Result<()> {
        self.accept(take)
            .await
            .map_err(|source| Error::Io { doing: "taking launches over", source })
    }

    async fn accept(
        self,
        take: impl Fn(Launch) -> bool + Clone + Send + 'static,
    ) -> io::Result<()> {
        let listener = tokio::net::UnixListener::from_std(self.0)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            let take = take.clone();
            tokio::spawn(async move {
                let mut launch = Vec::new();
                let mut bounded = (&mut stream).take(MAX_LAUNCH);
                let read = bounded.read_to_end(&mut launch);
                if tokio::time::timeout(PATIENCE, read).await.is_ok_and(|read| read.is_ok())
                    && serde_json::from_slice(&launch).is_ok_and(take)
                {
                    let _ = stream.write_all(TAKEN).await;
                }
            });
        }
    }
}

impl Drop for Instance {
    /// Leaves no file. The lock is held on, but a later launch makes a new one.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.paths.socket);
        let _ = std::fs::remove_file(&self.paths.lock);
    }
}
