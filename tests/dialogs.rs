//! Tests dialogs: which client shows them, what pages get and may answer, and how they end.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt, future::BoxFuture};
use selvedge::{
    Ctx, Failure, Result, Running, Server,
    host::{Shell, ShellExit, ShellStart},
    window::{Dialogs, MessageAnswer, MessageButtons, MessageRequest, OpenRequest, SaveRequest},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{
    Answer, Client, TIMEOUT, open_at, options, request_to, request_with, start, to_json,
};

fn server() -> Server {
    let server = Server::new("dialogs");
    server.trigger("ask", async |cx: Ctx| -> Result<String, Failure> {
        let question = MessageRequest::warning("Sure?").buttons(MessageButtons::YesNo);
        Ok(format!("{:?}", cx.show_message(question).await?))
    });
    server.trigger("open", async |cx: Ctx| -> Result<Value, Failure> {
        let request = OpenRequest::new().title("Tables").filter("Tables", &["csv", ".tsv"]);
        let Some(mut files) = cx.open_files(request).await? else { return Ok(json!(null)) };
        let mut read = Vec::new();
        while let Some(mut file) = files.next().await? {
            let content = String::from_utf8(file.content(100).await?)?;
            read.push(json!([file.name(), content, file.path().is_some()]));
        }
        Ok(json!(read))
    });
    server
}

async fn page(running: &Running) -> Client {
    let mut client = Client::connect(running).await;
    client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
    client
}

async fn trigger(client: &mut Client, name: &str) -> String {
    client.send("trame.trigger", json!([name, [], {}])).await
}

#[tokio::test]
async fn only_the_page_that_caused_a_question_answers_it() {
    let running = start(&server()).await;
    let [mut asked, mut other] = [page(&running).await, page(&running).await];
    let call = trigger(&mut asked, "ask").await;
    let dialog = asked.published("selvedge.dialog").await;
    assert_eq!(
        (&dialog["kind"], &dialog["level"], &dialog["text"], &dialog["buttons"]),
        (&json!("message"), &json!("warning"), &json!("Sure?"), &json!("yes-no"))
    );
    let answer = json!([dialog["id"], "yes"]);
    let foreign = other.call("selvedge.dialog.answer", answer.clone()).await.unwrap_err();
    assert!(to_json(&foreign).to_string().contains("the dialog is closed"), "{foreign}");
    assert!(other.take_inbox().is_empty(), "it was not asked");
    asked.call("selvedge.dialog.answer", answer.clone()).await.unwrap();
    assert_eq!(to_json(&asked.answer(&call).await.unwrap()), "Yes");
    assert!(asked.call("selvedge.dialog.answer", answer).await.is_err(), "once");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_question_ends_with_its_page_or_with_the_call_that_asked() {
    let server = server();
    let (tell, mut told) = mpsc::unbounded_channel();
    server.trigger("task", move |cx: Ctx| {
        let (tell, server) = (tell.clone(), cx.server.clone());
        server.create_task(async move {
            tell.send(cx.show_message(MessageRequest::info("Hello")).await?).unwrap();
            Ok::<(), Failure>(())
        });
    });
    server.trigger("briefly", async |cx: Ctx| {
        let asked = cx.show_message(MessageRequest::info("Quick!"));
        tokio::time::timeout(std::time::Duration::from_millis(10), asked).await.is_err()
    });
    let running = start(&server).await;
    let mut client = page(&running).await;
    trigger(&mut client, "task").await;
    client.published("selvedge.dialog").await;
    drop(client);
    let answer = tokio::time::timeout(TIMEOUT, told.recv()).await.unwrap();
    assert_eq!(answer, Some(MessageAnswer::Cancel));

    let mut client = page(&running).await;
    trigger(&mut client, "briefly").await;
    let id = client.published("selvedge.dialog").await["id"].clone();
    assert_eq!(client.published("selvedge.dialog").await, json!({"id": id, "kind": "close"}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn chosen_files_are_uploaded_one_after_another() {
    let running = start(&server()).await;
    let mut client = page(&running).await;
    let call = trigger(&mut client, "open").await;
    let dialog = client.published("selvedge.dialog").await;
    assert_eq!(
        (&dialog["kind"], &dialog["title"], &dialog["accept"], &dialog["choice"]),
        (&json!("open"), &json!("Tables"), &json!(".csv,.tsv"), &json!("files"))
    );
    let files = json!([{"name": "a.csv", "size": 1}, {"name": "b.csv", "size": 2}]);
    let urls = client.call("selvedge.dialog.answer", json!([dialog["id"], files])).await.unwrap();
    for (url, body) in to_json(&urls).as_array().unwrap().iter().zip(["1", "22"]) {
        let path = format!("/{}", url.as_str().unwrap());
        assert_eq!(request_with(&running, "PUT", &path, &[], body).await.status, 200);
    }
    let read = to_json(&client.answer(&call).await.unwrap());
    assert_eq!(read, json!([["a.csv", "1", false], ["b.csv", "22", false]]));

    let call = trigger(&mut client, "open").await;
    let id = client.published("selvedge.dialog").await["id"].clone();
    client.call("selvedge.dialog.answer", json!([id, null])).await.unwrap();
    assert_eq!(to_json(&client.answer(&call).await.unwrap()), Value::Null, "cancelled");

    let call = trigger(&mut client, "open").await;
    let id = client.published("selvedge.dialog").await["id"].clone();
    let urls = client.call("selvedge.dialog.answer", json!([id, files])).await.unwrap();
    client.call("selvedge.dialog.end", json!([id])).await.unwrap();
    let error = to_json(&client.answer(&call).await.unwrap_err()).to_string();
    assert!(error.contains("cancelled the upload"), "{error}");
    let path = format!("/{}", to_json(&urls)[0].as_str().unwrap());
    assert_eq!(request_with(&running, "PUT", &path, &[], "1").await.status, 404);
    running.stop().await.unwrap();
}

/// A host whose dialogs answer at once.
#[derive(Clone, Default)]
struct Host {
    asked: Arc<Mutex<Vec<String>>>,
    paths: Vec<PathBuf>,
}

impl Host {
    fn note(&self, what: &str) {
        self.asked.lock().unwrap().push(what.to_owned());
    }
}

impl Dialogs for Host {
    fn open(&self, request: OpenRequest) -> BoxFuture<'static, Vec<PathBuf>> {
        self.note(request.title.as_deref().unwrap_or_default());
        let paths = self.paths.clone();
        async move { paths }.boxed()
    }

    fn save(&self, _: SaveRequest) -> BoxFuture<'static, Option<PathBuf>> {
        async { None }.boxed()
    }

    fn message(&self, request: MessageRequest) -> BoxFuture<'static, MessageAnswer> {
        self.note(&request.text);
        async { MessageAnswer::No }.boxed()
    }
}

/// A host that acts as a window, with a browser beside it.
impl Shell for Host {
    fn run(self, start: ShellStart) -> Result<ShellExit> {
        let runtime = start.runtime().clone();
        let session = runtime.block_on(start.start())?;
        session.server.set_dialogs(Arc::new(self.clone()));
        runtime.block_on(async {
            let address = session.origin.trim_start_matches("http://").parse().unwrap();
            let link = session.url.strip_prefix(&session.origin).unwrap();
            let signed_in: Answer = request_to(address, "GET", link, &[], "").await;
            let signed_in = crate::support::SignedIn::from(&signed_in);
            let launched = [("Cookie", signed_in.cookie())];
            let launched =
                request_to(address, "POST", "/paraview/", &launched, &signed_in.body()).await;
            let launched: Value = serde_json::from_str(&launched.text()).unwrap();
            let secret = launched["secret"].as_str().unwrap();
            let mut window = Client::hello_with(open_at(address).await, secret).await;
            assert_eq!(window.trigger("ask", json!([])).await, "No", "the native dialog's answer");
            let read = window.trigger("open", json!([])).await;
            assert_eq!(read, json!([["a.csv", "1,2", true]]));
            assert_eq!(*self.asked.lock().unwrap(), ["Sure?", "Tables"]);

            let mut browser = Client::connect_to(address).await;
            browser.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
            let call = trigger(&mut browser, "ask").await;
            let id = browser.published("selvedge.dialog").await["id"].clone();
            browser.call("selvedge.dialog.answer", json!([id, "yes"])).await.unwrap();
            assert_eq!(to_json(&browser.answer(&call).await.unwrap()), "Yes");
            assert_eq!(self.asked.lock().unwrap().len(), 2, "the window was not asked");
        });
        Ok(ShellExit { code: 0 })
    }
}

#[test]
fn a_window_has_native_dialogs_and_a_browser_beside_it_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, "1,2").unwrap();
    let host = Host { paths: vec![path], ..Host::default() };
    let server = server();
    assert_eq!(server.run_in(host.clone(), options()).unwrap().code, 0);
    let asked = host.asked.lock().unwrap().len();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        server.on(selvedge::Lifecycle::ServerReady, move |cx: Ctx| {
            let tell = tell.clone();
            async move {
                let answer = cx.show_message(MessageRequest::info("Anybody?")).await;
                tell.send(answer.is_err()).unwrap();
            }
        });
        let running = start(&server).await;
        let refused = tokio::time::timeout(TIMEOUT, told.recv()).await.unwrap();
        assert_eq!(refused, Some(true), "the window is gone");
        running.stop().await.unwrap();
    });
    assert_eq!(host.asked.lock().unwrap().len(), asked, "its dialogs ended with its run");
}
