//! Tests live reload: pages follow their files, and nothing else changes.

use std::fs;

use selvedge::{Module, Server, pages::Template};
use serde_json::json;

use crate::support::{Client, options};

#[tokio::test]
async fn open_pages_follow_the_file_of_their_template() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, "one").unwrap();
    let server = Server::new("reloading");
    server.template("main", Template::file(&file).unwrap());
    fs::write(&file, "two").unwrap(); // before the watch begins
    let running = server.spawn(options().hot_reload(true)).await.unwrap();
    let mut client = Client::connect(&running).await;
    server.state().set("kept", 5);
    let next = async |client: &mut Client, text: &str| {
        while client.snapshot().await["trame__template_main"] != text {
            client.pushed().await;
        }
    };
    next(&mut client, "two").await;
    fs::write(&file, "three").unwrap();
    next(&mut client, "three").await;
    // Editors write a new file and replace the old one with it.
    let new = folder.path().join(".page.html.new");
    fs::write(&new, "four").unwrap();
    fs::rename(&new, &file).unwrap();
    next(&mut client, "four").await;
    fs::write(&file, "five").unwrap();
    next(&mut client, "five").await;
    assert_eq!(client.snapshot().await["kept"], 5);

    let other = folder.path().join("other.html");
    fs::write(&other, "a").unwrap();
    server.template("other", Template::file(&other).unwrap());
    while client.snapshot().await["trame__template_other"] != "a" {
        client.pushed().await;
    }
    fs::write(&other, "b").unwrap();
    while client.snapshot().await["trame__template_other"] != "b" {
        client.pushed().await;
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn pages_learn_which_files_of_a_module_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let style = folder.path().join("sub/charts.css");
    fs::write(&style, "a {}").unwrap();
    let server = Server::new("reloading");
    let module = Module {
        name: "charts".into(),
        serve: [("__charts".into(), folder.path().to_owned().into())].into(),
        styles: vec!["__charts/sub/charts.css".into()],
        ..Module::default()
    };
    server.enable_module(module).unwrap();
    let running = server.spawn(options().hot_reload(true)).await.unwrap();
    let mut client = Client::connect(&running).await;
    // The watch begins a moment after the start, so write the file until a change is seen.
    let writing = async {
        loop {
            fs::write(&style, "b {}").unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let told = tokio::select! {
        told = client.published("selvedge.reload") => told,
        () = writing => unreachable!(),
    };
    assert_eq!(told, json!(["__charts/sub/charts.css"]));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_followed_unless_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, "one").unwrap();
    let server = Server::new("reloading");
    server.template("main", Template::file(&file).unwrap());
    let running = server.spawn(options()).await.unwrap();
    assert!(!server.server_options().unwrap().hot_reload);
    let mut client = Client::connect(&running).await;
    fs::write(&file, "two").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(client.snapshot().await["trame__template_main"], "one");
    running.stop().await.unwrap();
}
