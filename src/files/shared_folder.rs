//! Folders of the server's machine from which users choose files.
//!
//! A page names a file by its path below the folder. No path, whatever a page sends, leads out of the folder: not by `..`,
//! not by an absolute path, and not by a symbolic link.

use std::{
    collections::HashMap,
    fs::{self, DirEntry},
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use parking_lot::Mutex;
use serde::Serialize;

use crate::{Ctx, Failure, Result, Server, error::FolderError};

/// The method by which pages list a folder.
const LIST: &str = "files.list";

/// Maximum number of entries of a folder that a page gets.
const MAX_ENTRIES: usize = 10_000;

/// The shared folders of a server by name.
#[derive(Clone, Default)]
pub(crate) struct SharedFolders(Arc<Mutex<HashMap<String, SharedFolder>>>);

/// A folder of the server's machine from which users choose files, see [`Server::share_folder`].
#[derive(Clone, Debug)]
pub struct SharedFolder {
    /// Without symbolic links.
    root: PathBuf,
}

/// What a page gets of a folder.
#[derive(Debug, Serialize)]
struct Listing {
    /// Folders first, then by name.
    entries: Vec<Entry>,
    /// Whether there are more than a page gets.
    more: bool,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    folder: bool,
    /// In bytes.
    size: u64,
    /// In milliseconds since the beginning of 1970, if it is known.
    modified: Option<u64>,
}

impl SharedFolder {
    fn new(root: &Path) -> Result<Self, FolderError> {
        let failed = |cause| FolderError::Unreadable { path: root.to_path_buf(), cause };
        let found = root.canonicalize().map_err(failed)?;
        if !found.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        Ok(SharedFolder { root: found })
    }

    /// Returns the absolute path of the file or folder that a user has chosen: the value of a
    /// `<selvedge-file>`, such as `runs/17.csv`. An empty path is the folder itself.
    ///
    /// # Errors
    /// - [`FolderError::Outside`] if the path leads out of the folder, or names a hidden file.
    /// - [`FolderError::Unreadable`] if there is no such file.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, FolderError> {
        let outside = || FolderError::Outside { path: path.to_owned() };
        for part in Path::new(path).components() {
            match part {
                Component::Normal(name) if !is_hidden(&name.to_string_lossy()) => {}
                _ => return Err(outside()),
            }
        }
        let wanted = self.root.join(path);
        let found = wanted
            .canonicalize()
            .map_err(|cause| FolderError::Unreadable { path: path.into(), cause })?;
        if found.starts_with(&self.root) { Ok(found) } else { Err(outside()) }
    }

    fn list(&self, path: &str) -> Result<Listing, FolderError> {
        let unreadable = |cause| FolderError::Unreadable { path: path.into(), cause };
        let folder = self.resolve(path)?;
        let mut entries: Vec<Entry> = fs::read_dir(&folder)
            .map_err(unreadable)?
            .filter_map(|entry| self.entry(&entry.ok()?))
            .collect();
        entries.sort_by_cached_key(|entry| (!entry.folder, entry.name.to_lowercase()));
        let more = entries.len() > MAX_ENTRIES;
        entries.truncate(MAX_ENTRIES);
        Ok(Listing { entries, more })
    }

    /// Returns what a page learns of a file. `None` if it is hidden, no file or folder, or leads out
    /// of the folder.
    fn entry(&self, entry: &DirEntry) -> Option<Entry> {
        let name = entry.file_name().into_string().ok().filter(|name| !is_hidden(name))?;
        let mut metadata = entry.metadata().ok()?;
        if metadata.is_symlink() {
            let target = entry.path().canonicalize().ok()?;
            metadata = target.starts_with(&self.root).then(|| fs::metadata(target).ok())??;
        }
        let known = metadata.is_dir() || metadata.is_file();
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        known.then(|| Entry {
            name,
            folder: metadata.is_dir(),
            size: if metadata.is_dir() { 0 } else { metadata.len() },
            modified: modified.and_then(|time| time.as_millis().try_into().ok()),
        })
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

impl SharedFolders {
    fn list(&self, name: &str, path: &str) -> Result<Listing, Failure> {
        let folder = self.0.lock().get(name).cloned();
        let folder =
            folder.ok_or_else(|| Failure::msg(format!("there is no shared folder `{name}`")))?;
        Ok(folder.list(path)?)
    }
}

impl Server {
    /// Lets users choose files and folders below `root`, a folder of the machine that the server
    /// runs on, with `<selvedge-file from="name">`. Hidden files, whose names begin with a dot, are
    /// left out. A second call with the same name replaces the folder.
    ///
    /// All signed-in users see the names, sizes and dates of the files, but not their content.
    ///
    /// ```
    /// use selvedge::{Ctx, Server, files::FolderError};
    ///
    /// let server = Server::new("solver");
    /// # let root = tempfile::tempdir()?;
    /// # let root = root.path();
    /// let meshes = server.share_folder("meshes", root)?;
    /// server.state().set("mesh", "");
    /// server.template("main", r#"<selvedge-file v-model="mesh" from="meshes" accept=".msh"></selvedge-file>"#);
    /// server.on_change("mesh", move |_: Ctx, mesh: String| {
    ///     println!("{}", meshes.resolve(&mesh)?.display());
    ///     Ok::<_, FolderError>(())
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`FolderError::Unreadable`] if there is no such folder.
    pub fn share_folder(
        &self,
        name: impl Into<String>,
        root: impl AsRef<Path>,
    ) -> Result<SharedFolder, FolderError> {
        let folder = SharedFolder::new(root.as_ref())?;
        let folders = self.inner.shared_folders.clone();
        folders.0.lock().insert(name.into(), folder.clone());
        self.rpc_for_viewers(LIST, move |_: Ctx, name: String, path: String| {
            folders.list(&name, &path)
        });
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with two runs and a hidden file, beside a secret.
    fn shared() -> (tempfile::TempDir, SharedFolder) {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("data");
        fs::create_dir_all(root.join("Runs")).unwrap();
        for file in ["data/Runs/1.csv", "data/b.csv", "data/A.csv", "data/.key", "secret"] {
            fs::write(place.path().join(file), "12345").unwrap();
        }
        let folder = SharedFolder::new(&root).unwrap();
        (place, folder)
    }

    #[test]
    fn folders_come_first_and_hidden_files_not_at_all() {
        let (_place, folder) = shared();
        let listing = folder.list("").unwrap();
        let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!((names, listing.more), (vec!["Runs", "A.csv", "b.csv"], false));
        let file = &listing.entries[1];
        assert_eq!((file.folder, file.size, file.modified.is_some()), (false, 5, true));
        assert_eq!(folder.list("Runs").unwrap().entries[0].name, "1.csv");
        assert!(matches!(folder.list("A.csv"), Err(FolderError::Unreadable { .. })));
    }

    #[test]
    fn no_path_leads_out() {
        let (place, folder) = shared();
        assert!(folder.resolve("Runs/1.csv").unwrap().ends_with("data/Runs/1.csv"));
        let absolute = place.path().join("secret").display().to_string();
        for path in ["../secret", "Runs/../../secret", "/etc/passwd", &absolute, ".key", "Runs/.."]
        {
            let resolved = folder.resolve(path);
            assert!(matches!(resolved, Err(FolderError::Outside { .. })), "{path}: {resolved:?}");
        }
        let missing = folder.resolve("Runs/2.csv");
        assert!(matches!(missing, Err(FolderError::Unreadable { .. })), "{missing:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_only_to_what_is_in_the_folder() {
        let (place, folder) = shared();
        let root = place.path().join("data");
        std::os::unix::fs::symlink(place.path().join("secret"), root.join("out.csv")).unwrap();
        std::os::unix::fs::symlink(root.join("Runs"), root.join("Latest")).unwrap();
        let listing = folder.list("").unwrap();
        let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["Latest", "Runs", "A.csv", "b.csv"]);
        assert!(folder.resolve("Latest/1.csv").is_ok());
        assert!(matches!(folder.resolve("out.csv"), Err(FolderError::Outside { .. })));
    }

    #[test]
    fn what_is_no_folder_cannot_be_shared() {
        let (place, _) = shared();
        for path in ["missing", "secret"] {
            let shared = SharedFolder::new(&place.path().join(path));
            assert!(matches!(shared, Err(FolderError::Unreadable { .. })), "{shared:?}");
        }
    }
}
