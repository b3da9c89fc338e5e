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
