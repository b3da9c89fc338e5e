//! An application while it is shown, and what is kept of its windows.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use selvedge::{Error, host::ShellSession};
use tauri::{AppHandle, Url, WebviewWindow};

use crate::{ending::Ending, native_menu::Shown};

/// An application while it is shown.
pub(crate) struct Desktop {
    pub(crate) app: AppHandle,
    pub(crate) session: ShellSession,
    pub(crate) ending: Arc<Ending>,
    pub(crate) windows: Windows,
    pub(crate) menu: Shown,
    pub(crate) question: Question,
    pub(crate) downloads: Downloads,
    #[cfg(target_os = "linux")]
    pub(crate) proxies: Option<crate::proxy::Proxies>,
}

/// Properties of a window that the window system does not keep.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) zoom: Option<f64>,
    pub(crate) page_title: String,
    pub(crate) own_title: Option<String>,
    /// Whether the window is about to be destroyed.
    pub(crate) leaving: bool,
}

/// Properties of all windows, by label.
#[derive(Default)]
pub(crate) struct Windows(Mutex<HashMap<String, Kept>>);

impl Windows {
    pub(crate) fn of(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock()
    }

    /// Marks a window that nothing keeps from closing. It still exists for a while.
    pub(crate) fn let_go(&self, window: &WebviewWindow) {
        self.of().entry(window.label().to_owned()).or_default().leaving = true;
    }

    /// Unmarks a window whose user is asked whether it may close.
    #[cfg(target_os = "linux")]
    pub(crate) fn keep(&self, window: &WebviewWindow) {
        self.of().entry(window.label().to_owned()).or_default().leaving = false;
    }

    pub(crate) fn is_leaving(&self, window: &WebviewWindow) -> bool {
        self.of().get(window.label()).is_some_and(|kept| kept.leaving)
    }

    pub(crate) fn forget(&self, window: &WebviewWindow) {
        self.of().remove(window.label());
    }
}

/// The stage of the question.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Stage {
    #[default]
    Idle,
    /// The application's trigger is running.
    Deciding,
    /// The question is on the screen.
    Asked,
}

/// The question before the end.
#[derive(Default)]
pub(crate) struct Question(pub(crate) Mutex<Stage>);

/// The destination of each download in progress.
#[derive(Default)]
pub(crate) struct Downloads(pub(crate) Mutex<HashMap<Url, PathBuf>>);

pub(crate) fn failed(error: tauri::Error) -> Error {
    Error::Shell(error.to_string())
}
