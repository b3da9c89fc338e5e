//! Dialogs: native ones in a desktop window, dialogs of the page in a browser.
//!
//! The client that caused the call shows the dialog. What must hold: a call ends when its page or
//! window is gone; a dialog is closed in the page once no call waits for it.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::FutureExt;
use selvedge_wslink::{
    Packed,
    messages::server::Request,
    words::{key, topic},
};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::upload::{Announced, Upload, UploadRight, Withdrawal};
use crate::{
    Failure, Result,
    app::{CANNOT, Ctx, GONE, Server},
    error::TransferError,
    protocol::{Client, dispatch::argument},
    window::{MessageAnswer, MessageRequest, OpenChoice, OpenRequest},
};

/// A dialog of a page that is open or still sends files.
pub(crate) enum Asked {
    /// An open file dialog.
    Files(oneshot::Sender<FromPage>),
    Message(oneshot::Sender<MessageAnswer>),
    /// Files were chosen and are being sent.
    Sending(Withdrawal),
}

/// A dialog in a page. Dropping it closes the dialog, or cancels the uploads of its files.
struct Shown {
    server: Server,
    client: Arc<Client>,
    number: u64,
}

impl Shown {
    fn ask<T: Serialize>(cx: &Ctx, what: T, state: Asked) -> Result<Self, Failure> {
        #[derive(Serialize)]
        struct Dialog<T> {
            id: u64,
            #[serde(flatten)]
            what: T,
        }
        let client = cx.page()?;
        if !client.knows_extras() {
            return Err(TransferError::NoPage(CANNOT).into());
        }
        let server = cx.server.root_server();
        let number = server.inner.questions.add(client.id, state);
        let shown = Shown { server, client, number };
        let dialog = Dialog { id: number, what };
        shown.server.publish_to(shown.client.id, topic::DIALOG, dialog)?;
        Ok(shown)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        match self.server.inner.questions.take(self.number, self.client.id) {
            Some(Asked::Sending(withdrawal)) => withdrawal.cancel(),
            Some(_) => {
                let close = serde_json::json!({"id": self.number, "kind": "close"});
                drop(self.server.publish_to(self.client.id, topic::DIALOG, close));
            }
            None => {}
        }
    }
}

/// The answer of a page to a file dialog.
pub(crate) struct FromPage {
    files: mpsc::UnboundedReceiver<Upload>,
    count: usize,
    withdrawal: Withdrawal,
}

/// Files that the user chose in a dialog, read one after another: see [`Ctx::open_files`].
///
/// A file from a browser is transferred while it is read. Dropping this skips the remaining files.
pub struct OpenedFiles {
    source: ChosenFiles,
    folder: Option<PathBuf>,
    server: Server,
    stop: CancellationToken,
}

enum ChosenFiles {
    /// Paths on this machine, each with its path in the chosen folder.
    Disk(VecDeque<(PathBuf, PathBuf)>),
    Page {
        files: FromPage,
        shown: Shown,
    },
}

impl OpenedFiles {
    /// Returns the number of files still to come.
    pub fn left(&self) -> usize {
        match &self.source {
            ChosenFiles::Disk(files) => files.len(),
            ChosenFiles::Page { files, .. } => files.count,
        }
    }

    /// Returns the chosen folder, in a desktop window.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Returns the next file, `None` after the last one. Read each file before asking for the next.
    ///
    /// # Errors
    /// [`TransferError::File`] if the file cannot be opened. [`TransferError::NoPage`] if the page
    /// is gone, [`TransferError::Cancelled`] if its user cancelled the rest,
    /// [`TransferError::Stalled`] if it sends nothing, and [`TransferError::Stopped`] if the server
    /// stops.
    pub async fn next(&mut self) -> Result<Option<Upload>, TransferError> {
        let stall_timeout = self.server.transfers().stall_timeout();
        match &mut self.source {
            ChosenFiles::Disk(files) => {
                let Some((path, relative)) = files.pop_front() else { return Ok(None) };
                Upload::from_disk(path, relative, stall_timeout, self.stop.clone()).await.map(Some)
            }
            ChosenFiles::Page { files, .. } if files.count == 0 => Ok(None),
            ChosenFiles::Page { files, shown } => tokio::select! {
                biased;
                Some(file) = files.files.recv() => {
                    files.count -= 1;
                    Ok(Some(file))
                }
                () = self.stop.cancelled() => Err(TransferError::Stopped),
                () = shown.client.gone.cancelled() => Err(TransferError::NoPage(GONE)),
                () = files.withdrawal.cancelled() => Err(TransferError::Cancelled),
                () = tokio::time::sleep(stall_timeout) => Err(TransferError::Stalled(stall_timeout)),
            },
        }
    }
}

impl std::fmt::Debug for OpenedFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedFiles").field("left", &self.left()).finish_non_exhaustive()
    }
}

impl Ctx {
    /// Lets the user choose a file: through the system's dialog in a desktop window, through a
    /// dialog of the page in a browser, which then uploads the file. Returns `None` if the user
    /// cancels or disconnects, or the server stops.
    ///
    /// The client that caused the call shows the dialog. If no client did, the desktop window does,
    /// if there is one.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, window::OpenRequest, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("load", async |cx: Ctx| -> Result<(), Failure> {
    ///     let request = OpenRequest::new().filter("Tables", &["csv"]);
    ///     if let Some(mut file) = cx.open_file(request).await? {
    ///         let table = String::from_utf8(file.content(10_000_000).await?)?;
    ///         cx.state().set("table", table);
    ///     }
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`TransferError::NoPage`] without a page that can show a dialog, [`TransferError::NoHttp`]
    /// for a browser if the server runs without HTTP, and those of [`OpenedFiles::next`].
    pub async fn open_file(&self, request: OpenRequest) -> Result<Option<Upload>, Failure> {
        match self.open(OpenRequest { choice: OpenChoice::File, ..request }).await? {
            Some(mut files) => Ok(files.next().await?),
            None => Ok(None),
        }
    }

    /// Lets the user choose one or more files, as [`open_file`](Self::open_file) does for one.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, window::OpenRequest, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("load", async |cx: Ctx| -> Result<(), Failure> {
    ///     let Some(mut files) = cx.open_files(OpenRequest::new()).await? else { return Ok(()) };
    ///     while let Some(mut file) = files.next().await? {
    ///         let target = std::path::Path::new("incoming").join(file.name());
    ///         file.save_to(target).await?;
    ///     }
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// Those of [`open_file`](Self::open_file).
    pub async fn open_files(&self, request: OpenRequest) -> Result<Option<OpenedFiles>, Failure> {
        self.open(OpenRequest { choice: OpenChoice::Files, ..request }).await
    }

    /// Lets the user choose a folder, and returns all files in it and its subfolders. Symbolic
    /// links are skipped, and filters are ignored. Otherwise it works as
    /// [`open_file`](Self::open_file).
    ///
    /// # Errors
    /// Those of [`open_file`](Self::open_file).
    pub async fn open_folder(&self, request: OpenRequest) -> Result<Option<OpenedFiles>, Failure> {
        self.open(OpenRequest { choice: OpenChoice::Folder, ..request }).await
    }

    async fn open(&self, request: OpenRequest) -> Result<Option<OpenedFiles>, Failure> {
        let choice = request.choice;
        let stop = self.server.stopping();
        let opened = |source, folder| {
            let server = self.server.root_server();
            Ok(Some(OpenedFiles { source, folder, server, stop }))
        };
        let Some(dialogs) = self.dialogs() else {
            self.server.needs_http()?;
            let (answer, answered) = oneshot::channel();
            let shown = Shown::ask(self, for_page(&request), Asked::Files(answer))?;
            let files = self.while_wanted(answered).await;
            let Some(Ok(files)) = files else { return Ok(None) };
            return opened(ChosenFiles::Page { files, shown }, None);
        };
        let paths = self.while_wanted(dialogs.open(request)).await.unwrap_or_default();
        if paths.is_empty() {
            return Ok(None);
        }
        if choice == OpenChoice::Folder {
            let folder = paths.into_iter().next().unwrap_or_default();
            let beneath = folder.clone();
            let files = tokio::task::spawn_blocking(move || files_beneath(&beneath)).await?;
            let files = files.map_err(TransferError::file("reading the folder"))?;
            return opened(ChosenFiles::Disk(files.into()), Some(folder));
        }
        let named = |path: PathBuf| (path.clone(), path.file_name().unwrap_or_default().into());
        opened(ChosenFiles::Disk(paths.into_iter().map(named).collect()), None)
    }

    /// Shows a message or a question and waits for the answer. Returns [`MessageAnswer::Cancel`] if
    /// the user disconnects or the server stops.
    ///
    /// The client that caused the call shows the dialog: the system's in a desktop window, one of
    /// the page in a browser. If no client caused it, the desktop window does, if there is one.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, window::{MessageButtons, MessageRequest}, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("clear", async |cx: Ctx| -> Result<(), Failure> {
    ///     let question = MessageRequest::warning("Remove all points?").buttons(MessageButtons::YesNo);
    ///     if cx.show_message(question).await?.is_yes() {
    ///         cx.state().set("points", [(); 0]);
    ///     }
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`TransferError::NoPage`] without a page that can show a dialog.
    pub async fn show_message(&self, request: MessageRequest) -> Result<MessageAnswer, Failure> {
        #[derive(Serialize)]
        struct Message {
            kind: &'static str,
            #[serde(flatten)]
            request: MessageRequest,
        }
        let title = self.server.root_server().state().get(key::TITLE).ok();
        let request = MessageRequest { title: request.title.or(title), ..request };
        let answer = match self.dialogs() {
            Some(dialogs) => self.while_wanted(dialogs.message(request)).await,
            None => {
                let (answer, answered) = oneshot::channel();
                let message = Message { kind: "message", request };
                let _shown = Shown::ask(self, message, Asked::Message(answer))?;
                self.while_wanted(answered).await.and_then(Result::ok)
            }
        };
        Ok(answer.unwrap_or(MessageAnswer::Cancel))
    }
}

/// Returns the description of a file dialog for a page.
fn for_page(request: &OpenRequest) -> impl Serialize + use<> {
    #[derive(Serialize)]
    struct Open {
        kind: &'static str,
        title: Option<String>,
        accept: String,
        choice: OpenChoice,
    }
    let ends = request.filters.iter().flat_map(|filter| &filter.extensions);
    let accept: Vec<String> = ends.map(|end| format!(".{end}")).collect();
    let (title, accept) = (request.title.clone(), accept.join(","));
    Open { kind: "open", title, accept, choice: request.choice }
}

/// Lists the files in a folder and its subfolders, sorted, each with a path that begins with the
/// folder's own name.
fn files_beneath(folder: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders =
        vec![(folder.to_owned(), PathBuf::from(folder.file_name().unwrap_or_default()))];
    while let Some((path, relative)) = folders.pop() {
        for entry in path.read_dir()? {
            let entry = entry?;
            let relative = relative.join(entry.file_name());
            // The type of the entry itself: a link is neither a folder nor a file.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push((entry.path(), relative));
            } else if kind.is_file() {
                found.push((entry.path(), relative));
            }
        }
    }
    found.sort();
    Ok(found)
}

impl Server {
    /// Takes a page's answer to a dialog. Returns the upload URLs of the chosen files.
    pub(crate) fn take_answer(
        &self,
        client: &Arc<Client>,
        request: &Request,
    ) -> Result<Packed, Failure> {
        let number: u64 = argument(request, 0)?;
        let nothing = Ok(Packed::nil());
        match self.inner.questions.take(number, client.id) {
            Some(Asked::Message(answer)) => {
                // Fails if the call was cancelled just now.
                let _ = answer.send(argument(request, 1)?);
                nothing
            }
            Some(Asked::Files(answer)) => {
                let chosen: Option<Vec<Announced>> = argument(request, 1)?;
                match chosen.filter(|files| !files.is_empty()) {
                    Some(files) => self.expect_files(client, number, files, answer),
                    None => nothing,
                }
            }
            Some(sending @ Asked::Sending(_)) => {
                self.inner.questions.put_back(number, client.id, sending);
                Err(Failure::msg("the dialog has already been answered"))
            }
            None => Err(Failure::msg("the dialog is closed")),
        }
    }

    fn expect_files(
        &self,
        client: &Arc<Client>,
        number: u64,
        chosen: Vec<Announced>,
        answer: oneshot::Sender<FromPage>,
    ) -> Result<Packed, Failure> {
        let (sender, files) = mpsc::unbounded_channel();
        let (count, withdrawal) = (chosen.len(), Withdrawal::new());
        let mut urls = Vec::with_capacity(count);
        for announced in chosen {
            self.transfers().check(announced.size)?;
            let sender = sender.clone();
            let take = Box::new(move |mut upload: Upload| {
                let read = upload.when_read();
                drop(sender.send(upload));
                // The application may read only a part of it.
                async move { drop(read.await) }.map(|()| Ok(Packed::nil())).boxed()
            });
            let right = UploadRight::new(announced, withdrawal.clone(), take);
            urls.push(self.transfers().offer_upload(client, right, true)?);
        }
        let state = Asked::Sending(withdrawal.clone());
        self.inner.questions.put_back(number, client.id, state);
        if answer.send(FromPage { files, count, withdrawal }).is_err() {
            self.end_dialog(client, number);
        }
        Ok(Packed::encode(&urls)?)
    }

    /// Ends all open dialogs of pages after a run.
    pub(crate) fn end_questions(&self) {
        self.inner.questions.clear();
    }

    /// Ends the uploads of a dialog: its page sends no more files.
    pub(crate) fn end_dialog(&self, client: &Client, number: u64) {
        if let Some(Asked::Sending(withdrawal)) = self.inner.questions.take(number, client.id) {
            withdrawal.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_folder_gives_all_its_files_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("runs");
        std::fs::create_dir_all(folder.join("1/raw")).unwrap();
        for file in ["b.csv", "1/a.csv", "1/raw/c.csv"] {
            std::fs::write(folder.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), folder.join("up")).unwrap();
        let found = files_beneath(&folder).unwrap();
        let relative: Vec<_> = found.iter().map(|(_, path)| path.to_str().unwrap()).collect();
        assert_eq!(relative, ["runs/1/a.csv", "runs/1/raw/c.csv", "runs/b.csv"]);
        assert!(found.iter().all(|(path, _)| path.is_file()));
    }
}
