//! Downloads: files sent to users.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt},
    sync::watch,
};
use tokio_util::io::ReaderStream;

use super::{
    file_names::{media_type_of, plain_name},
    landing::Landing,
    progress::{Progress, Reporter},
};
use crate::error::TransferError;

/// Size in bytes of one read from a file.
const PIECE: usize = 64 * 1024;

/// A file for the user, from the disk or from any reader. It is never in memory as a whole.
///
/// ```
/// use selvedge::files::Download;
///
/// let report = Download::from_path("out/run-5.h5").name("run 5.h5");
/// let log = Download::from_reader("log.txt", &b"the valve has opened"[..]).media_type("text/plain");
/// ```
pub struct Download {
    name: String,
    media_type: Option<String>,
    size: Option<u64>,
    source: Content,
    reporter: Option<Reporter>,
}

enum Content {
    Path(PathBuf),
    Reader(Box<dyn AsyncRead + Send + Unpin>),
    Bytes(Bytes),
}

impl Download {
    /// Creates a download of a file on disk, under its own name.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(&name, Content::Path(path))
    }

    /// Creates a download of what a reader returns until its end.
    pub fn from_reader(name: &str, reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::new(name, Content::Reader(Box::new(reader)))
    }

    /// Creates a download of bytes in memory.
    pub fn from_bytes(name: &str, content: impl Into<Bytes>) -> Self {
        Self::new(name, Content::Bytes(content.into()))
    }

    fn new(name: &str, source: Content) -> Self {
        let name = plain_name(name);
        Download { name, media_type: None, size: None, source, reporter: None }
    }

    /// Sets the suggested file name.
    pub fn name(mut self, name: &str) -> Self {
        self.name = plain_name(name);
        self
    }

    /// Sets the media type for browsers, such as `image/png`. Default: derived from the file
    /// extension.
    pub fn media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.to_owned());
        self
    }

    /// Sets the number of bytes that a reader will return, so that the user sees how much remains.
    /// It is an error if the reader ends before that; anything beyond is cut off. Files and bytes
    /// know their size.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Calls a function with the progress, at most ten times a second and at the end.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.reporter = Some(Reporter::new(report));
        self
    }

    pub(crate) fn suggested_name(&self) -> &str {
        &self.name
    }

    /// Opens the file. Returns its content and the handle that reports its progress.
    pub(crate) async fn open(self) -> Result<(Outgoing, Teller), TransferError> {
        let (content, size) = match self.source {
            Content::Path(path) => {
                let opened = async {
                    let file = File::open(&path).await?;
                    Ok((file.metadata().await?.len(), file))
                };
                let (size, file) = opened.await.map_err(TransferError::file("opening the file"))?;
                // The file may grow while it is sent: send the announced size.
                (pieces(file.take(size)), Some(size))
            }
            Content::Reader(reader) => match self.size {
                Some(size) => (pieces(reader.take(size)), Some(size)),
                None => (pieces(reader), None),
            },
            Content::Bytes(bytes) => {
                let size = bytes.len() as u64;
                (stream::iter([Ok(bytes)]).boxed(), Some(size))
            }
        };
        let media_type = self.media_type.unwrap_or_else(|| media_type_of(Path::new(&self.name)));
        let file = Outgoing::new(self.name, media_type, size, content);
        let teller = Teller { sent: file.watch(), reporter: self.reporter };
        Ok((file, teller))
    }

    #[cfg(test)]
    pub(crate) fn opened_for_test(self) -> Outgoing {
        use futures_util::FutureExt;
        match self.open().now_or_never() {
            Some(Ok((file, _))) => file,
            _ => panic!("only bytes are at hand"),
        }
    }
}

impl From<PathBuf> for Download {
    fn from(path: PathBuf) -> Self {
        Self::from_path(path)
    }
}

impl From<&Path> for Download {
    fn from(path: &Path) -> Self {
        Self::from_path(path)
    }
}

impl From<&str> for Download {
    fn from(path: &str) -> Self {
        Self::from_path(path)
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("name", &self.name).finish_non_exhaustive()
    }
}

fn pieces(reader: impl AsyncRead + Send + 'static) -> BoxStream<'static, io::Result<Bytes>> {
    ReaderStream::with_capacity(Box::pin(reader), PIECE).boxed()
}

/// The progress of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) bytes: u64,
    pub(crate) phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not requested yet.
    Offered,
    /// Being transferred.
    UnderWay,
    /// Completely taken.
    Done,
    /// Ended before it was complete.
    Broken,
}

/// An open file that is being sent: its content and its progress.
pub(crate) struct Outgoing {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) size: Option<u64>,
    content: BoxStream<'static, io::Result<Bytes>>,
    sent: watch::Sender<Sent>,
}

impl Outgoing {
    fn new(
        name: String,
        media_type: String,
        size: Option<u64>,
        content: BoxStream<'static, io::Result<Bytes>>,
    ) -> Self {
        let sent = watch::Sender::new(Sent { bytes: 0, phase: Phase::Offered });
        Outgoing { name, media_type, size, content, sent }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Sent> {
        self.sent.subscribe()
    }

    /// Marks the download as requested.
    pub(crate) fn begin(&self) {
        let phase = if self.size == Some(0) { Phase::Done } else { Phase::UnderWay };
        self.sent.send_modify(|sent| sent.phase = phase);
    }

    /// Writes the whole content to a file on this machine.
    pub(crate) async fn write_to(mut self, target: &Path) -> Result<(), TransferError> {
        self.begin();
        let mut landing = Landing::beside(target).await?;
        while let Some(piece) = self.next().await {
            landing.write(&piece.map_err(TransferError::file("reading the file"))?).await?;
        }
        landing.arrive(target).await
    }
}

impl Stream for Outgoing {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.content.poll_next_unpin(cx));
        let before = *self.sent.borrow();
        let next = match next {
            None if self.size.is_some_and(|size| size != before.bytes) => {
                Some(Err(io::Error::other("the file ended before its size")))
            }
            next => next,
        };
        let now = match &next {
            Some(Ok(piece)) => {
                let bytes = before.bytes + piece.len() as u64;
                let is_complete = self.size == Some(bytes);
                Sent { bytes, phase: if is_complete { Phase::Done } else { Phase::UnderWay } }
            }
            Some(Err(_)) => Sent { phase: Phase::Broken, ..before },
            None => Sent { phase: Phase::Done, ..before },
        };
        self.sent.send_replace(now);
        Poll::Ready(next)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.sent.send_if_modified(|sent| {
            let ended = sent.phase == Phase::Done;
            if !ended {
                sent.phase = Phase::Broken;
            }
            !ended
        });
    }
}

/// Follows a download and reports its progress to the application.
pub(crate) struct Teller {
    sent: watch::Receiver<Sent>,
    reporter: Option<Reporter>,
}

impl Teller {
    /// Waits until the file is requested, or can no longer be requested.
    pub(crate) async fn begun(&mut self) {
        // Succeeds even if the `Outgoing` is dropped: its drop sets a final phase.
        drop(self.sent.wait_for(|sent| sent.phase != Phase::Offered).await);
    }

    /// Reports the progress until the download ends.
    pub(crate) async fn finished(mut self, size: Option<u64>) -> Result<(), TransferError> {
        loop {
            let Sent { bytes, phase } = *self.sent.borrow_and_update();
            let size_now = if phase == Phase::Done { Some(bytes) } else { size };
            if let Some(reporter) = &mut self.reporter {
                reporter.tell(Progress { done: bytes, size: size_now });
            }
            match phase {
                Phase::Done => return Ok(()),
                Phase::Broken => {
                    let size = size.unwrap_or(bytes);
                    return Err(TransferError::Interrupted { done: bytes, size });
                }
                Phase::Offered | Phase::UnderWay => drop(self.sent.changed().await),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_ends_early_is_an_error_and_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.txt");
        let download = Download::from_reader("a.txt", &b"abc"[..]).size(5);
        let (file, teller) = download.open().await.unwrap();
        assert!(file.write_to(&target).await.is_err());
        assert!(teller.finished(Some(5)).await.is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_is_written_as_a_whole_and_its_end_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.txt");
        std::fs::write(&target, "what was there before").unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let download = Download::from_reader("a.txt", &b"abc"[..])
            .on_progress(move |progress| told.send(progress).unwrap());
        let (file, teller) = download.open().await.unwrap();
        let size = file.size;
        let (written, told) = tokio::join!(file.write_to(&target), teller.finished(size));
        written.unwrap();
        told.unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"abc");
        assert_eq!(heard.try_iter().last(), Some(Progress { done: 3, size: Some(3) }));
    }
}
