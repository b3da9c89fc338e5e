//! Tests the unmodified npm package `wslink` in Node.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    program::{Program, web},
    support::SECRET,
};

#[tokio::test]
async fn it_says_hello_reads_and_sets_state_calls_triggers_and_gets_bytes() {
    let program = Program::start(&web(), &["--server", "--port", "0"]).await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("node")
        .arg("--experimental-websocket")
        .arg(here.join("stock_client.mjs"))
        .arg(here.join("../../ui/package.json"))
        .arg(format!("ws://{}/ws", program.address))
        .arg(SECRET)
        .output()
        .expect("Node.js");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let end: String = complaint.lines().rev().take(5).collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "{printed}\n{end}");
    let seen: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(seen["title"], "Reaction-diffusion");
    assert_eq!(seen["set"], Value::Null, "no answer but that it was taken");
    assert_eq!(seen["pushed"], json!({"preset": ""}), "what followed from it, and no echo");
    assert_eq!(seen["toggled"], Value::Null);
    assert_eq!(seen["running"], false);
    assert_eq!(
        seen["frame"],
        json!({"width": 512, "format": "indexed8", "palette": 768, "data": 512 * 512})
    );
    assert!(seen["error"].as_str().unwrap().contains("argument 1"), "{seen}");
}
