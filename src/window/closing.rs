//! What is asked before an application ends by its user's hand.

use serde::{Deserialize, Serialize};

/// Asks before the last window is closed, or before *Quit* of the menu ends the application.
///
/// Nothing is asked where the application ends for another reason: by a signal such as SIGTERM, which a log-out
/// sends, too, by [`request_stop`](crate::Server::request_stop), or when its page was lost for good. What must not get
/// lost has to be kept without a question. Closing one of several windows ends nothing and is not asked for either.
///
/// On macOS, *Quit* in the Dock and in the menu that every program has ends the application without a question;
/// [`StandardItem::Quit`](super::StandardItem::Quit) in a menu of your own asks.
///
/// ```
/// use selvedge::{Closing, ConfirmClose, Ctx, Server, WindowOptions};
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
    /// The question. Default: "Do you want to close the application?"
    pub question: String,
    /// The name of a button that closes. Default: "Close".
    pub close: String,
    /// The name of a button that does not. Default: "Cancel".
    pub stay: String,
    /// The trigger that decides. Default: none, the question is always asked.
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
    /// A question that is always asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// The question, in the language of the application.
    pub fn question(mut self, question: impl Into<String>) -> Self {
        self.question = question.into();
        self
    }

    /// The names of the buttons: that which closes, and that which does not.
    pub fn buttons(mut self, close: impl Into<String>, stay: impl Into<String>) -> Self {
        self.close = close.into();
        self.stay = stay.into();
        self
    }

    /// Has a trigger of the server decide. It takes no arguments and gives a [`Closing`], or `true` to close, `false`
    /// to stay open, or a text to ask.
    ///
    /// It may be async and take its time, to save or to ask in its own way. Where its user wants to close once more
    /// meanwhile, or where it fails, the question is asked, so that no fault of it keeps the application open.
    pub fn trigger(mut self, name: impl Into<String>) -> Self {
        self.trigger = Some(name.into());
        self
    }
}

/// What a trigger decides that was asked whether the application may end, see [`ConfirmClose::trigger`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Answer", into = "Answer")]
pub enum Closing {
    /// It may end, and nothing is asked.
    Allow,
    /// It stays open, and nothing is asked.
    Refuse,
    /// Its user is asked this.
    Ask(String),
}

/// A [`Closing`] as functions of the application return it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Packed;

    fn check(returned: impl Serialize, expected: Closing) {
        assert_eq!(Packed::encode(&returned).unwrap().decode::<Closing>().unwrap(), expected);
    }

    #[test]
    fn a_trigger_decides_by_a_closing_a_boolean_or_a_text() {
        check(true, Closing::Allow);
        check(false, Closing::Refuse);
        check("Sure?", Closing::Ask("Sure?".into()));
        for closing in [Closing::Allow, Closing::Refuse, Closing::Ask(String::new())] {
            check(&closing, closing.clone());
        }
        assert!(Packed::nil().decode::<Closing>().is_err());
    }
}
