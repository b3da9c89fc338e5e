//! Tests files of any size over HTTP: who may send and fetch them, the limits, and transfers that
//! break off.

use std::{sync::Arc, time::Duration};

use selvedge::{
    Ctx, Failure, Running, Server,
    files::{Download, Saved, TransferError, TransferLimits, Upload},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};

use crate::support::{Answer, Client, TIMEOUT, request, request_with, start, to_json};

/// The application's result for each upload.
type Heard = mpsc::UnboundedReceiver<Result<Vec<u8>, Failure>>;

/// Starts a server that accepts uploads and reports them.
async fn server(limits: TransferLimits) -> (Running, Heard) {
    serve(&Server::new("transfers"), limits).await
}

async fn serve(server: &Server, limits: TransferLimits) -> (Running, Heard) {
    let (tell, heard) = mpsc::unbounded_channel();
    server.set_transfer_limits(limits);
    server.on_upload("keep", move |cx: Ctx, mut file: Upload| {
        let tell = tell.clone();
        async move {
            cx.state().set("begun", file.name());
            let content = file.content(1 << 20).await;
            let (name, kind, bytes) = (file.name(), file.media_type(), file.received());
            let about = json!({"name": name, "type": kind, "bytes": bytes});
            let failed = content.as_ref().err().map(ToString::to_string);
            tell.send(content.map_err(Failure::from)).unwrap();
            failed.map_or(Ok(about), |text| Err(Failure::msg(text)))
        }
    });
    (start(server).await, heard)
}

/// Requests a ticket to upload a file.
async fn offered(client: &mut Client, size: u64) -> String {
    let file = json!({"name": "../a.csv", "type": "text/csv", "size": size});
    let url = client.call("selvedge.upload.open", json!(["keep", file])).await.unwrap();
    format!("/{}", to_json(&url).as_str().unwrap())
}

async fn refusal(client: &mut Client, to: &str, size: u64) -> String {
    let file = json!({"name": "a", "size": size});
    let error = client.call("selvedge.upload.open", json!([to, file])).await.unwrap_err();
    to_json(&error)["data"]["exception"].as_str().unwrap().to_owned()
}

/// Starts an upload and returns the connection.
async fn begin(running: &Running, path: &str, length: usize, part: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(running.addresses()[0]).await.unwrap();
    let host = running.url().trim_start_matches("http://");
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(part).await.unwrap();
    stream
}

async fn status(stream: &mut TcpStream) -> String {
    let mut head = [0; 12];
    timeout(TIMEOUT, stream.read_exact(&mut head)).await.unwrap().unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}

async fn heard(heard: &mut Heard) -> Result<Vec<u8>, Failure> {
    timeout(TIMEOUT, heard.recv()).await.expect("an upload in time").unwrap()
}

#[tokio::test]
async fn an_upload_reaches_the_application_and_its_result_the_page() {
    let (running, mut kept) = server(TransferLimits::default()).await;
    let mut client = Client::connect(&running).await;
    let url = offered(&mut client, 5).await;
    let answer = request_with(&running, "PUT", &url, &[("Origin", running.url())], "a,b\n1").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let about: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(about, json!({"name": "a.csv", "type": "text/csv", "bytes": 5}));
    assert_eq!(heard(&mut kept).await.unwrap(), b"a,b\n1");
    assert_eq!(client.pushed().await["begun"], "a.csv", "and state went out meanwhile");
    let empty = offered(&mut client, 0).await;
    let nothing = [("Content-Length", "0")];
    assert_eq!(request(&running, "PUT", &empty, &nothing).await.status, 200);
    assert!(heard(&mut kept).await.unwrap().is_empty());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn uploads_need_a_ticket_and_a_page_of_this_server() {
    let server = Server::new("transfers");
    let (running, _kept) = serve(&server, TransferLimits::default()).await;
    let mut client = Client::connect(&running).await;
    let url = offered(&mut client, 1).await;
    let put = async |path: &str, headers: &[(&str, &str)]| -> u16 {
        request_with(&running, "PUT", path, headers, "x").await.status
    };
    assert_eq!(put(&url, &[("Origin", "http://evil.example")]).await, 403);
    assert_eq!(put(&url, &[("Origin", "null")]).await, 403);
    assert_eq!(put(&url, &[("Host", "evil.example")]).await, 403);
    assert_eq!(put("/selvedge/upload/guess", &[]).await, 404);
    assert_eq!(request(&running, "GET", &url, &[]).await.status, 405);
    let as_download = url.replace("upload", "download");
    assert_eq!(request(&running, "GET", &as_download, &[]).await.status, 404);
    assert_eq!(put(&url, &[]).await, 200, "none of these has used it up");
    assert_eq!(put(&url, &[]).await, 404, "this has");
    let url = offered(&mut client, 1).await;
    drop(client);
    timeout(TIMEOUT, async {
        while server.client_count() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await
    .unwrap();
    assert_eq!(put(&url, &[]).await, 404, "a ticket ends with its client");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn sizes_must_be_announced_and_kept() {
    let limits = TransferLimits::new().max_upload_bytes(1000);
    let (running, _kept) = server(limits).await;
    let mut client = Client::connect(&running).await;
    let text = refusal(&mut client, "keep", 1001).await;
    assert!(text.contains("1001 bytes, and 1000 are allowed"), "{text}");
    let text = refusal(&mut client, "elsewhere", 1).await;
    assert!(text.contains("no receiver of uploads named `elsewhere`"), "{text}");
    let url = offered(&mut client, 3).await;
    let chunked = [("Transfer-Encoding", "chunked")];
    assert_eq!(request(&running, "PUT", &url, &chunked).await.status, 411);
    let long = request_with(&running, "PUT", &url, &[], "four").await;
    assert_eq!(long.status, 413, "{long:?}");
    let url = offered(&mut client, 3).await;
    assert_eq!(request_with(&running, "PUT", &url, &[], "no").await.status, 400);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn uploads_that_run_at_the_same_time_are_limited() {
    let limits = TransferLimits::new().uploads_at_once(1);
    let (running, mut kept) = server(limits).await;
    let mut client = Client::connect(&running).await;
    let [first, second] = [offered(&mut client, 2).await, offered(&mut client, 2).await];
    let mut stream = begin(&running, &first, 2, b"a").await;
    client.pushed().await;
    let refused = request_with(&running, "PUT", &second, &[], "bb").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refusal(&mut client, "keep", 1).await.contains("too many uploads"));
    stream.write_all(b"b").await.unwrap();
    assert_eq!(status(&mut stream).await, "200");
    heard(&mut kept).await.unwrap();
    offered(&mut client, 1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_an_error_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_owned();
    let server = Server::new("transfers");
    let (tell, mut told) = mpsc::unbounded_channel();
    server.on_upload("keep", move |cx: Ctx, mut file: Upload| {
        let (tell, state) = (tell.clone(), cx.state().clone());
        let target = folder.join("a.csv");
        async move {
            file.on_progress(move |progress| {
                state.set("done", progress.done);
            });
            tell.send(file.save_to(target).await).unwrap();
            Ok(())
        }
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let files = || std::fs::read_dir(dir.path()).unwrap().count();
    let url = offered(&mut client, 1000).await;
    let stream = begin(&running, &url, 1000, &[b'x'; 400]).await;
    assert_eq!(client.pushed().await, json!({"done": 400}), "progress");
    assert_eq!(files(), 1, "the part that has come");
    drop(stream);
    match timeout(TIMEOUT, told.recv()).await.unwrap().unwrap() {
        Err(TransferError::Interrupted { done: 400, size: 1000 }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(files(), 0);
    let url = offered(&mut client, 3).await;
    assert_eq!(request_with(&running, "PUT", &url, &[], "abc").await.status, 200);
    assert!(told.recv().await.unwrap().is_ok());
    assert_eq!(std::fs::read(dir.path().join("a.csv")).unwrap(), b"abc");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_upload_that_stands_still_is_ended() {
    let stall_timeout = Duration::from_millis(100);
    let (running, mut kept) = server(TransferLimits::new().stall_timeout(stall_timeout)).await;
    let mut client = Client::connect(&running).await;
    let url = offered(&mut client, 10).await;
    let mut stream = begin(&running, &url, 10, b"abc").await;
    let error = heard(&mut kept).await.unwrap_err().to_string();
    assert!(error.contains("nothing was transferred for 100ms"), "{error}");
    assert_eq!(status(&mut stream).await, "500", "what the application said");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_uploads_and_downloads() {
    let (running, mut kept) = server(TransferLimits::default()).await;
    let mut client = Client::connect(&running).await;
    let url = offered(&mut client, 10).await;
    let _stream = begin(&running, &url, 10, b"abc").await;
    client.pushed().await;
    let (mut fetching, ended) = endless_download().await;
    assert_eq!(status(&mut fetching.stream).await, "200");
    let stopped = timeout(TIMEOUT, running.stop()).await.unwrap().unwrap();
    assert!(stopped.elapsed < Duration::from_secs(2), "{stopped:?}");
    let error = heard(&mut kept).await.unwrap_err().to_string();
    assert!(error.contains("the server is stopping"), "{error}");
    let stopped = timeout(TIMEOUT, fetching.running.stop()).await.unwrap().unwrap();
    assert!(stopped.elapsed < Duration::from_secs(2), "{stopped:?}");
    drop(ended);
}

/// An endless download to a client that does not read.
struct Fetching {
    running: Running,
    stream: TcpStream,
    /// Keeps the page connected.
    _client: Client,
}

async fn endless_download() -> (Fetching, mpsc::UnboundedReceiver<Result<Saved, Failure>>) {
    let server = Server::new("endless");
    let stall_timeout = Duration::from_millis(300);
    server.set_transfer_limits(TransferLimits::new().stall_timeout(stall_timeout));
    let (tell, ended) = mpsc::unbounded_channel();
    server.trigger("save", move |cx: Ctx| {
        let tell = tell.clone();
        async move {
            let outcome = cx.send_file(Download::from_reader("a", tokio::io::repeat(1))).await;
            tell.send(outcome).unwrap();
        }
    });
    let running = start(&server).await;
    let (client, url) = asked(&running).await;
    let mut stream = TcpStream::connect(running.addresses()[0]).await.unwrap();
    let host = running.url().trim_start_matches("http://");
    let get = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(get.as_bytes()).await.unwrap();
    (Fetching { running, stream, _client: client }, ended)
}

/// Calls the trigger `save` as the built-in page does, and returns the offered address.
async fn asked(running: &Running) -> (Client, String) {
    let mut client = Client::connect(running).await;
    client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
    client.send("trame.trigger", json!(["save", [], {}])).await;
    let offer = client.published("selvedge.download").await;
    let url = format!("/{}", offer["url"].as_str().unwrap());
    (client, url)
}

#[tokio::test]
async fn a_download_that_is_not_read_is_ended() {
    let (mut fetching, mut ended) = endless_download().await;
    assert_eq!(status(&mut fetching.stream).await, "200");
    let outcome = timeout(TIMEOUT, ended.recv()).await.unwrap().unwrap();
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("was interrupted"), "{error}");
    fetching.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_is_offered_only_to_the_page_that_asked_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Größe.csv");
    std::fs::write(&path, "a,b\n").unwrap();
    let server = Server::new("transfers");
    let progress = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&progress);
    server.trigger("save", move |cx: Ctx| {
        let noted = Arc::clone(&noted);
        let file = Download::from_path(&path)
            .on_progress(move |progress| noted.lock().unwrap().push(progress.fraction()));
        async move { Ok::<_, Failure>(cx.send_file(file).await? == Saved::Downloaded) }
    });
    let running = start(&server).await;
    let (mut client, url) = asked(&running).await;
    let other = request(&running, "GET", &url, &[("Host", "evil.example")]).await;
    assert_eq!(other.status, 403);
    let answer: Answer = request(&running, "GET", &url, &[]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "a,b\n"));
    assert_eq!(answer.header("content-length"), "4");
    assert_eq!(answer.header("content-type"), "text/csv");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    assert!(answer.header("content-disposition").contains("filename*=UTF-8''Gr%C3%B6%C3%9Fe.csv"));
    assert_eq!(request(&running, "GET", &url, &[]).await.status, 404, "once");
    let done = client.answer("rpc:c0:3").await.unwrap();
    assert_eq!(to_json(&done), true);
    assert_eq!(progress.lock().unwrap().last(), Some(&Some(1.0)));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_of_another_implementation_is_offered_no_file() {
    let server = Server::new("transfers");
    server.trigger("save", async |cx: Ctx| -> Result<(), Failure> {
        cx.send_file(Download::from_bytes("a", "b")).await?;
        Ok(())
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let error = client.call("trame.trigger", json!(["save", [], {}])).await.unwrap_err();
    assert!(to_json(&error).to_string().contains("only Selvedge's own page"), "{error}");
    let outside = server.call_trigger("save", ()).await.unwrap_err().to_string();
    assert!(outside.contains("no client caused"), "{outside}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn without_http_files_are_refused_at_once_with_the_reason() {
    let server = Server::new("transfers");
    server.on_upload("keep", async |_: Ctx, _: Upload| Ok::<(), Failure>(()));
    server.trigger("send", async |cx: Ctx| -> Result<(), Failure> {
        cx.send_file(Download::from_bytes("a.csv", "1,2")).await?;
        Ok(())
    });
    server.trigger("open", async |cx: Ctx| -> Result<bool, Failure> {
        Ok(cx.open_file(selvedge::window::OpenRequest::new()).await?.is_some())
    });
    server.trigger("ask", async |cx: Ctx| -> Result<String, Failure> {
        Ok(format!("{:?}", cx.show_message(selvedge::window::MessageRequest::info("Well?")).await?))
    });
    let running = server.spawn(crate::support::options().http(false)).await.unwrap();
    let mut client = Client::connect(&running).await;
    client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
    assert!(refusal(&mut client, "keep", 5).await.contains("--no-http"));
    for name in ["send", "open"] {
        let error = client.call("trame.trigger", json!([name, [], {}])).await.unwrap_err();
        assert!(to_json(&error).to_string().contains("--no-http"), "{name}: {error}");
    }
    let asked = client.send("trame.trigger", json!(["ask", [], {}])).await;
    let id = client.published("selvedge.dialog").await["id"].clone();
    client.call("selvedge.dialog.answer", json!([id, "ok"])).await.unwrap();
    assert_eq!(to_json(&client.answer(&asked).await.unwrap()), "Ok", "a message needs no HTTP");
    running.stop().await.unwrap();
}
