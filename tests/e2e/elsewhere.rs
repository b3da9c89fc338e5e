//! Programs other than the application: a foreign web server, which is also a proxy, and the
//! system's browser.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const PAGE: &str = "<!doctype html><title>elsewhere</title><p>A page from elsewhere";

/// A server that answers everything with the same page, as a web server, an HTTP proxy and a SOCKS
/// 5 proxy.
pub struct Elsewhere {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Elsewhere {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let notes = asked.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                answers.spawn(answer(stream, notes.clone()));
            }
        });
        Elsewhere { address, asked, _serving: serving }
    }

    /// Returns its address, with this scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Returns the request lines so far; for SOCKS, the hosts.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let note = |line: String| asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    if first == [5] {
        note(socks_target(&mut stream).await?);
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let answer = match line.starts_with("CONNECT ") {
        true => {
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        }
        false => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
            PAGE.len()
        ),
    };
    note(line);
    stream.write_all(answer.as_bytes()).await.ok()
}

/// Answers a SOCKS client (RFC 1928), and returns the host that it asks for.
async fn socks_target(stream: &mut TcpStream) -> Option<String> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await.ok()?;
    stream.read_exact(&mut vec![0; greeting[1].into()]).await.ok()?;
    stream.write_all(&[5, 0]).await.ok()?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.ok()?;
    let length = match request[3] {
        1 => 4,
        3 => stream.read_u8().await.ok()?.into(),
        _ => 16,
    };
    let mut host = vec![0; length];
    stream.read_exact(&mut host).await.ok()?;
    let port = stream.read_u16().await.ok()?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    let host = match request[3] {
        3 => String::from_utf8_lossy(&host).into_owned(),
        _ => host.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
    };
    Some(format!("SOCKS {host}:{port}"))
}

/// Replaces the system's browser and records what is to be opened.
pub struct SystemBrowser(tempfile::TempDir);

impl SystemBrowser {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("xdg-open");
        let notes = folder.path().join("opened");
        fs::write(&program, format!("#!/bin/sh\necho \"$1\" >>'{}'\n", notes.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        SystemBrowser(folder)
    }

    /// Returns a `PATH` on which it comes first.
    pub fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders =
            [PathBuf::from(self.0.path())].into_iter().chain(std::env::split_paths(&path));
        std::env::join_paths(folders).unwrap()
    }

    pub fn opened(&self) -> Vec<String> {
        let notes = fs::read_to_string(self.0.path().join("opened")).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }
}
