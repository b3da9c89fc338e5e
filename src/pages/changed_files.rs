//! Live reload in development: the files that pages are made of, and notices to open pages about
//! changes.
//!
//! Of the state, only the templates change, so that users keep what they have done.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use selvedge_wslink::words::topic;

use crate::app::{Endpoints, Server};

impl Server {
    /// Resolves when the set of watched files has changed.
    pub(crate) fn other_sources(&self) -> impl Future<Output = ()> + use<> {
        let changed = Arc::clone(&self.settings().sources.changed);
        async move { changed.notified().await }
    }

    /// Returns the files of the templates.
    pub(crate) fn template_files(&self) -> Vec<PathBuf> {
        let settings = self.settings();
        let templates = settings.sources.templates.values();
        templates.map(|(_, file)| file.clone()).collect()
    }

    /// Returns the served folders, each with its URL prefix.
    pub(crate) fn served_folders(&self, endpoints: &Endpoints) -> Vec<(String, PathBuf)> {
        let mut folders = self.modules().folders();
        folders.extend(endpoints.folders.clone());
        folders.extend(endpoints.content.clone().map(|root| (String::new(), root)));
        folders
    }

    /// Reads all templates again. Changed ones are sent to the open pages.
    pub(crate) fn reload_templates(&self) {
        let templates = self.settings().sources.templates.clone();
        for (key, (state, file)) in templates {
            match std::fs::read_to_string(&file) {
                Ok(text) => drop(state.set(&key, text)),
                // Editors replace files: a missing file often reappears at once.
                Err(error) => tracing::warn!(?file, %error, "a template stays as it was"),
            }
        }
        self.state().flush();
    }

    /// Notifies open pages of changed files that they may have loaded.
    pub(crate) fn reload_assets(&self, folders: &[(String, PathBuf)], changed: &BTreeSet<PathBuf>) {
        let urls: BTreeSet<String> = changed
            .iter()
            .filter(|path| path.is_file())
            .filter_map(|path| {
                let (prefix, rest) = folders.iter().find_map(|(prefix, folder)| {
                    Some((prefix.trim_matches('/'), path.strip_prefix(folder).ok()?))
                })?;
                let rest: Vec<_> = rest.iter().map(|part| part.to_string_lossy()).collect();
                Some(format!("{prefix}/{}", rest.join("/")))
            })
            .map(|url| url.trim_start_matches('/').to_owned())
            .collect();
        self.tell_pages(urls);
    }

    /// Notifies open pages of changed files.
    pub(crate) fn tell_pages(&self, urls: BTreeSet<String>) {
        if urls.is_empty() {
            return;
        }
        tracing::info!(?urls, "files of the page have changed");
        if let Err(error) = self.publish(topic::RELOAD, urls) {
            tracing::error!(%error, "the pages could not be notified");
        }
    }
}
