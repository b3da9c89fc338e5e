//! The files in which rooms keep their states, beside that of the program.
//!
//! What must hold: users choose the names of rooms, so the number of files is limited, and no name
//! leads to another folder.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::hex::hex;

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
    /// Held while files are removed.
    limiting: Arc<Mutex<()>>,
}

impl KeptRooms {
    /// Returns the files of rooms beside the file of the program.
    pub(super) fn beside(program: PathBuf, limit: usize) -> Self {
        let mut prefix = program.file_name().unwrap_or_default().to_owned();
        prefix.push(".");
        let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        KeptRooms { folder, prefix, limit, limiting: Arc::default() }
    }

    /// Returns the file of the room with this name.
    pub(super) fn of_room(&self, name: &str) -> PathBuf {
        let mut file = self.prefix.clone();
        file.push(hex(&Sha256::digest(name)[..HASH]));
        self.folder.join(file)
    }

    /// Removes the least recently written files if there are too many, except those that are used.
    pub(super) fn limit(&self, is_used: impl Fn(&Path) -> bool) {
        let _one = self.limiting.lock();
        if let Err(error) = self.try_limit(is_used) {
            tracing::warn!(%error, "old states of rooms cannot be removed");
        }
    }

    /// Removes all files.
    pub(super) fn clear(self) {
        KeptRooms { limit: 0, ..self }.limit(|_| false);
    }

    fn try_limit(&self, is_used: impl Fn(&Path) -> bool) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)?.flatten() {
            if self.is_own(&entry.file_name())
                && let Ok(metadata) = entry.metadata()
            {
                files.push((metadata.modified()?, entry.path()));
            }
        }
        let spare = files.len().saturating_sub(self.limit);
        files.sort();
        for (_, file) in files.into_iter().filter(|(_, file)| !is_used(file)).take(spare) {
            tracing::info!(file = %file.display(), "the state of an old room is removed");
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
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
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_oldest_files_go_and_those_of_others_and_of_rooms_that_run_stay() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptRooms::beside(folder.path().join("app.kept"), 2);
        for other in ["app.kept", "app.kept.bak", "other.kept.00112233445566778899aabbccddeeff"] {
            fs::write(folder.path().join(other), "").unwrap();
        }
        let names = ["name a", "name ../../b", "name c", "name d"];
        let files = names.map(|name| kept.of_room(name));
        for (age, path) in files.iter().rev().enumerate() {
            assert_eq!(path.parent(), Some(folder.path()));
            let file = fs::File::create(path).unwrap();
            let age = Duration::from_secs(10 * age as u64);
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        kept.limit(|file| file == files[0]);
        assert_eq!(files.each_ref().map(|file| file.exists()), [true, false, false, true]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        kept.clear();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
