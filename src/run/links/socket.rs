//! Requests for sign-in links over a socket in a folder of the user. A request is a line with the
//! name of the user to sign in, or an empty one; the answer is a line for each link.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixListener,
    task::JoinSet,
    time::timeout,
};

use super::Links;
use crate::{app::Program, hex::hex, http::Invited};

/// Time-out for the answer of a running program.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum size of a request in bytes.
const MAX_REQUEST: u64 = 1024;

/// Maximum size of an answer in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(500);

/// The file of a socket, which is removed on drop.
pub(super) struct SocketPlace(PathBuf);

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns the prefix of the socket names of a program. It contains a hash of the program's name,
/// because socket addresses are limited to little more than a hundred bytes.
fn prefix(name: &str) -> String {
    let mark = Sha256::digest(name);
    format!("selvedge-{}-", hex(&mark[..8]))
}

const SUFFIX: &str = ".links";

/// Returns folders that belong to the user alone: the session's, and a fallback for systems without
/// one.
pub(super) fn places(name: &str) -> impl Iterator<Item = PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let cache = Program::of_server(name).folders().and_then(|folders| folders.cache()).ok();
    runtime.into_iter().chain(cache)
}

pub(super) fn listen(
    folder: &Path,
    name: &str,
    port: u16,
) -> io::Result<(UnixListener, SocketPlace)> {
    let path = folder.join(format!("{}{port}{SUFFIX}", prefix(name)));
    // A socket that does not answer was left by a killed program.
    if UnixStream::connect(&path).is_err() {
        let _ = fs::remove_file(&path);
    }
    let listener = UnixListener::bind(&path)?;
    let place = SocketPlace(path);
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o600))?;
    Ok((listener, place))
}

pub(super) async fn serve(listener: UnixListener, links: Links) {
    // Ended with this future.
    let mut answers = JoinSet::new();
    loop {
        while answers.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(answers.spawn(answer(stream, links.clone()))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn answer(mut stream: tokio::net::UnixStream, links: Links) {
    let Some(invited) = invited(&mut stream).await else { return };
    let Ok(links) = links.make(&invited) else { return };
    // A few hundred bytes fit into the socket's buffer, so this does not block.
    let _ = stream.write_all((links.join("\n") + "\n").as_bytes()).await;
}

/// Reads the user of a link. `None` if the request is invalid or takes too long.
async fn invited(stream: &mut tokio::net::UnixStream) -> Option<Invited> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream).take(MAX_REQUEST);
    timeout(ANSWER_TIMEOUT, reader.read_line(&mut line)).await.ok()?.ok()?;
    match line.strip_suffix('\n')? {
        "" => Some(Invited::Anyone),
        name => Invited::named(name).ok(),
    }
}

/// Returns the links of the program on this port, or of all programs with this name.
pub(super) fn ask(folder: &Path, name: &str, port: Option<u16>, invited: &Invited) -> Vec<String> {
    let prefix = prefix(name);
    let is_asked = |file: &str| {
        let of = file.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(SUFFIX));
        let of = of.and_then(|of| of.parse::<u16>().ok());
        of.is_some_and(|of| port.is_none_or(|port| port == 0 || port == of))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let asked = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_asked));
    asked.filter_map(|entry| ask_one(&entry.path(), invited).ok()).flatten().collect()
}

fn ask_one(path: &Path, invited: &Invited) -> io::Result<Vec<String>> {
    // A link of another user could lead this user to that user's program.
    if fs::symlink_metadata(path)?.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let name = match invited {
        Invited::Named(name) => name,
        _ => "",
    };
    stream.write_all(format!("{name}\n").as_bytes())?;
    let mut answer = String::new();
    (&mut stream).take(MAX_ANSWER).read_to_string(&mut answer)?;
    Ok(answer.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_for_its_user_replaces_a_dead_one_and_goes_with_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let (listener, place) = listen(dir.path(), "app", 4000).unwrap();
        let path = place.0.clone();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(listen(dir.path(), "app", 4000).is_err(), "it has an owner");
        assert!(listen(dir.path(), "other", 4000).is_ok() && path.exists());
        drop(listener);
        std::mem::forget(place); // killed
        assert!(path.exists() && ask(dir.path(), "app", None, &Invited::Anyone).is_empty());
        let (_listener, place) = listen(dir.path(), "app", 4000).unwrap();
        drop(place);
        assert!(!path.exists());
    }
}
