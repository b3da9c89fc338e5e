//! Native dialogs for the application's code.

use std::{path::PathBuf, pin::Pin};

use selvedge::{Dialogs, SaveRequest};
use tauri::AppHandle;
use tauri_plugin_dialog::DialogExt;
use tokio::sync::oneshot;

use crate::windows;

type Chosen = Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>>;

pub(crate) struct NativeDialogs(pub(crate) AppHandle);

impl Dialogs for NativeDialogs {
    fn save_path(&self, request: SaveRequest) -> Chosen {
        let (answer, chosen) = oneshot::channel();
        let mut dialog = self.0.dialog().file().set_file_name(request.file_name);
        if let Some(window) = windows::front(&self.0) {
            dialog = dialog.set_parent(&window);
        }
        // The answer is dropped where nobody waits for it any more.
        dialog.save_file(move |path| drop(answer.send(path)));
        Box::pin(async move { chosen.await.ok().flatten()?.into_path().ok() })
    }
}
