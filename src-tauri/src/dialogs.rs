//! Native dialogs for the application's code.

use std::{error::Error, path::PathBuf, pin::Pin};

use selvedge::window::{
    Dialogs, FileFilter, MessageAnswer, MessageButtons, MessageLevel, MessageRequest, OpenChoice,
    OpenRequest, SaveRequest,
};
use tauri::{
    AppHandle, WebviewWindow, Wry,
    plugin::{Plugin, TauriPlugin},
};
use tauri_plugin_dialog::{
    DialogExt, FileDialogBuilder, FilePath, MessageDialogButtons, MessageDialogKind,
    MessageDialogResult,
};
use tokio::sync::oneshot;

use crate::window_list;

/// Tauri's dialogs, for the host only. The unmodified plugin replaces `alert` and `confirm` in the
/// page by calls to the host, which pages may not make here: `confirm` would then report that the
/// user has agreed.
pub(crate) struct HostDialogs(TauriPlugin<Wry>);

impl HostDialogs {
    pub(crate) fn plugin() -> Self {
        HostDialogs(tauri_plugin_dialog::init())
    }
}

impl Plugin<Wry> for HostDialogs {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn initialize(
        &mut self,
        app: &AppHandle,
        config: serde_json::Value,
    ) -> Result<(), Box<dyn Error>> {
        self.0.initialize(app, config)
    }
}

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) struct NativeDialogs(pub(crate) AppHandle);

impl NativeDialogs {
    /// Returns the window that the user works in.
    fn parent(&self) -> Option<WebviewWindow> {
        window_list::front(&self.0)
    }

    fn files(
        &self,
        title: Option<String>,
        filters: &[FileFilter],
        directory: Option<PathBuf>,
    ) -> FileDialogBuilder<Wry> {
        let mut dialog = self.0.dialog().file();
        for FileFilter { name, extensions, .. } in filters {
            let extensions: Vec<&str> = extensions.iter().map(String::as_str).collect();
            dialog = dialog.add_filter(name, &extensions);
        }
        if let Some(window) = self.parent() {
            dialog = dialog.set_parent(&window);
        }
        if let Some(title) = title {
            dialog = dialog.set_title(title);
        }
        if let Some(directory) = directory {
            dialog = dialog.set_directory(directory);
        }
        dialog
    }
}

impl Dialogs for NativeDialogs {
    fn open(&self, request: OpenRequest) -> Answer<Vec<PathBuf>> {
        let (answer, chosen) = oneshot::channel();
        let dialog = self.files(request.title, &request.filters, request.directory);
        let one = |answer: oneshot::Sender<Vec<FilePath>>| {
            move |path: Option<FilePath>| {
                let _ = answer.send(path.into_iter().collect());
            }
        };
        match request.choice {
            OpenChoice::Folder => dialog.pick_folder(one(answer)),
            OpenChoice::Files => dialog.pick_files(move |paths| {
                let _ = answer.send(paths.unwrap_or_default());
            }),
            _ => dialog.pick_file(one(answer)),
        }
        Box::pin(async move {
            let paths = chosen.await.unwrap_or_default();
            paths.into_iter().filter_map(|path| path.into_path().ok()).collect()
        })
    }

    fn save(&self, request: SaveRequest) -> Answer<Option<PathBuf>> {
        let (answer, chosen) = oneshot::channel();
        let dialog = self.files(request.title, &request.filters, request.directory);
        dialog.set_file_name(request.file_name).save_file(move |path| {
            let _ = answer.send(path);
        });
        Box::pin(async move { chosen.await.ok().flatten()?.into_path().ok() })
    }

    fn message(&self, request: MessageRequest) -> Answer<MessageAnswer> {
        let (answer, given) = oneshot::channel();
        let mut dialog = self.0.dialog().message(request.text).kind(match request.level {
            MessageLevel::Info => MessageDialogKind::Info,
            MessageLevel::Warning => MessageDialogKind::Warning,
            MessageLevel::Error => MessageDialogKind::Error,
        });
        dialog = dialog.buttons(match request.buttons {
            MessageButtons::OkCancel => MessageDialogButtons::OkCancel,
            MessageButtons::YesNo => MessageDialogButtons::YesNo,
            _ => MessageDialogButtons::Ok,
        });
        if let Some(title) = request.title {
            dialog = dialog.title(title);
        }
        if let Some(window) = self.parent() {
            dialog = dialog.parent(&window);
        }
        dialog.show_with_result(move |result| {
            let _ = answer.send(match result {
                MessageDialogResult::Ok => MessageAnswer::Ok,
                MessageDialogResult::Yes => MessageAnswer::Yes,
                MessageDialogResult::No => MessageAnswer::No,
                _ => MessageAnswer::Cancel,
            });
        });
        Box::pin(async move { given.await.unwrap_or(MessageAnswer::Cancel) })
    }
}
