//! Follows the files of a page while a server runs, see
//! [`StartOptions::hot_reload`](super::StartOptions::hot_reload).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

use tokio::task::spawn_blocking;

use crate::{Server, app::Endpoints, http::page, pages::FileWatch};

/// Notifies open pages of changed files, until the future is dropped.
pub(super) async fn follow(server: Server, endpoints: Endpoints) {
    let mut page = BuiltIn::now();
    loop {
        // The watcher reports paths as they were registered, so links are resolved first.
        let folders: Vec<(String, PathBuf)> = server
            .served_folders(&endpoints)
            .into_iter()
            .filter_map(|(prefix, folder)| Some((prefix, folder.canonicalize().ok()?)))
            .collect();
        let files: io::Result<Vec<PathBuf>> =
            server.template_files().iter().map(std::path::absolute).collect();
        let watched = folders.iter().map(|(_, folder)| folder.clone());
        let watched: Vec<PathBuf> = watched.chain(page::folder().map(PathBuf::from)).collect();
        let files = files.unwrap_or_default();
        let mut watch = match FileWatch::new(&files, &watched) {
            Ok(watch) => watch,
            Err(error) => return tracing::warn!(%error, "pages do not follow their files"),
        };
        // Changes between reading the templates and this point were not watched.
        reload_templates(&server).await;
        let mut others = Box::pin(server.other_sources());
        loop {
            tokio::select! {
                () = &mut others => break,
                changed = watch.changed() => {
                    reload_templates(&server).await;
                    let changed = without_templates(changed, &files);
                    server.reload_assets(&folders, &changed);
                    server.tell_pages(page.changed());
                }
            }
        }
    }
}

/// Removes the template files, which pages do not load. They may be in a watched folder.
fn without_templates(changed: BTreeSet<PathBuf>, templates: &[PathBuf]) -> BTreeSet<PathBuf> {
    let resolved = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let templates: BTreeSet<PathBuf> = templates.iter().map(resolved).collect();
    changed.into_iter().filter(|path| !templates.contains(&resolved(path))).collect()
}

/// The hashes of the built-in page's files, by URL.
struct BuiltIn(BTreeMap<String, [u8; 32]>);

impl BuiltIn {
    fn now() -> Self {
        BuiltIn(page::folder().map(|_| page::versions()).unwrap_or_default())
    }

    /// Returns the URLs of changed files. Compares hashes, because the build writes all files each
    /// time.
    fn changed(&mut self) -> BTreeSet<String> {
        let now = Self::now();
        let is_other = |url: &&String| self.0.get(*url) != now.0.get(*url);
        let changed = now.0.keys().filter(is_other).cloned().collect();
        *self = now;
        changed
    }
}

async fn reload_templates(server: &Server) {
    let server = server.clone();
    if let Err(error) = spawn_blocking(move || server.reload_templates()).await {
        tracing::error!(%error, "templates could not be read again");
    }
}
