//! Files that appear on the disk only when they are complete: written under another name beside their place, and renamed.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};
use tokio::{fs::File, io::AsyncWriteExt};

use crate::TransferError;

/// Bytes that are collected before they are handed to the system.
const BUFFER: usize = 1 << 20;

/// A file that is being written. Dropping it removes what is there.
pub(in crate::server) struct Landing {
    file: File,
    path: TempPath,
}

impl Landing {
    /// Begins a file that will stand at `target`, with the permissions of an ordinary new file.
    pub(in crate::server) async fn beside(target: &Path) -> Result<Self, TransferError> {
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
                // The system takes off what the user's mask forbids.
                builder.permissions(Permissions::from_mode(0o666));
            }
            builder.tempfile_in(folder)
        })
        .await
    }

    /// Begins a file in the system's folder for such files, which only this user can read.
    pub(in crate::server) async fn temporary() -> Result<Self, TransferError> {
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

    pub(in crate::server) async fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.file.write_all(bytes).await.map_err(TransferError::file("writing the file"))
    }

    /// The complete file, which is removed when the path is dropped.
    pub(in crate::server) async fn finish(mut self) -> Result<TempPath, TransferError> {
        // What was written comes back with the flush, as does an error such as a full disk.
        self.file.flush().await.map_err(TransferError::file("writing the file"))?;
        Ok(self.path)
    }

    /// Puts the complete file in its place.
    pub(in crate::server) async fn arrive(self, target: &Path) -> Result<(), TransferError> {
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
