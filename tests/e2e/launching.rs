//! Tests how a desktop program starts: with files, repeatedly, and where it cannot write anything.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tokio::process::Command as AsyncCommand;

use crate::{
    program::{Program, Traces, close, manners, signal, until},
    support::{Client, SECRET},
};

/// Returns the number of earlier visits that the page has found in its storage.
async fn visits(client: &mut Client) -> i64 {
    until("the page's word", async || client.snapshot().await["visits"].as_i64()).await
}

/// Starts the program, waits for its page, closes the window, and returns what the page has found
/// and the port.
async fn visit(traces: Traces, args: &[&str]) -> (Traces, i64, u16) {
    let mut program = Program::start_in(traces, &manners(), args, |_| ()).await;
    let mut client = program.client().await;
    let found = visits(&mut client).await;
    // The web view writes its storage half a second later, and when the window closes.
    close(&program.window().await);
    assert_eq!(program.exit().await.code(), Some(0), "{}", program.traces.log());
    let port = program.port();
    (program.traces, found, port)
}

#[tokio::test]
async fn a_page_finds_what_it_has_stored_at_each_start() {
    let mut traces = Traces::new();
    let mut ports = Vec::new();
    for start in 0..4 {
        let (left, found, port) = visit(traces, &[]).await;
        assert_eq!(found, start);
        ports.push(port);
        traces = left;
    }
    assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    // One file for all of them.
    let mut folders = vec![traces.path().join("data")];
    let mut stores = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            stores += usize::from(path.extension() == Some("localstorage".as_ref()));
            stores += usize::from(path.ends_with("LocalStorage/localstorage.sqlite3"));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    assert_eq!(stores, 1);
}

#[tokio::test]
async fn a_port_that_is_taken_gives_another_storage_for_as_long() {
    let (traces, _, port) = visit(Traces::new(), &[]).await;
    let other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (traces, found, instead) = visit(traces, &[]).await;
    assert_eq!(found, 0);
    assert_ne!(instead, port);
    assert!(traces.log().contains(&format!("port {port} of an earlier start is not used")));
    drop(other);
    let (_, found, again) = visit(traces, &[]).await;
    assert_eq!((found, again), (1, port));
}

/// Makes the user's folders impossible to create: a file is in the place of each.
fn without_home(command: &mut Command, file: &OsStr) {
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"]
    {
        command.env(variable, file);
    }
}

#[tokio::test]
async fn a_program_without_a_home_works_and_names_what_it_cannot_write() {
    let traces = Traces::new();
    let file = traces.path().join("home");
    fs::write(&file, "no folder").unwrap();
    let mut program = Program::start_in(traces, &manners(), &[], |command| {
        without_home(command, file.as_os_str());
    })
    .await;
    let mut client = program.client().await;
    assert_eq!(visits(&mut client).await, 0);
    // A second launch still finds it.
    let mut second = program.traces.command(&manners());
    without_home(&mut second, file.as_os_str());
    let second = AsyncCommand::from(second).kill_on_drop(true).spawn().unwrap();
    let status = second.wait_with_output().await.unwrap().status;
    assert_eq!(status.code(), Some(0), "{}", program.traces.log());
    close(&program.window().await);
    assert_eq!(program.exit().await.code(), Some(0));
    let log = program.traces.log();
    let named = |what: &str| {
        let lines = log.lines().filter(|line| line.contains(what));
        lines.into_iter().any(|line| line.contains(file.to_str().unwrap()))
    };
    for lost in
        ["no log is kept", "no port is kept", "the position of the window", "its page stores"]
    {
        assert!(named(lost), "{lost}: {log}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "no folder");
}

#[tokio::test]
async fn a_program_without_a_home_and_a_folder_for_temporary_files_shows_its_window() {
    let traces = Traces::new();
    let file = traces.path().join("home");
    fs::write(&file, "no folder").unwrap();
    let mut program = Program::start_in(traces, &manners(), &[], |command| {
        without_home(command, file.as_os_str());
        command.env("XDG_RUNTIME_DIR", &file).env("TMPDIR", &file);
    })
    .await;
    program.joined(1).await;
    close(&program.window().await);
    assert_eq!(program.exit().await.code(), Some(0));
    let log = program.traces.log();
    assert!(log.contains("cannot find out whether manners is already running"), "{log}");
}

#[tokio::test]
async fn files_reach_the_first_launch_and_each_later_one() {
    let traces = Traces::new();
    let folder = traces.path().to_owned();
    let mut program = Program::start_in(traces, &manners(), &["first.png"], |command| {
        command.current_dir(&folder);
    })
    .await;
    let mut client = program.client().await;
    let launches = client.snapshot().await["launches"].clone();
    assert_eq!(launches[0]["files"], json!([folder.join("first.png")]));

    let mut second = program.traces.command(&manners());
    second.current_dir("/").args(["--authKey", SECRET, "a b.png", "--debug", "/tmp/c.png", "--"]);
    second.args([OsStr::new("--d.png"), OsStr::from_bytes(b"caf\xe9.png")]);
    assert!(second.status().unwrap().success(), "{}", program.traces.log());
    let launches: Value = until("the launch", async || {
        let launches = client.snapshot().await["launches"].clone();
        (launches.as_array()?.len() == 2).then_some(launches)
    })
    .await;
    let files = launches[1]["files"].as_array().unwrap();
    assert_eq!(files[..3], ["/a b.png", "/tmp/c.png", "/--d.png"].map(Value::from));
    // The name is not Unicode; the program finds the file by its bytes.
    assert_eq!(files[3], json!(b"/caf\xe9.png"));
    close(&program.window().await);
    program.exit().await;
}

#[tokio::test]
async fn a_launch_is_taken_over_after_descriptors_had_run_out() {
    let program = Program::start(&manners(), &[]).await;
    program.joined(1).await;
    let pid = program.pid();
    let limit = |most: usize| {
        let most = format!("--nofile={most}:4096");
        let prlimit = Command::new("prlimit").args(["--pid", &pid.to_string(), &most]).status();
        assert!(prlimit.unwrap().success());
    };
    limit(3);
    let mut second = program.traces.command(&manners());
    second.stdout(Stdio::null()).stderr(Stdio::null());
    let mut second = AsyncCommand::from(second).kill_on_drop(true).spawn().unwrap();
    until("the launch to wait", async || {
        program.traces.log().contains("a later launch has to wait").then_some(())
    })
    .await;
    limit(1024);
    let status = until("the second launch", async || second.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0), "{}", program.traces.log());
    signal(pid, "TERM");
}

#[tokio::test]
async fn a_program_has_the_identifier_and_the_title_that_it_sets() {
    let mut program = Program::start_with(&manners(), &[], |command| {
        command.env("MANNERS_IDENTIFIER", "com.example.atlas").env("MANNERS_UNTITLED", "1");
    })
    .await;
    let mut client = program.client().await;
    let state = client.snapshot().await;
    assert_eq!(state["trame__title"], "manners");
    let data = program.traces.path().join("data/com.example.atlas");
    assert_eq!(state["folders"][0], json!(data));
    visits(&mut client).await;
    assert!(data.join("ports").is_file(), "what the host keeps is there as well");
    let window = program.window().await;
    let title = Command::new("xdotool").args(["getwindowname", &window]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&title.stdout).trim(), "manners");
    close(&window);
    program.exit().await;
    let named: Vec<_> = fs::read_dir(program.traces.path().join("data")).unwrap().collect();
    assert_eq!(named.len(), 1, "{named:?}");

    let traces = Traces::new();
    let mut refused = traces.command(&manners());
    let status = refused.env("MANNERS_IDENTIFIER", "atlas").status().unwrap();
    assert_eq!(status.code(), Some(70), "{}", traces.log());
    assert!(traces.log().contains("`atlas` is not a valid value for the program's identifier"));
}
