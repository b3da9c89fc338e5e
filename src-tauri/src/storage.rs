//! Where the web view keeps cookies, caches and the data of pages: in the program's folder, or, if
//! that is not writable, only until the program ends.

use std::path::PathBuf;

use selvedge::{Result, run::Program};
use tauri::{AppHandle, Manager, WebviewWindowBuilder, Wry};
use tempfile::TempDir;

pub(crate) enum Storage {
    /// Tauri's default: the program's folder.
    Kept,
    /// A folder for temporary files, which is deleted when the program ends.
    Temporary(TempDir),
    /// There is no writable folder.
    Nowhere,
}

impl Storage {
    /// Checks whether the program's folder is writable. Warns if it is not.
    pub(crate) fn of(program: &Program) -> Self {
        let Err(error) = writable(program) else { return Storage::Kept };
        tracing::warn!("the window keeps nothing of what its page stores: {error}");
        match tempfile::Builder::new().prefix("selvedge-").tempdir() {
            Ok(folder) => Storage::Temporary(folder),
            Err(error) => {
                tracing::warn!("the web view has no folder for temporary files: {error}");
                Storage::Nowhere
            }
        }
    }
}

/// Makes the web view of a window keep its files in the storage.
pub(crate) fn place<'a, M: Manager<Wry>>(
    builder: WebviewWindowBuilder<'a, Wry, M>,
    app: &AppHandle,
) -> WebviewWindowBuilder<'a, Wry, M> {
    match &*app.state::<Storage>() {
        Storage::Kept => builder,
        Storage::Temporary(folder) => builder.data_directory(folder.path().to_owned()),
        Storage::Nowhere if cfg!(windows) => builder,
        // Tauri creates the folder unless a file of that name exists. Nothing can be created in
        // this one.
        Storage::Nowhere => builder.incognito(true).data_directory(PathBuf::from("/dev/null")),
    }
}

/// Deletes the temporary folder when the program ends, because Tauri does not drop its state.
pub(crate) fn end(app: &AppHandle) {
    if let Storage::Temporary(folder) = &*app.state::<Storage>() {
        // Files that the web view's processes are still writing stay behind, like other temporary
        // files.
        let _ = std::fs::remove_dir_all(folder.path());
    }
}

/// Tries to create a file where the web view will.
fn writable(program: &Program) -> Result<()> {
    let folders = program.folders()?;
    let folder = if cfg!(windows) { folders.cache()? } else { folders.data()? };
    let made = tempfile::tempfile_in(&folder);
    made.map(drop).map_err(|cause| selvedge::Error::Io {
        doing: "writing to the application's folder",
        cause: std::io::Error::new(cause.kind(), format!("{}: {cause}", folder.display())),
    })
}
