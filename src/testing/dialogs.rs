//! Native dialogs, answered by a test.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;

use crate::window::{Dialogs, MessageAnswer, MessageRequest, OpenRequest, SaveRequest};

/// The native dialogs of a [`TestApp`](super::TestApp): a test prepares the answers. Dialogs without
/// a prepared answer are cancelled.
///
/// ```
/// use selvedge::{Ctx, Failure, Server, testing::{Result, TestApp}};
/// use selvedge::window::{MessageAnswer, MessageButtons, MessageRequest};
///
/// let server = Server::new("doc");
/// server.state().set("points", [1, 2]);
/// server.trigger("clear", async |cx: Ctx| -> Result<(), Failure> {
///     let question = MessageRequest::warning("Remove all points?").buttons(MessageButtons::YesNo);
///     if cx.show_message(question).await?.is_yes() {
///         cx.state().set("points", [(); 0]);
///     }
///     Ok(())
/// });
/// # async fn clears(server: Server) -> Result {
/// let app = TestApp::start(&server).await?;
/// let user = app.user().await?;
/// user.trigger("clear", ()).await?;
/// assert_eq!(user.get::<Vec<i64>>("points")?, [1, 2], "cancelled");
/// app.dialogs().answer(MessageAnswer::Yes);
/// user.trigger("clear", ()).await?;
/// assert!(user.get::<Vec<i64>>("points")?.is_empty());
/// assert_eq!(app.dialogs().shown().len(), 2);
/// # app.stop().await
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(clears(server)).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct TestDialogs(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: VecDeque<MessageAnswer>,
    opened: VecDeque<Vec<PathBuf>>,
    saved: VecDeque<PathBuf>,
    shown: Vec<ShownDialog>,
}

/// A dialog that the application has shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ShownDialog {
    /// A message or a question.
    Message(MessageRequest),
    /// A dialog that opens files.
    Open(OpenRequest),
    /// A dialog that saves a file.
    Save(SaveRequest),
}

impl TestDialogs {
    /// Prepares the answer to the next message or question that has none yet.
    pub fn answer(&self, answer: MessageAnswer) {
        self.0.lock().answers.push_back(answer);
    }

    /// Prepares the choice in the next dialog that opens files: the paths of one or several files,
    /// or of one folder.
    pub fn choose<P: Into<PathBuf>>(&self, paths: impl IntoIterator<Item = P>) {
        let paths = paths.into_iter().map(Into::into).collect();
        self.0.lock().opened.push_back(paths);
    }

    /// Prepares the path in the next dialog that saves a file.
    pub fn save_as(&self, path: impl Into<PathBuf>) {
        self.0.lock().saved.push_back(path.into());
    }

    /// Returns the dialogs that were shown so far.
    pub fn shown(&self) -> Vec<ShownDialog> {
        self.0.lock().shown.clone()
    }
}

impl Dialogs for TestDialogs {
    fn open(&self, request: OpenRequest) -> BoxFuture<'static, Vec<PathBuf>> {
        let mut inner = self.0.lock();
        inner.shown.push(ShownDialog::Open(request));
        let paths = inner.opened.pop_front().unwrap_or_default();
        async { paths }.boxed()
    }

    fn save(&self, request: SaveRequest) -> BoxFuture<'static, Option<PathBuf>> {
        let mut inner = self.0.lock();
        inner.shown.push(ShownDialog::Save(request));
        let path = inner.saved.pop_front();
        async { path }.boxed()
    }

    fn message(&self, request: MessageRequest) -> BoxFuture<'static, MessageAnswer> {
        let mut inner = self.0.lock();
        inner.shown.push(ShownDialog::Message(request));
        let answer = inner.answers.pop_front().unwrap_or(MessageAnswer::Cancel);
        async move { answer }.boxed()
    }
}
