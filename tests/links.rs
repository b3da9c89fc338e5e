//! Tests sign-in links that a running program issues on request.
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use selvedge::{Server, StartOptions};

use crate::support::{SignedIn, request_to};

const PROGRAM: &str = "SELVEDGE_TEST_LINKS";

const TEST: &str = "links::a_running_program_gives_out_links";

/// Starts this test again as a program with these arguments.
fn program(arguments: &str) -> ! {
    let arguments = std::iter::once("program").chain(arguments.split(' '));
    let options = StartOptions::try_from_args(arguments).unwrap();
    let outcome = Server::new("links test").run(options);
    let failed = outcome.is_err();
    selvedge::exit_code(outcome);
    std::process::exit(failed.into());
}

/// Returns the program as a shell command.
fn command() -> String {
    let program = std::env::current_exe().unwrap();
    format!("'{}' --exact {TEST} --nocapture", program.display())
}

fn asked(folder: &Path, arguments: &str) -> Result<Vec<String>, String> {
    let output = Command::new("sh")
        .args(["-c", &command()])
        .env(PROGRAM, arguments)
        .env("XDG_RUNTIME_DIR", folder)
        .env("XDG_CACHE_HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).unwrap());
    }
    let stdout = String::from_utf8(output.stdout).unwrap();
    Ok(stdout.lines().filter(|line| line.starts_with("http")).map(str::to_owned).collect())
}

/// Follows a link, which must sign in, and returns its port.
async fn follow(link: &str) -> u16 {
    let rest = link.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    let address: std::net::SocketAddr = address.parse().unwrap();
    let answer = request_to(address, "GET", &format!("/{path}"), &[], "").await;
    assert!(!SignedIn::from(&answer).proof.is_empty());
    address.port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_program_gives_out_links() {
    if let Ok(arguments) = std::env::var(PROGRAM) {
        std::thread::spawn(move || program(&arguments)).join().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let error = asked(folder.path(), "--sign-in-link").unwrap_err();
    assert!(error.contains("links test") && error.contains("Enter"), "{error}");

    // In a terminal.
    let mut child = Command::new("script")
        .args(["-q", "-e", "-c", &command(), "/dev/null"])
        .env(PROGRAM, "--server --port 0")
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("XDG_CACHE_HOME", folder.path())
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || {
        let line = lines.find(|line| line.starts_with(" - http")).unwrap();
        line.trim_start_matches(" - ").trim_end().to_owned()
    };
    let port = follow(&next()).await;
    keys.write_all(b"\n").unwrap();
    assert_eq!(follow(&next()).await, port, "Enter gives another link");
    keys.write_all(b"\n").unwrap();
    follow(&next()).await;

    for arguments in ["--sign-in-link".to_owned(), format!("--sign-in-link --port {port}")] {
        let links = asked(folder.path(), &arguments).unwrap();
        assert_eq!(links.len(), 1, "{links:?}");
        assert_eq!(follow(&links[0]).await, port);
    }
    let other = if port == 1 { 2 } else { port - 1 };
    assert!(asked(folder.path(), &format!("--sign-in-link --port {other}")).is_err());

    let told: Vec<String> = {
        keys.write_all(b"\x03").unwrap(); // Ctrl-C
        lines.collect()
    };
    child.wait().unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    let left: Vec<_> = left.into_iter().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().ends_with(".links")),
        "{left:?} {told:?}"
    );
    assert!(asked(folder.path(), "--sign-in-link").is_err(), "it has ended");
}
