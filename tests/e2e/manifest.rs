//! Tests the tool that writes manifests of widget packages, with a test package.

use std::fs;

use selvedge::Module;
use serde_json::{Value, json};

use crate::packages::{manifest_tool, succeed};

/// A package with the features of real packages: one part enables others, folders have options,
/// state is a dict, setups decide about styles and plugins, and all of it is in a module that the
/// named module imports.
const PACKAGE: &str = r#"
from pathlib import Path

files = str(Path(__file__).with_name("files"))
part = {"scripts": ["part.js"], "vue_use": ["part"], "state": {"part_ready": True}}
late = {"setup": lambda server, **kwargs: late.update(vue_use=["late"])}
serve = {"__widgets_1": (files, {"follow_symlinks": True}), "__widgets/lib": files}
scripts = ["__widgets_1/a.js", ("__widgets_1/b.js", {"serial": "widgets"})]
vue_use = [("widgets", {"size": 3})]
state = {"widgets": {"open": False}}

def setup(server, **kwargs):
    assert server.client_type == "vue3"
    server.state.widgets_theme = server.state.widgets_theme or "light"
    server.enable_module(part)
    server.enable_module(part)
    server.enable_module(late)
    global styles
    styles = ["__widgets_1/light.css"]
"#;

#[test]
fn it_records_what_a_package_asks_for_and_copies_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("packages/widgets");
    fs::create_dir_all(package.join("files")).unwrap();
    fs::write(package.join("module.py"), PACKAGE).unwrap();
    fs::write(package.join("__init__.py"), "from .module import *").unwrap();
    fs::write(package.join("files/a.js"), "1").unwrap();
    let output = dir.path().join("modules");
    let write = |arguments: &[&str]| {
        succeed(
            manifest_tool()
                .env("PYTHONPATH", dir.path().join("packages"))
                .arg("--output")
                .arg(&output)
                .args(arguments),
        )
    };

    write(&["--copy", "widgets"]);
    let read = || Module::from_manifest(output.join("widgets.json")).unwrap();
    let expected = json!({
        "name": "widgets",
        "serve": {
            "__widgets/lib": output.join("widgets/__widgets/lib"),
            "__widgets_1": output.join("widgets/__widgets_1"),
        },
        "www": null,
        "scripts": ["part.js", "__widgets_1/a.js", ["__widgets_1/b.js", {"serial": "widgets"}]],
        "module_scripts": [],
        "styles": ["__widgets_1/light.css"],
        "vue_use": ["part", "late", ["widgets", {"size": 3}]],
        "state": {"part_ready": true, "widgets": {"open": false}, "widgets_theme": "light"},
    });
    assert_eq!(serde_json::to_value(read()).unwrap(), expected);
    let copied = output.join("widgets/__widgets_1/a.js");
    assert_eq!(fs::read_to_string(&copied).unwrap(), "1");
    selvedge::Server::new("copied").enable_module(read()).unwrap();

    fs::remove_file(package.join("files/a.js")).unwrap();
    write(&["--copy", "widgets"]);
    assert!(!copied.exists(), "files of an older version are gone");

    write(&["widgets"]);
    let installed: Value = serde_json::to_value(read()).unwrap();
    let files = package.join("files").canonicalize().unwrap();
    assert_eq!(installed["serve"]["__widgets_1"], json!(files));
}

#[test]
fn code_of_a_package_that_is_left_behind_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let package = "def setup(server, **kwargs):\n    server.add_protocol_to_configure(print)\n    \
                   for each in server.protocol.links: print(each)\n    \
                   server.controller.on_ready.add(print)\n    server.state.ready = bool(server.running)\n";
    fs::write(dir.path().join("coded.py"), package).unwrap();
    let mut tool = manifest_tool();
    tool.env("PYTHONPATH", dir.path()).arg("--output").arg(dir.path()).arg("coded");
    let output = tool.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for used in ["add_protocol_to_configure", "protocol", "controller", "running"] {
        assert!(said.contains(&format!("coded uses `server.{used}`:")), "{said}");
    }
    let module = Module::from_manifest(dir.path().join("coded.json")).unwrap();
    assert_eq!(serde_json::to_value(module).unwrap()["state"], json!({"ready": false}));
}

#[test]
fn a_package_that_is_missing_is_named() {
    let output = manifest_tool().arg("no_such_widgets").output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("no_such_widgets cannot be read"));
}
