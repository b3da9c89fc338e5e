//! Files that come from users.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream, stream::BoxStream};
use tempfile::TempPath;
use tokio::{fs::File, io::AsyncRead, sync::oneshot, time::timeout};
use tokio_util::{
    io::{ReaderStream, StreamReader},
    sync::CancellationToken,
};

use super::{
    Announced, Landing, Progress, Reporter, Transfers, Withdrawal, media_type_of, plain_name,
};
use crate::{Failure, TransferError, wire::Packed};

/// Bytes that are read from a file at a time.
const PIECE: usize = 64 * 1024;

/// A file that comes from a user, as it comes: from a browser over the network, or from the disk in a desktop window.
///
/// It is read in pieces, so that its size does not matter. Dropping it ends the transfer.
pub struct Upload {
    name: String,
    media_type: String,
    size: u64,
    relative_path: PathBuf,
    path: Option<PathBuf>,
    received: u64,
    content: BoxStream<'static, io::Result<Bytes>>,
    patience: Duration,
    stop: CancellationToken,
    reporter: Option<Reporter>,
    /// Is told, when this is dropped, whether everything was read.
    read: Option<oneshot::Sender<bool>>,
}

impl Upload {
    /// Its name, without folders: what the user's system calls it. Two files may well have the same name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its media type, as the page says: `text/csv`. Empty where that is not known. Nobody has looked into the file.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that were read so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Where it stands in the folder that the user chose: `run 1/a.csv`. Just the name for files that were chosen as such.
    ///
    /// It never leads out of the folder that it is joined to.
    pub fn relative_path(&self) -> &Path {
        &self.relative_path
    }

    /// Where it is on the disk, if it was chosen in a desktop window. There is no need to copy it then.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Calls a function with the progress, ten times a second at most and at the end.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server, Upload};
    ///
    /// let server = Server::new("doc");
    /// server.on_upload("data", async |cx: Ctx, mut file: Upload| -> Result<(), Failure> {
    ///     let state = cx.state().clone();
    ///     file.on_progress(move |progress| { state.set("loaded", progress.fraction()); });
    ///     file.save_to("data.csv").await?;
    ///     Ok(())
    /// });
    /// ```
    pub fn on_progress(&mut self, report: impl FnMut(Progress) + Send + 'static) {
        self.reporter = Some(Reporter::new(report));
    }

    /// The next piece of the file, `None` after the last one.
    ///
    /// # Errors
    /// [`TransferError::Interrupted`] when the user's page has gone or has cancelled, [`TransferError::Stalled`] and
    /// [`TransferError::Stopped`] when it was ended here.
    ///
    /// # Cancellation
    /// No piece is lost when the future is dropped.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        if self.received == self.size {
            self.report();
            return Ok(None);
        }
        let next = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(TransferError::Stopped),
            next = timeout(self.patience, self.content.next()) => next,
        };
        match next {
            Ok(Some(Ok(piece))) => {
                self.received += piece.len() as u64;
                self.report();
                Ok(Some(piece))
            }
            Ok(Some(Err(source))) if self.path.is_some() => {
                Err(TransferError::File { doing: "reading the file", source })
            }
            Ok(_) => Err(TransferError::Interrupted { done: self.received, size: self.size }),
            Err(_) => Err(TransferError::Stalled(self.patience)),
        }
    }

    fn report(&mut self) {
        let progress = Progress { done: self.received, size: Some(self.size) };
        if let Some(reporter) = &mut self.reporter {
            reporter.tell(progress);
        }
    }

    /// Writes what is still to come to a file, which is there only when it is complete: until then it has another name, and
    /// nothing stays behind when the transfer fails. A file that is there already is replaced.
    ///
    /// # Errors
    /// Those of [`chunk`](Self::chunk), and [`TransferError::File`] when the file cannot be written.
    pub async fn save_to(&mut self, path: impl AsRef<Path>) -> Result<(), TransferError> {
        let path = path.as_ref();
        let mut landing = Landing::beside(path).await?;
        self.write_to(&mut landing).await?;
        landing.arrive(path).await
    }

    /// Writes what is still to come to a temporary file, which only this user can read and which is removed when the path
    /// is dropped.
    ///
    /// # Errors
    /// Those of [`save_to`](Self::save_to).
    pub async fn save_temporary(&mut self) -> Result<TempPath, TransferError> {
        let mut landing = Landing::temporary().await?;
        self.write_to(&mut landing).await?;
        landing.finish().await
    }

    async fn write_to(&mut self, landing: &mut Landing) -> Result<(), TransferError> {
        while let Some(piece) = self.chunk().await? {
            landing.write(&piece).await?;
        }
        Ok(())
    }

    /// All that is still to come, in memory: for small files.
    ///
    /// # Errors
    /// [`TransferError::TooLarge`] when the file has more than `limit` bytes, and those of [`chunk`](Self::chunk).
    pub async fn content(&mut self, limit: usize) -> Result<Vec<u8>, TransferError> {
        if self.size > limit as u64 {
            return Err(TransferError::TooLarge { size: self.size, limit: limit as u64 });
        }
        let mut content = Vec::with_capacity((self.size - self.received) as usize);
        while let Some(piece) = self.chunk().await? {
            content.extend_from_slice(&piece);
        }
        Ok(content)
    }

    /// The same as something to read from, for parsers that want that.
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin + 'static {
        let pieces = stream::try_unfold(self, async |mut upload| {
            let piece = upload.chunk().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, upload)))
        });
        StreamReader::new(pieces.boxed())
    }

    /// A file on the disk of this machine, which its user chose.
    pub(in crate::server) async fn from_disk(
        path: PathBuf,
        relative_path: PathBuf,
        transfers: &Transfers,
        stop: CancellationToken,
    ) -> Result<Self, TransferError> {
        let opened = async {
            let file = File::open(&path).await?;
            Ok((file.metadata().await?.len(), file))
        };
        let (size, file) = opened.await.map_err(TransferError::file("opening the file"))?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let pieces = ReaderStream::with_capacity(tokio::io::AsyncReadExt::take(file, size), PIECE);
        Ok(Upload {
            name,
            media_type: media_type_of(&path),
            size,
            relative_path,
            path: Some(path),
            received: 0,
            content: pieces.boxed(),
            patience: transfers.patience(),
            stop,
            reporter: None,
            read: None,
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(read) = self.read.take() {
            // Nobody waits for it where the page is gone.
            let _ = read.send(self.received == self.size);
        }
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("name", &self.name)
            .field("size", &self.size)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// What becomes of an upload; the result answers the page.
pub(in crate::server) type Take =
    Box<dyn FnOnce(Upload) -> BoxFuture<'static, Result<Packed, Failure>> + Send>;

/// The right to one upload.
pub(crate) struct UploadRight {
    announced: Announced,
    take: Take,
    pub(super) withdrawn: Withdrawal,
}

/// The content of an upload as HTTP brings it.
pub(crate) type Body = BoxStream<'static, io::Result<Bytes>>;

impl UploadRight {
    pub(in crate::server) fn new(announced: Announced, withdrawn: Withdrawal, take: Take) -> Self {
        UploadRight { announced, take, withdrawn }
    }

    /// Bytes that the page has announced, and may send.
    pub(crate) fn size(&self) -> u64 {
        self.announced.size
    }

    /// Hands the content to the application.
    pub(in crate::server) fn begin(
        self,
        body: Body,
        patience: Duration,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Packed, Failure>> {
        let Announced { name, media_type, size, path } = self.announced;
        let name = plain_name(&name);
        let beneath = path.as_deref().and_then(relative);
        let relative_path = beneath.unwrap_or_else(|| PathBuf::from(&name));
        let content = body.try_filter(|piece| std::future::ready(!piece.is_empty())).boxed();
        (self.take)(Upload {
            name,
            media_type: media_type.unwrap_or_default(),
            size,
            relative_path,
            path: None,
            received: 0,
            content,
            patience,
            stop,
            reporter: None,
            read: None,
        })
    }
}

impl Upload {
    /// Resolves when this was dropped: whether all of it was read.
    pub(in crate::server) fn when_read(&mut self) -> oneshot::Receiver<bool> {
        let (sender, receiver) = oneshot::channel();
        self.read = Some(sender);
        receiver
    }
}

/// A path beneath a folder that somebody else has chosen, made of names that lead nowhere.
fn relative(path: &str) -> Option<PathBuf> {
    let parts: Vec<String> =
        path.split(['/', '\\']).filter(|part| !part.is_empty()).map(plain_name).collect();
    (!parts.is_empty()).then(|| parts.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_beneath_a_folder_stays_there() {
        let joined = |path| relative(path).map(|path| path.to_string_lossy().replace('\\', "/"));
        assert_eq!(joined("run 1/a.csv").as_deref(), Some("run 1/a.csv"));
        assert_eq!(joined("/etc/../passwd").as_deref(), Some("etc/file/passwd"));
        assert_eq!(joined("..\\..\\a").as_deref(), Some("file/file/a"));
        assert_eq!(joined(""), None);
    }
}
