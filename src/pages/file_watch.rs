//! Watches the files that pages are made of. Only used in development.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::mpsc, time::timeout};

use crate::{Error, Result};

/// Quiet time after which a change is complete, since editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(50);

/// Watches files and folders until it is dropped.
pub(crate) struct FileWatch {
    changes: mpsc::UnboundedReceiver<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl FileWatch {
    /// Watches files, and folders with all their content. Missing files and folders are skipped.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses to watch files.
    pub(crate) fn new(files: &[PathBuf], folders: &[PathBuf]) -> Result<Self> {
        let refused = |error: notify::Error| Error::Io {
            doing: "watching files",
            cause: std::io::Error::other(error),
        };
        let (sender, changes) = mpsc::unbounded_channel();
        let tell = move |event: notify::Result<notify::Event>| match event {
            Ok(event) if event.kind.is_access() => {} // a read is not a change
            Ok(event) => event.paths.into_iter().for_each(|path| {
                let _ = sender.send(path); // fails only while the watch is dropped
            }),
            Err(error) => tracing::warn!(%error, "some changes of files may have been missed"),
        };
        let mut watcher = notify::recommended_watcher(tell).map_err(refused)?;
        // Watches the parent folders, because editors replace files and a watch on the old file
        // would see nothing.
        let parents: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        let parents = parents.into_iter().map(|path| (path, RecursiveMode::NonRecursive));
        let folders = folders.iter().map(|path| (path.as_path(), RecursiveMode::Recursive));
        for (path, mode) in parents.chain(folders).filter(|(path, _)| path.is_dir()) {
            watcher.watch(path, mode).map_err(refused)?;
        }
        Ok(FileWatch { changes, _watcher: watcher })
    }

    /// Waits for a change, and returns all paths that belong to it.
    ///
    /// # Cancellation
    /// If the future is dropped, a change may be lost.
    pub(crate) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        match self.changes.recv().await {
            Some(path) => changed.insert(path),
            None => std::future::pending().await, // the watcher has ended; no more changes
        };
        while let Ok(Some(path)) = timeout(QUIET, self.changes.recv()).await {
            changed.insert(path);
        }
        changed
    }
}
