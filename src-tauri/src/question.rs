//! The question that is asked before the application ends by its user's hand.

use std::sync::Arc;

use parking_lot::Mutex;
use selvedge::{Closing, ConfirmClose, Failure};
use tauri::{CloseRequestApi, WebviewWindow, async_runtime};
use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogKind};

use crate::{shell::Desktop, windows};

/// How far it has come.
#[derive(Clone, Copy, Default, PartialEq)]
enum Stage {
    #[default]
    Idle,
    /// The application's trigger is at work.
    Deciding,
    /// The question is on the screen.
    Asked,
}

#[derive(Default)]
pub(crate) struct Question(Mutex<Stage>);

impl Question {}

impl Desktop {
    /// A window is about to close. The last one stays until it is clear that it may.
    pub(crate) fn close_requested(self: &Arc<Self>, window: &WebviewWindow, api: &CloseRequestApi) {
        let last = self.staying().iter().all(|other| other.label() == window.label());
        let ends = last && !self.ending.has_begun();
        match self.session.window.confirm_close.as_ref().filter(|_| ends) {
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

    /// The windows that are not about to be destroyed.
    fn staying(&self) -> Vec<WebviewWindow> {
        let mut windows = windows::all(&self.app);
        windows.retain(|window| !self.windows.is_leaving(window));
        windows
    }

    /// Closes all windows, which ends the application, once it is clear that they may.
    pub(crate) fn quit(self: &Arc<Self>) {
        match &self.session.window.confirm_close {
            Some(confirm) => self.ask_first(confirm),
            None => self.close_all(),
        }
    }

    fn close_all(&self) {
        for window in windows::all(&self.app) {
            if let Err(error) = window.destroy() {
                tracing::warn!("a window could not be closed: {error}");
            }
        }
    }

    fn ask_first(self: &Arc<Self>, confirm: &ConfirmClose) {
        let stage = *self.question.stage();
        match (stage, confirm.trigger.clone()) {
            (Stage::Asked, _) => {}
            (Stage::Idle, Some(trigger)) => {
                *self.question.stage() = Stage::Deciding;
                async_runtime::spawn(self.clone().decide(trigger));
            }
            // There is no trigger, or it takes too long for the user.
            _ => self.ask(&confirm.question),
        }
    }

    async fn decide(self: Arc<Self>, trigger: String) {
        let answer = self.session.server.call_trigger(&trigger, ()).await;
        let closing = answer.and_then(|answer| Ok::<_, Failure>(answer.decode::<Closing>()?));
        let undecided = *self.question.stage() == Stage::Deciding;
        match closing {
            Ok(Closing::Allow) => self.close_all(),
            Ok(Closing::Refuse) if undecided => *self.question.stage() = Stage::Idle,
            Ok(Closing::Ask(question)) if undecided => self.ask(&question),
            // The user has been asked meanwhile.
            Ok(_) => {}
            Err(failure) => {
                tracing::error!("trigger `{trigger}` did not decide on closing: {failure}");
                let confirm = self.session.window.confirm_close.as_ref();
                if let Some(confirm) = confirm.filter(|_| undecided) {
                    self.ask(&confirm.question);
                }
            }
        }
    }

    fn ask(self: &Arc<Self>, question: &str) {
        *self.question.stage() = Stage::Asked;
        let Some(confirm) = &self.session.window.confirm_close else { return };
        // The dialog cannot show a NUL.
        let text = |text: &str| text.replace('\0', " ");
        let (close, stay) = (text(&confirm.close), text(&confirm.stay));
        let mut dialog = self
            .app
            .dialog()
            .message(text(question))
            .kind(MessageDialogKind::Warning)
            .buttons(MessageDialogButtons::OkCancelCustom(close, stay));
        // A dialog goes with its window.
        if let Some(window) = windows::front_of(self.staying()) {
            windows::bring_up(&window);
            let title = window.title().unwrap_or_default();
            dialog = dialog.title(text(&title)).parent(&window);
        }
        let desktop = self.clone();
        dialog.show(move |close| {
            *desktop.question.stage() = Stage::Idle;
            if close {
                desktop.close_all();
            }
        });
    }
}
