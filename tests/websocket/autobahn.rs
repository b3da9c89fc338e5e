//! Runs Autobahn's cases against both ends with the Python package `kosoku`, whose virtual
//! environment `cargo xtask test --only peers` creates. All cases but some of compression must
//! be strictly OK; three are informational.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use selvedge::{
    Server,
    websocket::{self, Connect, Options},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::echo_with;
use crate::support::start;

/// Cases of message compression that are left out: those with messages that this end sends as they
/// are (too small, or a picture), which the suite cannot compare; those that limit the window, which
/// is declined; and other texts in the same sizes, which take minutes.
const LEFT_OUT: [&str; 18] = [
    "12.1.1", "12.1.2", "12.1.3", "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.1.1", "13.1.2",
    "13.1.3", "13.2.*", "13.3.*", "13.4.*", "13.5.*", "13.6.*", "13.7.1", "13.7.2", "13.7.3",
];

/// Cases that do not define how to judge the close.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

/// The suite sends messages of up to 16 MiB.
fn large() -> Options {
    Options::new().max_message_size(16 << 20).receive_queue(16, 32 << 20).compression(true)
}

/// Returns the path of a program in the virtual environment.
pub fn python(program: &str) -> PathBuf {
    let environment =
        std::env::var_os("SELVEDGE_PEERS").expect("`cargo xtask test --only peers` sets this");
    Path::new(&environment).join("bin").join(program)
}

fn kosoku(mode: &str, address: &str, out: &Path) -> Command {
    let mut kosoku = Command::new(python("kosoku"));
    kosoku.args(["-m", mode, "-p", "4", "-o"]).arg(out);
    for case in LEFT_OUT {
        kosoku.args(["-x", case]);
    }
    kosoku.arg(address).kill_on_drop(true).stdin(Stdio::null());
    kosoku
}

/// Panics with all cases that failed.
fn check(out: &Path) {
    let index = std::fs::read_to_string(out.join("index.json")).unwrap();
    let agents: BTreeMap<String, BTreeMap<String, serde_json::Value>> =
        serde_json::from_str(&index).unwrap();
    let cases = agents.values().next().unwrap();
    let mut wrong = Vec::new();
    for (case, result) in cases {
        let (behavior, close) =
            (result["behavior"].as_str().unwrap(), result["behaviorClose"].as_str().unwrap());
        let informs = INFORMATIONAL.contains(&case.as_str()) && behavior == "INFORMATIONAL";
        if !informs && (behavior != "OK" || (close != "OK" && close != "INFORMATIONAL")) {
            wrong.push(format!("{case}: {behavior}, close {close}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases: {wrong:#?}", wrong.len(), cases.len());
    assert_eq!(cases.len(), 301 + 45, "all cases without compression, and some with it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Python: cargo xtask test --only peers"]
async fn autobahn_finds_nothing_wrong_with_the_server() {
    let server = Server::new("autobahn");
    server.websocket("/", echo_with(large()));
    let running = start(&server).await;
    let out = tempfile::tempdir().unwrap();
    let address = running.addresses()[0].to_string();
    let status =
        kosoku("fuzzingclient", &address, out.path()).stdout(Stdio::null()).status().await.unwrap();
    check(out.path());
    assert!(status.success());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Python: cargo xtask test --only peers"]
async fn autobahn_finds_nothing_wrong_with_the_client() {
    let out = tempfile::tempdir().unwrap();
    let mut suite = kosoku("fuzzingserver", "127.0.0.1:0", out.path());
    let mut suite = suite
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("PYTHONUNBUFFERED", "1")
        .spawn()
        .unwrap();
    let mut said = BufReader::new(suite.stderr.take().unwrap()).lines();
    let mut printed = BufReader::new(suite.stdout.take().unwrap()).lines();
    let address = loop {
        let line = tokio::select! {
            Ok(Some(line)) = said.next_line() => line,
            Ok(Some(line)) = printed.next_line() => line,
            else => panic!("the suite did not start"),
        };
        if let Some(start) = line.find("127.0.0.1:") {
            let rest = &line[start..];
            let end = rest
                .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
                .unwrap_or(rest.len());
            break rest[..end].to_owned();
        }
    };
    let open = async |path: String| {
        let connect = Connect::to(&format!("ws://{address}/{path}")).unwrap();
        connect.options(large()).open().await.unwrap()
    };
    let count = open("getCaseCount".to_owned()).await.receive_text().await.unwrap();
    for case in 1..=count.parse::<usize>().unwrap() {
        let connection = open(format!("runCase?case={case}&agent=selvedge")).await;
        while let Ok(message) = connection.receive().await {
            if matches!(connection.send(message).await, Err(websocket::Error::ConnectionClosed(_)))
            {
                break;
            }
        }
        connection.ended().await;
    }
    open("updateReports?agent=selvedge".to_owned()).await.ended().await;
    let status = suite.wait().await.unwrap();
    check(out.path());
    assert!(status.success());
}
