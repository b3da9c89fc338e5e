//! The file of the notes. It is complete at any moment: a new file replaces the old one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

/// The content of the file.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Content {
    pub(crate) draft: String,
    pub(crate) lines: Vec<String>,
}

pub(crate) struct Notebook {
    file: PathBuf,
    content: Mutex<Content>,
}

impl Notebook {
    /// Reads the file, if it exists.
    pub(crate) fn open(file: PathBuf) -> io::Result<Self> {
        let content = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        Ok(Notebook { file, content: Mutex::new(content) })
    }

    pub(crate) fn content(&self) -> Content {
        self.lock().clone()
    }

    pub(crate) fn set_draft(&self, draft: String) -> io::Result<()> {
        let mut content = self.lock();
        content.draft = draft;
        save(&self.file, &content)
    }

    /// Adds a line and returns all lines.
    pub(crate) fn add(&self, line: String) -> io::Result<Vec<String>> {
        let mut content = self.lock();
        content.lines.push(line);
        save(&self.file, &content)?;
        Ok(content.lines.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn save(file: &Path, content: &Content) -> io::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, serde_json::to_vec(content)?)?;
    fs::rename(fresh, file)
}
