//! Tests HTTPS with a custom certificate.

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use selvedge::{Error, Running, Server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::support::{TIMEOUT, frame, options, to_json};

/// A certificate for this machine, in files, and a client configuration that trusts it.
struct Certificate {
    dir: tempfile::TempDir,
    trusting: TlsConnector,
}

impl Certificate {
    fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cert.pem"), cert.pem()).unwrap();
        fs::write(dir.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::clone(cert.der())).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let trusting = TlsConnector::from(Arc::new(config));
        Certificate { dir, trusting }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    async fn serve(&self) -> Running {
        let options = options().tls(self.path("cert.pem"), self.path("key.pem"));
        Server::new("tls").spawn(options).await.unwrap()
    }

    async fn connect(&self, running: &Running) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(running.addresses()[0]).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        self.trusting.connect(name, stream).await.unwrap()
    }

    /// Returns head and body of an answer.
    async fn request(&self, running: &Running, line: &str, headers: &str) -> (String, String) {
        self.request_with(running, line, headers, "").await
    }

    async fn request_with(
        &self,
        running: &Running,
        line: &str,
        headers: &str,
        body: &str,
    ) -> (String, String) {
        let host = running.url().trim_start_matches("https://");
        let head =
            format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n{body}");
        let mut stream = self.connect(running).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = timeout(TIMEOUT, stream.read_to_end(&mut answer)).await;
        read.unwrap().expect("an end that TLS knows of");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

#[tokio::test]
async fn a_browser_signs_in_and_talks_over_tls() {
    let certificate = Certificate::new();
    let running = certificate.serve().await;
    assert!(running.url().starts_with("https://127.0.0.1:"));
    let link = running.sign_in_url().unwrap();
    let path = link.strip_prefix(running.url()).unwrap();
    let (head, _) = certificate.request(&running, &format!("GET {path}"), "").await;
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");

    let origin = running.url();
    let pair = cookie.split(';').next().unwrap();
    let (_, proof) = head.lines().find_map(|line| line.split_once("#signInProof=")).unwrap();
    let body = json!({ "signInProof": proof }).to_string();
    let length = body.len();
    let headers = format!("Cookie: {pair}\r\nOrigin: {origin}\r\nContent-Length: {length}\r\n");
    let (_, body) = certificate.request_with(&running, "POST /paraview/", &headers, &body).await;
    let launched: Value = serde_json::from_str(&body).unwrap();
    let session = launched["sessionURL"].as_str().unwrap();
    assert_eq!(session, format!("{}/ws", origin.replace("https", "wss")));
    let secret = &launched["secret"];

    let mut request = session.into_client_request().unwrap();
    request.headers_mut().insert("origin", origin.parse().unwrap());
    let stream = certificate.connect(&running).await;
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let hello =
        json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": secret}]});
    socket.send(Message::Binary(frame(&hello).into())).await.unwrap();
    let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("no answer") };
    let answer = to_json(&rmpv::decode::read_value(&mut &answer[12..]).unwrap());
    assert!(answer["result"]["clientID"].is_string(), "{answer}");

    let stopped = running.stop().await.unwrap();
    assert_eq!(stopped.connections_aborted, 0);
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else {
        panic!("no close frame")
    };
    assert_eq!(u16::from(close.code), 1001);
}

#[tokio::test]
async fn an_origin_without_tls_is_a_foreign_one() {
    let certificate = Certificate::new();
    let running = certificate.serve().await;
    let origin = running.url().replace("https", "http");
    let headers = format!("Origin: {origin}\r\nContent-Length: 0\r\n");
    let (head, _) = certificate.request(&running, "POST /paraview/", &headers).await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_port_is_free_after_a_stop_whatever_the_clients_do() {
    let certificate = Certificate::new();
    let running = certificate.serve().await;
    let port = running.port();
    let _idle = certificate.connect(&running).await;
    let mut silent = TcpStream::connect(running.addresses()[0]).await.unwrap();
    let mut plain = TcpStream::connect(running.addresses()[0]).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let refused = timeout(TIMEOUT, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(refused.is_err() || !answer.starts_with(b"HTTP"), "HTTP is not spoken");
    let stopped = timeout(Duration::from_secs(5), running.stop()).await;
    stopped.expect("a quick stop").unwrap();
    assert!(selvedge::port::is_port_free("127.0.0.1", port).await.unwrap());
    drop(timeout(TIMEOUT, silent.read(&mut [0; 1])).await.unwrap());
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let certificate = Certificate::new();
    let other = Certificate::new();
    let empty = certificate.path("empty.pem");
    fs::write(&empty, "nothing").unwrap();
    let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    let start = async |cert: &Path, key: &Path| {
        let options = options().tls(cert, key);
        match Server::new("tls").spawn(options).await {
            Err(Error::Certificate { path, .. }) => path,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it started"),
        }
    };
    assert_eq!(start(Path::new("missing.pem"), &key).await, Path::new("missing.pem"));
    assert_eq!(start(&empty, &key).await, empty);
    assert_eq!(start(&cert, &empty).await, empty);
    let foreign = other.path("key.pem");
    assert_eq!(start(&cert, &foreign).await, foreign, "they do not belong together");
}
