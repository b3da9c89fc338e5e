//! The question that is asked before the user ends the application.

use std::sync::Arc;

use selvedge::{
    Failure,
    window::{Closing, ConfirmClose},
};
use tauri::{CloseRequestApi, WebviewWindow, async_runtime};
use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogKind};

use crate::{
    desktop::{Desktop, Stage},
    window_list,
};

impl Desktop {
    /// Handles a request to close a window. The last window stays until it is clear that it may
    /// close.
    pub(crate) fn close_requested(self: &Arc<Self>, window: &WebviewWindow, api: &CloseRequestApi) {
        let last = self.staying().iter().all(|other| other.label() == window.label());
        let ends = last && !self.ending.has_begun();
        match self.session.server.closing_question().filter(|_| ends) {
            Some(confirm) => {
                api.prevent_close();
                self.ask_first(confirm);
            }
            None => {
                #[cfg(target_os = "linux")]
                let waits = !self.ending.has_begun() && !self.windows.is_leaving(window);
                self.windows.let_go(window);
                #[cfg(target_os = "linux")]
                if waits {
                    api.prevent_close();
                    self.close_with_page(window);
                }
            }
        }
    }

    /// Returns the windows that are not about to be destroyed.
    fn staying(&self) -> Vec<WebviewWindow> {
        let mut windows = window_list::all(&self.app);
        windows.retain(|window| !self.windows.is_leaving(window));
        windows
    }

    /// Closes all windows, which ends the application, once it is clear that they may close.
    pub(crate) fn quit(self: &Arc<Self>) {
        match self.session.server.closing_question() {
            Some(confirm) => self.ask_first(confirm),
            None => self.close_all(),
        }
    }

    fn close_all(&self) {
        for window in window_list::all(&self.app) {
            if let Err(error) = window.destroy() {
                tracing::warn!("a window could not be closed: {error}");
            }
        }
    }

    fn ask_first(self: &Arc<Self>, confirm: ConfirmClose) {
        let stage = *self.question.0.lock();
        match (stage, confirm.trigger.clone()) {
            (Stage::Asked, _) => {}
            (Stage::Idle, Some(trigger)) => {
                *self.question.0.lock() = Stage::Deciding;
                async_runtime::spawn(self.clone().decide(trigger, confirm));
            }
            // There is no trigger, or the user asks again while it runs.
            _ => self.ask(confirm),
        }
    }

    async fn decide(self: Arc<Self>, trigger: String, confirm: ConfirmClose) {
        let answer = self.session.server.call_trigger(&trigger, ()).await;
        let closing = answer.and_then(|answer| Ok::<_, Failure>(answer.decode::<Closing>()?));
        let stage = *self.question.0.lock();
        let undecided = stage == Stage::Deciding;
        match closing {
            // Unless the user has been asked since then, and has decided to stay.
            Ok(Closing::Allow) if stage != Stage::Idle => self.close_all(),
            Ok(Closing::Refuse) if undecided => *self.question.0.lock() = Stage::Idle,
            Ok(Closing::Ask(question)) if undecided => self.ask(confirm.question(question)),
            // The user is already being asked, or has been.
            Ok(_) => {}
            Err(failure) => {
                tracing::error!("trigger `{trigger}` did not decide on closing: {failure}");
                if undecided {
                    self.ask(confirm);
                }
            }
        }
    }

    fn ask(self: &Arc<Self>, confirm: ConfirmClose) {
        *self.question.0.lock() = Stage::Asked;
        // The dialog cannot show a NUL.
        let text = |text: &str| text.replace('\0', " ");
        let (close, stay) = (text(&confirm.close), text(&confirm.stay));
        let mut dialog = self
            .app
            .dialog()
            .message(text(&confirm.question))
            .kind(MessageDialogKind::Warning)
            .buttons(MessageDialogButtons::OkCancelCustom(close, stay));
        // A dialog closes with its parent window, so the parent is one that stays.
        if let Some(window) = window_list::front_of(self.staying()) {
            window_list::bring_up(&window);
            let title = window.title().unwrap_or_default();
            dialog = dialog.title(text(&title)).parent(&window);
        }
        let desktop = self.clone();
        dialog.show(move |close| {
            *desktop.question.0.lock() = Stage::Idle;
            if close {
                desktop.close_all();
            }
        });
    }
}
