//! Keeps the port of an application from one start to the next. What a page stores in its browser
//! or window belongs to its address, which includes the port.
//!
//! What must hold:
//! - The exclusive bind decides. A recorded port is only a preference, and no content of the file
//!   can prevent a start.
//! - The order of the ports never changes, so a port that was busy for a while is the first choice
//!   again once it is free.

use std::{
    io,
    path::{Path, PathBuf},
};

use selvedge_port::{Listener, Result};
use tokio::task::spawn_blocking;

use super::{StartOptions, keep};

/// Maximum number of ports recorded per application: one for each concurrent instance, and a
/// replacement for each port that another program has taken.
const MAX_PORTS: usize = 16;

impl StartOptions {
    /// Listens on the same port in each run if that port is free, and records it in a file. Default
    /// no.
    ///
    /// Browsers and web views store the data of a page (`localStorage`, IndexedDB, caches) by its
    /// address, which includes the port: on another port, the page finds none of it. The first run
    /// takes any free port, and later runs take it again. If it is busy, because another instance
    /// or another program has it, the run takes a further port and records that as well, up to 16.
    /// The log says so. A port set in code or on the command line has precedence.
    ///
    /// If the file cannot be read or written, the server logs a warning and takes any free port.
    /// Desktop hosts keep the file in the application's [data folder](crate::files::Folders::data).
    ///
    /// ```
    /// use selvedge::{Server, StartOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// # let folder = tempfile::tempdir().map_err(|cause| selvedge::Error::Io { doing: "making a folder", cause })?;
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

    /// Binds the host and the port of these options.
    pub(super) async fn bind(&self) -> Result<Listener> {
        match (&self.keep_port, self.port) {
            (Some(file), None) => bind_kept(self.host_to_bind(), file).await,
            _ => Listener::bind(self.host_to_bind(), self.port_to_bind()).await,
        }
    }
}

/// Binds the first free port of the file, or else any free port, which is added to the file.
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

/// Reads the ports in the file, one per line. Invalid lines are skipped.
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
