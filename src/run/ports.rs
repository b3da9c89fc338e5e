//! The port of an application stays the same from one start to the next: what a page stores in its browser or window belongs
//! to its address, and the port is part of that.
//!
//! What must hold:
//! - The exclusive bind decides. A port that was noted is a wish, and nothing in the file can keep a server from starting.
//! - The order of the ports never changes, so that a port that was taken for a while is the first choice again when it is free.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::{StartOptions, keep};
use crate::{Result, net::Listener};

/// Ports of an application that are noted: one for each instance that runs at the same time, and one in the place of each
/// that another program has taken.
const MAX_PORTS: usize = 16;

impl StartOptions {
    /// Listens on the same port in each run, as far as it is free, and notes it in a file. Default no.
    ///
    /// Browsers and web views keep what a page stores (`localStorage`, IndexedDB, caches) by its address, of which the port is a
    /// part: on another port, the page finds none of it. The first run takes any free port. A later one takes that again, or
    /// where it is taken, because another instance of the program runs or another program has it, a further one, which is
    /// noted as well, up to 16. The log says so. A port that was asked for, in code or on the command line, goes before this.
    ///
    /// A file that cannot be read or written is a warning, and any free port is taken. Desktop hosts keep it in the
    /// application's [folder for data](crate::Folders::data).
    ///
    /// ```
    /// use selvedge::{Server, StartOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// # let folder = tempfile::tempdir().map_err(|source| selvedge::Error::Io { doing: "making a folder", source })?;
    /// let options = StartOptions::new().keep_port(folder.path().join("ports"));
    /// let running = Server::new("doc").spawn(options.clone()).await?;
    /// let port = running.port();
    /// running.stop().await?;
    /// let running = Server::new("doc").spawn(options).await?;
    /// assert_eq!(running.port(), port);
    /// # running.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_port(mut self, file: impl Into<PathBuf>) -> Self {
        self.keep_port = Some(file.into());
        self
    }

    /// Binds what these options ask for.
    pub(super) async fn bind(&self) -> Result<Listener> {
        match (&self.keep_port, self.port) {
            (Some(file), None) => bind_kept(self.host_to_bind(), file).await,
            _ => Listener::bind(self.host_to_bind(), self.port_to_bind()).await,
        }
    }
}

/// Binds the first of the ports in the file that is free, or else any free one, which is added to the file.
async fn bind_kept(host: &str, file: &Path) -> Result<Listener> {
    let mut ports = read(file).await;
    for port in &ports {
        match Listener::bind(host, *port).await {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::info!(
                "port {port} of an earlier start is not used, and what pages have stored under it is not seen: {error}"
            ),
        }
    }
    let listener = Listener::bind(host, 0).await?;
    if ports.len() < MAX_PORTS {
        ports.push(listener.port());
        note(ports, file.to_owned()).await;
    }
    Ok(listener)
}

/// The ports in the file, one a line. Lines that are no port are passed over.
async fn read(file: &Path) -> Vec<u16> {
    match tokio::fs::read_to_string(file).await {
        Ok(text) => {
            let ports = text.lines().filter_map(|line| line.trim().parse().ok());
            ports.filter(|port| *port != 0).take(MAX_PORTS).collect()
        }
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(
                    "cannot read the port of the last start from {}: {error}",
                    file.display()
                );
            }
            Vec::new()
        }
    }
}

async fn note(ports: Vec<u16>, file: PathBuf) {
    let lines: String = ports.iter().map(|port| format!("{port}\n")).collect();
    let path = file.clone();
    let written = spawn_blocking(move || keep::replace(&path, lines.as_bytes())).await;
    if let Ok(Err(error)) = written {
        tracing::warn!(
            "cannot keep the port in {}, so the next start does not find what pages have stored: {error}",
            file.display()
        );
    }
}
