//! Files that a page saves: they go to the user's download folder, and the page shows where they
//! are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tauri::{Manager, webview::DownloadEvent};

use crate::{desktop::Desktop, window_list};

impl Desktop {
    /// Chooses the destination of a download, and reports its outcome. Returns whether it may
    /// continue.
    pub(crate) fn follow_download(&self, event: DownloadEvent<'_>) -> bool {
        let mut running = self.downloads.0.lock();
        match event {
            DownloadEvent::Requested { url, destination } => {
                match self.place_of_download(destination) {
                    Ok(place) => *destination = place,
                    Err(error) => {
                        self.tell_page(&format!("Nothing was saved: {error}"));
                        return false;
                    }
                }
                running.insert(url, destination.clone());
            }
            DownloadEvent::Finished { url, path, success } => {
                let place = running.remove(&url).or(path).unwrap_or_default();
                let name = place.file_name().unwrap_or_default().to_string_lossy();
                let folder = place.parent().unwrap_or(Path::new("")).display();
                self.tell_page(&match success {
                    true => format!("Saved {name} in {folder}"),
                    false => format!("{name} could not be saved in {folder}"),
                });
            }
            _ => {}
        }
        true
    }

    /// Returns a free path for a file of the proposed name in the download folder. The proposal's
    /// own folder is not used: for a user without a download folder, it is the folder that the
    /// program was started in.
    fn place_of_download(&self, proposed: &Path) -> io::Result<PathBuf> {
        let paths = self.app.path();
        let folder = match paths.download_dir() {
            Ok(folder) => folder,
            Err(_) => paths.home_dir().map_err(io::Error::other)?.join("Downloads"),
        };
        let at = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
        };
        fs::create_dir_all(&folder).map_err(at)?;
        let name = proposed.file_name().map_or_else(|| "download".into(), ToOwned::to_owned);
        Ok(free(&folder.join(name)))
    }

    /// Shows a message in the front page, and logs it.
    pub(crate) fn tell_page(&self, message: &str) {
        tracing::info!("{message}");
        let Some(window) = window_list::front(&self.app) else { return };
        let detail = serde_json::json!({ "detail": message });
        let script = format!("dispatchEvent(new CustomEvent('selvedge-notice', {detail}))");
        // The window may be closing.
        drop(window.eval(script));
    }
}

/// Returns this path, or the first free one with a number after the name.
fn free(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().map_or(String::new(), |end| format!(".{}", end.to_string_lossy()));
    let numbered = (1..).map(|number| path.with_file_name(format!("{stem} ({number}){end}")));
    let mut places = std::iter::once(path.to_owned()).chain(numbered);
    places.find(|place| !place.exists()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.v1.csv");
        assert_eq!(free(&path), path);
        fs::write(&path, "").unwrap();
        fs::write(folder.path().join("table.v1 (1).csv"), "").unwrap();
        assert_eq!(free(&path), folder.path().join("table.v1 (2).csv"));
    }
}
