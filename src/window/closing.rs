//! The question before the user ends an application.

use serde::{Deserialize, Serialize};

use crate::app::Server;

/// The question before the user closes the last window or chooses *Quit* in the menu.
///
/// While a [job](crate::jobs) runs, an application without a question of its own asks about that;
/// see [`JobHandle::ask_before_close`](crate::jobs::JobHandle::ask_before_close).
///
/// It is not asked if the application ends in another way: by a signal such as SIGTERM, which a
/// log-out also sends, by [`request_stop`](crate::Server::request_stop), or because its page was
/// lost for good. So data that must not be lost has to be saved without it. It is not asked either
/// when one of several windows is closed.
///
/// On macOS, *Quit* in the Dock and in the default menu ends the application without a question;
/// [`StandardItem::Quit`](super::StandardItem::Quit) in the application's own menu asks.
///
/// ```
/// use selvedge::{window::{Closing, ConfirmClose, WindowOptions}, Ctx, Server};
///
/// let server = Server::new("doc");
/// server.state().set("unsaved", 0);
/// server.trigger("may_close", |cx: Ctx| match cx.state().get::<u32>("unsaved") {
///     Ok(0) => Closing::Allow,
///     _ => Closing::Ask("There are unsaved changes. Close and lose them?".into()),
/// });
/// let question = ConfirmClose::new().trigger("may_close").buttons("Lose them", "Keep working");
/// server.set_window(WindowOptions::new().confirm_close(question));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfirmClose {
    /// The text of the question. Default: "Do you want to close the application?"
    pub question: String,
    /// The label of the button that closes. Default: "Close".
    pub close: String,
    /// The label of the button that keeps the application open. Default: "Cancel".
    pub stay: String,
    /// The trigger that decides. Default: none, and the question is always asked.
    pub trigger: Option<String>,
}

impl Default for ConfirmClose {
    fn default() -> Self {
        ConfirmClose {
            question: "Do you want to close the application?".into(),
            close: "Close".into(),
            stay: "Cancel".into(),
            trigger: None,
        }
    }
}

impl ConfirmClose {
    /// Returns a question that is always asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the question of an application without one, while its jobs run or wait.
    fn about_jobs(titles: &[String]) -> Self {
        let running = match titles {
            [title] => format!("\"{title}\" is still running."),
            titles => format!("These jobs are still running: {}.", titles.join(", ")),
        };
        ConfirmClose::new()
            .question(format!("{running} Close the application and end it?"))
            .buttons("Close", "Keep running")
    }

    /// Sets the text of the question, in the language of the application.
    pub fn question(mut self, question: impl Into<String>) -> Self {
        self.question = question.into();
        self
    }

    /// Sets the labels of the buttons: the one that closes and the one that does not.
    pub fn buttons(mut self, close: impl Into<String>, stay: impl Into<String>) -> Self {
        self.close = close.into();
        self.stay = stay.into();
        self
    }

    /// Lets a trigger of the server decide. It takes no arguments and returns a [`Closing`], or
    /// `true` to close, `false` to stay open, or a text to ask.
    ///
    /// The trigger may be async and take long, for example to save or to show its own dialog. If
    /// the user closes again before it has answered, or if it fails, the question is asked, so that
    /// a fault of the trigger cannot keep the application open.
    pub fn trigger(mut self, name: impl Into<String>) -> Self {
        self.trigger = Some(name.into());
        self
    }
}

/// The decision of a trigger on whether the application may end, see [`ConfirmClose::trigger`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Answer", into = "Answer")]
pub enum Closing {
    /// The application ends without a question.
    Allow,
    /// The application stays open without a question.
    Refuse,
    /// The user is asked this question.
    Ask(String),
}

/// The forms in which functions of the application return a [`Closing`].
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Answer {
    Decided(bool),
    Question(String),
}

impl From<Answer> for Closing {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Decided(true) => Closing::Allow,
            Answer::Decided(false) => Closing::Refuse,
            Answer::Question(text) => Closing::Ask(text),
        }
    }
}

impl From<Closing> for Answer {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::Allow => Answer::Decided(true),
            Closing::Refuse => Answer::Decided(false),
            Closing::Ask(text) => Answer::Question(text),
        }
    }
}

impl Server {
    /// Returns the question that a desktop host has to ask before its user ends the application: the
    /// application's own, or else one about [jobs](crate::jobs) that are running or waiting.
    pub fn closing_question(&self) -> Option<ConfirmClose> {
        let own = self.settings().window.confirm_close.clone();
        own.or_else(|| {
            let titles = self.unfinished_jobs();
            (!titles.is_empty()).then(|| ConfirmClose::about_jobs(&titles))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_wslink::Packed;

    fn check(returned: impl Serialize, expected: Closing) {
        assert_eq!(Packed::encode(&returned).unwrap().decode::<Closing>().unwrap(), expected);
    }

    #[test]
    fn a_trigger_may_decide_with_a_closing_a_boolean_or_a_text() {
        check(true, Closing::Allow);
        check(false, Closing::Refuse);
        check("Sure?", Closing::Ask("Sure?".into()));
        for closing in [Closing::Allow, Closing::Refuse, Closing::Ask(String::new())] {
            check(&closing, closing.clone());
        }
        assert!(Packed::nil().decode::<Closing>().is_err());
    }
}
