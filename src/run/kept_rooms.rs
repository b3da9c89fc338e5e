//! The files in which rooms keep their states, beside that of the program.
//!
//! What must hold: users choose the names of rooms, so the number of files is limited, and no name
//! leads to another folder.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use crate::blocking;

/// Number of bytes of the hash of a room's name in the name of its file.
const HASH: usize = 16;

/// The files of one program.
#[derive(Clone)]
pub(super) struct KeptRooms {
    folder: PathBuf,
    /// What the names of the files begin with.
    prefix: OsString,
    /// Maximum number of files.
    limit: usize,
}

impl KeptRooms {
    /// Returns the files of rooms beside the file of the program.
    pub(super) fn beside(program: PathBuf, limit: usize) -> Self {
        let mut prefix = program.file_name().unwrap_or_default().to_owned();
        prefix.push(".");
        let folder = program.parent().unwrap_or(Path::new("")).to_owned();
        KeptRooms { folder, prefix, limit }
    }

    /// Returns the file of the room with this name. If it is new and there are too many files, those
    /// go that have not been written for the longest time.
    pub(super) async fn of_room(&self, name: &str) -> PathBuf {
        let hash = Sha256::digest(name);
        let hash: String = hash[..HASH].iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = self.prefix.clone();
        file.push(hash);
        let file = self.folder.join(file);
        let (kept, own) = (self.clone(), file.clone());
        blocking::run(move || {
            if !own.exists()
                && let Err(error) = kept.make_room()
            {
                tracing::warn!(%error, "old states of rooms cannot be removed");
            }
        })
        .await;
        file
    }

    /// Removes the oldest files until one more may be written.
    fn make_room(&self) -> io::Result<()> {
        let folder = match self.folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => &self.folder,
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let own = entries.flatten().filter(|entry| self.is_own(&entry.file_name()));
        let mut files: Vec<(SystemTime, PathBuf)> = own
            .map(|entry| Ok((entry.metadata()?.modified()?, entry.path())))
            .collect::<io::Result<_>>()?;
        files.sort();
        let spare = (files.len() + 1).saturating_sub(self.limit);
        for (_, file) in files.drain(..spare.min(files.len())) {
            tracing::info!(file = %file.display(), "the state of an old room is removed");
            fs::remove_file(file)?;
        }
        Ok(())
    }

    fn is_own(&self, file: &OsStr) -> bool {
        let rest = file.as_encoded_bytes().strip_prefix(self.prefix.as_encoded_bytes());
        rest.is_some_and(|hash| hash.len() == 2 * HASH && hash.iter().all(u8::is_ascii_hexdigit))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_oldest_files_go_and_those_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptRooms::beside(folder.path().join("app.kept"), 2);
        for other in ["app.kept", "app.kept.bak", "other.kept.00112233445566778899aabbccddeeff"] {
            fs::write(folder.path().join(other), "").unwrap();
        }
        let mut files = Vec::new();
        for (age, name) in [(30, "name a"), (20, "name ../../b"), (10, "name c")] {
            let path = kept.of_room(name).await;
            assert_eq!(path.parent(), Some(folder.path()));
            let file = fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            files.push(path);
        }
        assert_eq!([0, 1, 2].map(|at| files[at].exists()), [false, true, true]);
        assert_eq!(kept.of_room("name c").await, files[2]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }
}
