//! Tests that a window reopens as its user left it.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    program::{Program, Traces, manners, signal, until},
    screen::{Screen, Window},
};

/// What a start has saved.
const FILE: &str = "config/app.selvedge.manners/window.json";

fn kept(traces: &Traces) -> Value {
    serde_json::from_slice(&fs::read(traces.path().join(FILE)).unwrap_or_default())
        .unwrap_or_default()
}

/// Position of the window frame and size of the content.
fn place(window: &Window) -> [i32; 4] {
    let ((x, y), (width, height)) = (window.corner(), window.size());
    [x, y, width, height]
}

async fn has_place(window: &Window<'_>, expected: [i32; 4]) {
    let mut last = [0; 4];
    until(&format!("the place {expected:?}"), async || {
        last = place(window);
        (last == expected).then_some(())
    })
    .await;
}

async fn start(traces: Traces, screen: &Screen) -> Program {
    Program::start_in(traces, &manners(), &[], |command| {
        command.envs(screen.environment());
    })
    .await
}

#[tokio::test]
async fn a_window_has_the_same_place_at_each_start() {
    let screen = Screen::start().await;
    let mut program = start(Traces::new(), &screen).await;
    let window = screen.window(program.pid()).await;
    window.arrange(150, 120, 820, 610);
    until("the move", async || (place(&window)[2..] == [820, 610]).then_some(())).await;
    let moved = place(&window);
    assert!(window.title_bar() > 0, "a frame that the place has to do with");
    window.close();
    program.exit().await;
    let first = kept(&program.traces);
    for end in ["close", "TERM", "KILL", "close", "fullscreen", "give_up"] {
        program = start(program.traces, &screen).await;
        let window = screen.window(program.pid()).await;
        has_place(&window, moved).await;
        match end {
            "close" => window.close(),
            "fullscreen" => {
                window.set_state("add,fullscreen");
                until("the whole screen", async || (window.size() == (1280, 1024)).then_some(()))
                    .await;
                window.close();
            }
            "give_up" => {
                let mut client = program.client().await;
                client.trigger("give_up", json!([])).await;
            }
            name => signal(program.pid(), name),
        }
        program.exit().await;
        assert_eq!(kept(&program.traces), first, "after {end}");
    }
}

#[tokio::test]
async fn a_maximized_window_comes_back_maximized_and_has_its_place_when_it_is_restored() {
    let screen = Screen::start().await;
    let mut program = start(Traces::new(), &screen).await;
    let window = screen.window(program.pid()).await;
    window.arrange(150, 120, 820, 610);
    until("the move", async || (place(&window)[2..] == [820, 610]).then_some(())).await;
    let moved = place(&window);
    // What has not been saved yet cannot be restored.
    until("the place to be kept", async || {
        (kept(&program.traces)["size"] == json!([820, 610])).then_some(())
    })
    .await;
    let mut client = program.client().await;
    client.trigger("maximize", json!([])).await;
    until("the maximized window", async || window.is("MAXIMIZED_VERT").then_some(())).await;
    window.close();
    program.exit().await;
    for end in ["close", "TERM", "close"] {
        program = start(program.traces, &screen).await;
        let window = screen.window(program.pid()).await;
        until("the maximized window", async || window.is("MAXIMIZED_VERT").then_some(())).await;
        until("its size", async || (window.size().0 > 1200).then_some(())).await;
        match end {
            "close" => window.close(),
            name => signal(program.pid(), name),
        }
        program.exit().await;
        assert_eq!(kept(&program.traces)["size"], json!([820, 610]), "after {end}");
        assert_eq!(kept(&program.traces)["maximized"], true, "after {end}");
    }
    program = start(program.traces, &screen).await;
    let window = screen.window(program.pid()).await;
    until("the maximized window", async || window.is("MAXIMIZED_VERT").then_some(())).await;
    let mut client = program.client().await;
    client.trigger("restore", json!([])).await;
    has_place(&window, moved).await;
    window.close();
    program.exit().await;
    program = start(program.traces, &screen).await;
    let window = screen.window(program.pid()).await;
    has_place(&window, moved).await;
    assert!(!window.is("MAXIMIZED_VERT"));
}

#[tokio::test]
async fn a_window_whose_monitor_is_gone_is_within_reach() {
    let screen = Screen::start().await;
    let traces = Traces::new();
    let file = traces.path().join(FILE);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, r#"{"position": [5000, 100], "size": [4000, 600], "maximized": false}"#)
        .unwrap();
    let mut program = start(traces, &screen).await;
    let window = screen.window(program.pid()).await;
    until("the window in the middle", async || {
        let [x, y, width, _] = place(&window);
        (x >= 0 && y >= 0 && x < 1280 && width <= 1280).then_some(())
    })
    .await;
    window.close();
    program.exit().await;

    let program = Program::start_in(program.traces, &manners(), &[], |command| {
        command.envs(screen.environment()).env("MANNERS_FORGET", "1");
    })
    .await;
    let window = screen.window(program.pid()).await;
    until("the size of the code", async || (window.size() == (700, 500)).then_some(())).await;
}

/// A Wayland compositor without a screen.
struct Weston {
    compositor: Child,
    folder: tempfile::TempDir,
}

impl Weston {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut weston = Command::new("weston");
        weston
            .args(["--backend=headless-backend.so", "--socket=tests", "--no-config"])
            .args(["--width=1280", "--height=1024", "--idle-time=0"])
            .env("XDG_RUNTIME_DIR", folder.path())
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let weston = Weston { compositor: weston.spawn().unwrap(), folder };
        let socket = weston.folder.path().join("tests");
        until("the compositor", async || socket.exists().then_some(())).await;
        weston
    }

    async fn program(&self, traces: Traces) -> Program {
        let socket = self.folder.path().join("tests");
        Program::start_in(traces, &manners(), &[], |command| {
            command
                .env("WAYLAND_DISPLAY", socket)
                .env("GDK_BACKEND", "wayland")
                .env_remove("DISPLAY");
        })
        .await
    }
}

impl Drop for Weston {
    fn drop(&mut self) {
        // Ends its shell and its keyboard as well.
        let group = format!("-{}", self.compositor.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(self.compositor.wait());
    }
}

#[tokio::test]
async fn a_window_has_the_same_size_at_each_start_under_wayland() {
    let weston = Weston::start().await;
    let mut program = weston.program(Traces::new()).await;
    let mut client = program.client().await;
    program.joined(2).await;
    client.trigger("resize", json!([820, 610])).await;
    until("the size to be kept", async || {
        (kept(&program.traces)["size"] == json!([820, 610])).then_some(())
    })
    .await;
    let resized = client.trigger("window", json!([])).await;
    client.trigger("close", json!([])).await;
    program.exit().await;
    for maximized in [false, false, true, true, true] {
        program = weston.program(program.traces).await;
        program.joined(1).await;
        let mut client = program.client().await;
        if maximized {
            client.trigger("maximize", json!([])).await;
        } else {
            let mut last = json!([]);
            until("the size of before", async || {
                last = client.trigger("window", json!([])).await;
                (last == resized).then_some(())
            })
            .await;
        }
        until("its state", async || {
            let window = client.trigger("window", json!([])).await;
            (window[2] == json!(maximized)).then_some(())
        })
        .await;
        client.trigger("close", json!([])).await;
        program.exit().await;
        let kept = kept(&program.traces);
        assert_eq!(kept["size"], json!([820, 610]));
        assert_eq!(kept["maximized"], maximized);
        assert_eq!(kept["position"], json!(null), "Wayland tells no place");
    }
    program = weston.program(program.traces).await;
    program.joined(1).await;
    let mut client = program.client().await;
    until("the maximized window", async || {
        (client.trigger("window", json!([])).await[2] == true).then_some(())
    })
    .await;
    client.trigger("restore", json!([])).await;
    until("the size of before", async || {
        (client.trigger("window", json!([])).await == resized).then_some(())
    })
    .await;
}
