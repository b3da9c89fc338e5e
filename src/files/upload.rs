//! Uploads: files received from users.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream, stream::BoxStream};
use selvedge_wslink::Packed;
use serde::Deserialize;
use tempfile::TempPath;
use tokio::{fs::File, io::AsyncRead, sync::oneshot, time::timeout};
use tokio_util::{
    io::{ReaderStream, StreamReader},
    sync::CancellationToken,
};

use super::{
    file_names::{media_type_of, plain_name},
    landing::Landing,
    progress::{Progress, Reporter},
};
use crate::{Failure, error::TransferError};

/// Size in bytes of one read from a file.
const PIECE: usize = 64 * 1024;

/// A page's description of a file to upload.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Announced {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) media_type: Option<String>,
    pub(crate) size: u64,
    /// Its path in the folder that the user chose, if any.
    pub(crate) path: Option<String>,
}

/// Cancels offered uploads that are no longer wanted.
pub(crate) type Withdrawal = CancellationToken;

/// A file from a user, read as it arrives: from a browser over the network, or from the disk in a
/// desktop window.
///
/// It is read in pieces, so its size does not matter. Dropping it ends the transfer.
pub struct Upload {
    name: String,
    media_type: String,
    size: u64,
    relative_path: PathBuf,
    path: Option<PathBuf>,
    received: u64,
    content: BoxStream<'static, io::Result<Bytes>>,
    stall_timeout: Duration,
    stop: CancellationToken,
    reporter: Option<Reporter>,
    /// Receives, on drop, whether the whole file was read.
    read: Option<oneshot::Sender<bool>>,
}

impl Upload {
    /// Returns the file name without folders, as on the user's system. Two files may have the same
    /// name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the media type that the page reports: `text/csv`. Empty if unknown. The content is
    /// not checked.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Returns the size of the whole file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of bytes read so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns the path in the chosen folder, beginning with the folder's name: `run 1/a.csv`. For
    /// a file chosen directly, it is just the name.
    ///
    /// Joined to a folder, it never leads out of that folder.
    pub fn relative_path(&self) -> &Path {
        &self.relative_path
    }

    /// Returns the path on this machine if the file was chosen in a desktop window. Then it need
    /// not be copied.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Calls a function with the progress, at most ten times a second and at the end.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server, files::Upload};
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

    /// Returns the next piece of the file, `None` after the last one.
    ///
    /// # Errors
    /// [`TransferError::Interrupted`] if the user's page is gone or has cancelled,
    /// [`TransferError::Stalled`] if nothing arrives in time, [`TransferError::Stopped`] if the
    /// server stops, and [`TransferError::File`] if a file on this machine cannot be read.
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
            next = timeout(self.stall_timeout, self.content.next()) => next,
        };
        match next {
            Ok(Some(Ok(piece))) => {
                self.received += piece.len() as u64;
                self.report();
                Ok(Some(piece))
            }
            Ok(Some(Err(cause))) if self.path.is_some() => {
                Err(TransferError::File { doing: "reading the file", cause })
            }
            Ok(_) => Err(TransferError::Interrupted { done: self.received, size: self.size }),
            Err(_) => Err(TransferError::Stalled(self.stall_timeout)),
        }
    }

    fn report(&mut self) {
        let progress = Progress { done: self.received, size: Some(self.size) };
        if let Some(reporter) = &mut self.reporter {
            reporter.tell(progress);
        }
    }

    /// Writes the rest of the file to disk. The file appears only when it is complete: until then
    /// it has a temporary name, and a failed transfer leaves nothing behind. An existing file is
    /// replaced.
    ///
    /// # Errors
    /// Those of [`chunk`](Self::chunk), and [`TransferError::File`] if the file cannot be written.
    pub async fn save_to(&mut self, path: impl AsRef<Path>) -> Result<(), TransferError> {
        let path = path.as_ref();
        let mut landing = Landing::beside(path).await?;
        self.write_to(&mut landing).await?;
        landing.arrive(path).await
    }

    /// Writes the rest of the file to a temporary file, which only this user can read. It is
    /// removed when the returned path is dropped.
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

    /// Reads the rest of the file into memory, for small files.
    ///
    /// # Errors
    /// [`TransferError::TooLarge`] if the file has more than `limit` bytes, and those of
    /// [`chunk`](Self::chunk).
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

    /// Converts the upload into a reader, for parsers that need one.
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin + 'static {
        let pieces = stream::try_unfold(self, async |mut upload| {
            let piece = upload.chunk().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, upload)))
        });
        StreamReader::new(pieces.boxed())
    }

    /// Opens a file that the user chose on this machine.
    pub(crate) async fn from_disk(
        path: PathBuf,
        relative_path: PathBuf,
        stall_timeout: Duration,
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
            stall_timeout,
            stop,
            reporter: None,
            read: None,
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(read) = self.read.take() {
            // The receiver is gone if the page is.
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

/// Handles an upload; the result answers the page.
pub(crate) type Take =
    Box<dyn FnOnce(Upload) -> BoxFuture<'static, Result<Packed, Failure>> + Send>;

/// The right to one upload.
pub(crate) struct UploadRight {
    announced: Announced,
    take: Take,
    pub(crate) withdrawn: Withdrawal,
}

/// The content of an upload from an HTTP request.
pub(crate) type Body = BoxStream<'static, io::Result<Bytes>>;

impl UploadRight {
    pub(crate) fn new(announced: Announced, withdrawn: Withdrawal, take: Take) -> Self {
        UploadRight { announced, take, withdrawn }
    }

    /// Returns the number of bytes that the page announced and may send.
    pub(crate) fn size(&self) -> u64 {
        self.announced.size
    }

    /// Hands the content to the application.
    pub(crate) fn begin(
        self,
        body: Body,
        stall_timeout: Duration,
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
            stall_timeout,
            stop,
            reporter: None,
            read: None,
        })
    }
}

impl Upload {
    /// Returns a receiver that resolves when the upload is dropped, with whether the whole file was
    /// read.
    pub(crate) fn when_read(&mut self) -> oneshot::Receiver<bool> {
        let (sender, receiver) = oneshot::channel();
        self.read = Some(sender);
        receiver
    }
}

/// Returns an untrusted relative path with every part replaced by a plain name.
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
