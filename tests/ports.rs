//! Tests that the port stays the same from start to start, and what happens if it cannot.

use std::{fs, net::TcpListener, path::Path};

use selvedge::{Running, Server, StartOptions};

async fn started(file: &Path) -> Running {
    Server::new("ports").spawn(StartOptions::new().keep_port(file)).await.unwrap()
}

/// Starts and stops, and returns the port.
async fn port_of_a_start(file: &Path) -> u16 {
    let running = started(file).await;
    let port = running.port();
    running.stop().await.unwrap();
    port
}

/// Repeats a test that needs its ports to stay free between starts: another program may take one.
async fn undisturbed(attempt: impl AsyncFn(&Path) -> bool) {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        if attempt(&folder.path().join("ports")).await {
            return;
        }
    }
    panic!("five attempts have failed");
}

#[tokio::test]
async fn each_start_has_the_port_of_the_first() {
    undisturbed(async |file| {
        let first = port_of_a_start(file).await;
        let mut same = true;
        for _ in 0..3 {
            same &= port_of_a_start(file).await == first;
        }
        same
    })
    .await;
}

#[tokio::test]
async fn instances_side_by_side_each_have_a_port_of_their_own_again() {
    undisturbed(async |file| {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let (one, two) = (started(file).await, started(file).await);
            let three = started(file).await;
            seen.push([one.port(), two.port(), three.port()]);
            for running in [one, two, three] {
                running.stop().await.unwrap();
            }
        }
        let [one, two, three] = seen[0];
        assert!(one != two && two != three && one != three);
        seen[0] == seen[1]
    })
    .await;
}

#[tokio::test]
async fn a_port_that_was_taken_for_a_while_is_the_first_choice_again() {
    undisturbed(async |file| {
        let first = port_of_a_start(file).await;
        let Ok(other) = TcpListener::bind(("127.0.0.1", first)) else { return false };
        let instead = port_of_a_start(file).await;
        assert_ne!(instead, first);
        let again = port_of_a_start(file).await;
        drop(other);
        again == instead && port_of_a_start(file).await == first
    })
    .await;
}

#[tokio::test]
async fn a_port_that_was_asked_for_goes_before_the_one_in_the_file() {
    undisturbed(async |file| {
        let first = port_of_a_start(file).await;
        let options = StartOptions::new().keep_port(file).port(0);
        let running = Server::new("ports").spawn(options).await.unwrap();
        let asked = running.port();
        running.stop().await.unwrap();
        asked != first && port_of_a_start(file).await == first
    })
    .await;
}

#[tokio::test]
async fn a_damaged_port_file_does_not_prevent_a_start() {
    let folder = tempfile::tempdir().unwrap();
    for rubbish in [&b"0\n\n-1\nport\n70000\n"[..], &[0xff, 0, 0x80], b""] {
        undisturbed(async |file| {
            fs::write(file, rubbish).unwrap();
            let first = port_of_a_start(file).await;
            port_of_a_start(file).await == first
        })
        .await;
    }
    // A folder cannot be read as a file, and no file can replace it.
    let folder = folder.path().join("folder");
    fs::create_dir_all(folder.join("inside")).unwrap();
    port_of_a_start(&folder).await;
    port_of_a_start(Path::new("/no such folder/ports")).await;
}
