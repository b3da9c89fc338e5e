//! The files that templates come from.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::Notify;

use crate::{app::Server, state::State};

/// The files of a server's templates.
#[derive(Default)]
pub(crate) struct TemplateSources {
    /// By the state key of the template, each with the state handle that set it.
    pub(super) templates: HashMap<String, (State, PathBuf)>,
    pub(super) changed: Arc<Notify>,
}

impl Server {
    /// Records the file of a template, or that it has none.
    pub(crate) fn set_source(&self, key: &str, file: Option<&Path>) {
        let sources = &mut self.settings().sources;
        match file {
            Some(file) => {
                let source = (self.state().clone(), file.to_owned());
                sources.templates.insert(key.to_owned(), source);
            }
            None => drop(sources.templates.remove(key)),
        }
        sources.changed.notify_one();
    }

    /// Signals that the set of watched files has changed.
    pub(crate) fn sources_changed(&self) {
        self.settings().sources.changed.notify_one();
    }
}
