//! The files in which rooms keep their states, beside that of the program.
//!
//! What must hold: users choose the names of rooms, so the number of files is limited, and no name
//! leads to another folder.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

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
}

impl KeptRooms {
    /// Returns the files of rooms beside the file of the program.
    pub(super) fn beside(program: PathBuf, limit: usize) -> Self {
        let mut prefix = program.file_name().unwrap_or_default().to_owned();
        prefix.push(".");
        let folder = program.parent().unwrap_or(Path::new("")).to_owned();
        KeptRooms { folder, prefix, limit }
    }

    /// Returns the file of the room with this name.
    pub(super) fn of_room(&self, name: &str) -> PathBuf {
        let mut file = self.prefix.clone();
        file.push(hex(&Sha256::digest(name)[..HASH]));
        self.folder.join(file)
    }

    /// Removes the least recently written files if there are too many, except those of the rooms with
    /// these names, which run.
    pub(super) fn limit(&self, running: &[String]) {
        if let Err(error) = self.try_limit(running) {
            tracing::warn!(%error, "old states of rooms cannot be removed");
        }
    }

    fn try_limit(&self, running: &[String]) -> io::Result<()> {
        let folder = match self.folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => &self.folder,
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)?.flatten() {
            if self.is_own(&entry.file_name()) {
                files.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        let spare = files.len().saturating_sub(self.limit);
        if spare == 0 {
            return Ok(());
        }
        let running: Vec<_> = running.iter().map(|name| self.of_room(name)).collect();
        files.retain(|(_, file)| !running.iter().any(|own| own.file_name() == file.file_name()));
        files.sort();
        for (_, file) in files.into_iter().take(spare) {
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
        kept.limit(&[names[0].to_owned()]);
        assert_eq!(files.each_ref().map(|file| file.exists()), [true, false, false, true]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }
}
