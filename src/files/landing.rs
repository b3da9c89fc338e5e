//! Files that appear only when complete: written under a temporary name in the same folder, then
//! renamed.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};
use tokio::{fs::File, io::AsyncWriteExt};

use crate::error::TransferError;

/// Size in bytes of the write buffer.
const BUFFER: usize = 1 << 20;

/// A file that is being written. Dropping it removes the temporary file.
pub(crate) struct Landing {
    file: File,
    path: TempPath,
}

impl Landing {
    /// Begins a file to be placed at `target`, with the permissions of an ordinary new file.
    pub(crate) async fn beside(target: &Path) -> Result<Self, TransferError> {
        let folder = match target.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Self::begin(move || {
            let mut builder = tempfile::Builder::new();
            builder.prefix(".selvedge-");
            #[cfg(unix)]
            {
                use std::{fs::Permissions, os::unix::fs::PermissionsExt};
                // The system applies the user's umask.
                builder.permissions(Permissions::from_mode(0o666));
            }
            builder.tempfile_in(folder)
        })
        .await
    }

    /// Begins a file in the system's temporary folder, readable only by this user.
    pub(crate) async fn temporary() -> Result<Self, TransferError> {
        Self::begin(NamedTempFile::new).await
    }

    async fn begin(
        create: impl FnOnce() -> io::Result<NamedTempFile> + Send + 'static,
    ) -> Result<Self, TransferError> {
        let (file, path) = blocking(create).await?.into_parts();
        let mut file = File::from_std(file);
        file.set_max_buf_size(BUFFER);
        Ok(Landing { file, path })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.file.write_all(bytes).await.map_err(TransferError::file("writing the file"))
    }

    /// Completes the file. It is removed when the returned path is dropped.
    pub(crate) async fn finish(mut self) -> Result<TempPath, TransferError> {
        // The flush waits for pending writes and returns their error, such as a full disk.
        self.file.flush().await.map_err(TransferError::file("writing the file"))?;
        Ok(self.path)
    }

    /// Moves the complete file to its place.
    pub(crate) async fn arrive(self, target: &Path) -> Result<(), TransferError> {
        let (path, target) = (self.finish().await?, target.to_owned());
        blocking(move || path.persist(target).map_err(|error| error.error)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, TransferError> {
    let done = tokio::task::spawn_blocking(work).await;
    let flat = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    flat.map_err(TransferError::file("writing the file"))
}
