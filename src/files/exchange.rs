//! Files between the application and its users: uploads that pages begin, and files that the
//! application sends.

use std::{path::PathBuf, sync::Arc};

use selvedge_wslink::{Attachment, Packed, messages::server::Request, words::topic};
use serde::Serialize;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    download::Download,
    transfer::{self, Receiver, TransferLimits},
    upload::{Announced, Body, Upload, UploadRight},
};
use crate::{
    Failure, Result,
    app::{CANNOT, Ctx, GONE, Server, unknown},
    calls::{
        callback::{Fallible, Reply, may_block},
        functions::Deferred,
    },
    error::TransferError,
    protocol::{Client, dispatch::argument},
    window::SaveRequest,
};

/// Name of an upload function in reports.
const UPLOAD: &str = "the function for an upload";

/// How long a page may take to request an offered file.
const TIME_TO_ASK: std::time::Duration = std::time::Duration::from_secs(30);

/// Where a file went, see [`Ctx::save_file`] and [`Ctx::send_file`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The user saved it at this path.
    To(PathBuf),
    /// The client's browser saves it as a download.
    Downloaded,
    /// The user cancelled.
    Cancelled,
}

impl Server {
    /// Registers a function that receives uploads, of any size and without delaying other messages.
    ///
    /// In a template, `<selvedge-upload to="data">` is a button with progress bars, and
    /// `trame.upload('data', $event)` is the function behind it. The function runs once per file;
    /// its result or failure answers the page. If it returns before it has read the whole file, the
    /// rest is not transferred. Registering the same name again replaces the function.
    ///
    /// A file that a page assigns to a state key or passes to a trigger still arrives as a whole,
    /// as with trame. That is fine for a few megabytes.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server, files::Upload};
    ///
    /// let server = Server::new("doc");
    /// server.on_upload("data", async |cx: Ctx, mut file: Upload| -> Result<(), Failure> {
    ///     let mut lines = 0;
    ///     while let Some(piece) = file.chunk().await? {
    ///         lines += piece.iter().filter(|byte| **byte == b'\n').count();
    ///     }
    ///     cx.state().set("lines", lines);
    ///     Ok(())
    /// });
    /// server.template("main", r#"<selvedge-upload to="data">Load</selvedge-upload> {{ lines }}"#);
    /// ```
    pub fn on_upload<F, R, T>(&self, name: &str, take: F) -> &Self
    where
        F: Fn(Ctx, Upload) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, Failure>> + Send + 'static,
        T: Serialize + 'static,
    {
        let translator = self.is_child().then(|| self.translator().clone());
        let take = Arc::new(take);
        let receiver: Receiver = Arc::new(move |context: Ctx, upload| {
            let take = Arc::clone(&take);
            let context = match &translator {
                Some(translator) => context.translated(translator),
                None => context,
            };
            // Call it inside the future, so that a panic before its first await is caught too.
            may_block(Some(UPLOAD.to_owned()), async move {
                Reply::<Fallible>::reply(take(context, upload).await)
            })
        });
        let name = self.translator().translate(name).into_owned();
        self.inner.transfers.set_receiver(name, receiver);
        self
    }

    /// Sets the limits of file transfers. They apply to transfers that begin afterwards.
    pub fn set_transfer_limits(&self, limits: TransferLimits) -> &Self {
        self.inner.transfers.set_limits(limits);
        self
    }

    /// Returns the limits of file transfers.
    pub fn transfer_limits(&self) -> TransferLimits {
        self.inner.transfers.limits()
    }

    /// Checks that the server was started with HTTP, which transfers need.
    ///
    /// # Errors
    /// [`TransferError::NoHttp`].
    pub(crate) fn needs_http(&self) -> Result<(), TransferError> {
        let settings = self.settings();
        let has_http = settings.port.is_some()
            && settings.running.borrow().as_ref().is_none_or(|running| running.endpoints.http);
        match has_http {
            true => Ok(()),
            false => Err(TransferError::NoHttp),
        }
    }

    pub(crate) fn transfers(&self) -> &transfer::Transfers {
        &self.inner.transfers
    }

    /// Answers a page's request to upload a file with the URL to send it to.
    pub(crate) fn offer_upload(
        &self,
        client: &Arc<Client>,
        request: &Request,
    ) -> Result<Packed, Failure> {
        let name: String = argument(request, 0)?;
        let announced: Announced = argument(request, 1)?;
        self.needs_http()?;
        let transfers = self.transfers();
        let Some(receiver) = transfers.receiver(&name) else {
            return Err(unknown("receiver of uploads", &name, Vec::new()).into());
        };
        transfers.check(announced.size)?;
        let context = Ctx::of_client(self, client);
        let take = Box::new(move |upload| receiver(context, upload));
        let right = UploadRight::new(announced, CancellationToken::new(), take);
        Ok(Packed::encode(&transfers.offer_upload(client, right, false)?)?)
    }

    /// Hands an upload to the application and waits for its result.
    ///
    /// The function continues when this future is dropped, which happens when the page goes away.
    /// Its next read then returns an error.
    pub(crate) async fn receive(
        &self,
        right: UploadRight,
        body: Body,
        stop: CancellationToken,
    ) -> Result<Packed, Failure> {
        let future = right.begin(body, self.transfers().stall_timeout(), stop);
        let (answer, answered) = oneshot::channel();
        let server = self.clone();
        self.hub().spawn(async move {
            let result = Deferred(future).await;
            if let Err(failure) = &result {
                server.report(UPLOAD, Err(Failure::msg(failure.to_string())));
            }
            drop(answer.send(result));
        });
        answered.await.unwrap_or_else(|_| Err(TransferError::Stopped.into()))
    }

    /// Returns the text of an upload's failure for its page.
    pub(crate) fn told(&self, failure: &Failure) -> String {
        self.for_clients(failure)
    }
}

impl Ctx {
    /// Lets the user save a small file: through a native dialog in a desktop window, as a download
    /// in a browser.
    ///
    /// `media_type` is the file's type for browsers, for instance `"image/png"`. In a browser the
    /// content travels over the WebSocket; for more than a few megabytes use
    /// [`send_file`](Self::send_file).
    ///
    /// # Errors
    /// [`TransferError::File`] if the chosen file cannot be written. [`TransferError::NoPage`] if
    /// no client caused the call or the client is gone.
    pub async fn save_file(
        &self,
        file_name: &str,
        media_type: &str,
        content: Vec<u8>,
    ) -> Result<Saved, Failure> {
        #[derive(Serialize)]
        struct File<'a> {
            name: &'a str,
            r#type: &'a str,
            content: Attachment,
        }
        if self.dialogs().is_some() {
            return self.send_file(Download::from_bytes(file_name, content)).await;
        }
        let client = self.page()?;
        let file = File { name: file_name, r#type: media_type, content: content.into() };
        match self.server.publish_to(client.id, topic::DOWNLOAD, file)? {
            true => Ok(Saved::Downloaded),
            false => Err(TransferError::NoPage(GONE).into()),
        }
    }

    /// Lets the user save a file of any size, and waits until it is saved.
    ///
    /// In a desktop window the user chooses a place, and the file is written there. In a browser it
    /// is a normal download with the browser's progress display; the call returns when the browser
    /// has received the last byte, or an error when the user cancels. Dropping the call does not
    /// stop a download.
    ///
    /// ```
    /// use selvedge::{Ctx, files::Download, Failure, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("export", async |cx: Ctx| -> Result<(), Failure> {
    ///     let state = cx.state().clone();
    ///     let file = Download::from_path("run.h5");
    ///     cx.send_file(file.on_progress(move |progress| { state.set("saved", progress.fraction()); })).await?;
    ///     Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`TransferError::File`] if the file cannot be read, or cannot be written to the chosen
    /// place. [`TransferError::NoPage`] without a page that can receive it.
    /// [`TransferError::Stalled`] if the page does not request it within 30 s.
    /// [`TransferError::Interrupted`] if the download was interrupted.
    pub async fn send_file(&self, file: impl Into<Download>) -> Result<Saved, Failure> {
        let file = file.into();
        if let Some(dialogs) = self.dialogs() {
            let request = SaveRequest::new(file.suggested_name());
            let chosen = self.while_wanted(dialogs.save(request)).await.flatten();
            let Some(path) = chosen else { return Ok(Saved::Cancelled) };
            let (file, teller) = file.open().await?;
            let size = file.size;
            let (written, _) = tokio::join!(file.write_to(&path), teller.finished(size));
            written?;
            return Ok(Saved::To(path));
        }
        self.offer(file).await
    }

    async fn offer(&self, file: Download) -> Result<Saved, Failure> {
        #[derive(Serialize)]
        struct Offer<'a> {
            name: &'a str,
            url: &'a str,
        }
        let client = self.page()?;
        self.server.needs_http()?;
        if !client.knows_extras() {
            return Err(TransferError::NoPage(CANNOT).into());
        }
        let (file, mut teller) = file.open().await?;
        let (name, size) = (file.name.clone(), file.size);
        let url = self.server.transfers().offer_download(&client, file)?;
        self.server.publish_to(client.id, topic::DOWNLOAD, Offer { name: &name, url: &url })?;
        let begun = client.gone.run_until_cancelled(timeout(TIME_TO_ASK, teller.begun())).await;
        match begun {
            Some(Ok(())) => teller.finished(size).await?,
            Some(Err(_)) => return Err(TransferError::Stalled(TIME_TO_ASK).into()),
            None => return Err(TransferError::NoPage(GONE).into()),
        }
        Ok(Saved::Downloaded)
    }

    /// Returns the native dialogs if a window is to show them: the window that caused the call, or
    /// any window if no client did.
    pub(crate) fn dialogs(&self) -> Option<Arc<dyn crate::window::Dialogs>> {
        let dialogs = self.server.settings().dialogs.clone()?;
        let Some(client) = self.client() else { return Some(dialogs) };
        let client = self.server.hub().client(client)?;
        client.is_window().then_some(dialogs)
    }
}
