//! Tests the window of an application, with a host that records the calls.

use std::sync::{Arc, Mutex};

use selvedge::{
    Ctx, Error, Lifecycle, Result, Server,
    host::{Shell, ShellExit, ShellStart},
    window::{Menu, MenuItem, WindowChange, WindowControl, WindowOptions, WindowState},
};
use serde_json::json;

use crate::support::{options, start};

#[derive(Default)]
struct Notes(Mutex<Vec<WindowChange>>);

impl WindowControl for Notes {
    fn state(&self) -> Result<WindowState> {
        Ok(WindowState { zoom: 2.0, ..WindowState::default() })
    }

    fn change(&self, change: WindowChange) -> Result<()> {
        self.0.lock().unwrap().push(change);
        Ok(())
    }
}

/// Collects the texts of errors from hooks on exceptions.
fn exceptions(server: &Server) -> Arc<Mutex<Vec<String>>> {
    let texts = Arc::new(Mutex::new(Vec::new()));
    let kept = texts.clone();
    server.on(Lifecycle::Exception, move |_: Ctx, text: String| kept.lock().unwrap().push(text));
    texts
}

#[tokio::test]
async fn without_a_window_there_is_a_clear_answer() {
    let server = Server::new("window");
    let running = start(&server).await;
    let window = server.window();
    assert!(!window.is_open());
    for answer in [window.maximize(), window.set_title(None), window.set_menu(Menu::new())] {
        assert!(matches!(answer, Err(Error::NoWindow)), "{answer:?}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_host_gets_values_that_can_work_until_the_run_ends() {
    let server = Server::new("window");
    let running = start(&server).await;
    let notes = Arc::new(Notes::default());
    server.set_window_control(notes.clone());
    let window = server.window();
    assert!(window.is_open());
    assert_eq!(window.state().unwrap().zoom, 2.0);

    window.set_size(300.0, 200.0).unwrap();
    window.set_title(Some("Own")).unwrap();
    let misspelt = Menu::new().item(MenuItem::new("Save", "save").accelerator("Strg+S"));
    for refused in [
        window.set_size(0.0, 200.0),
        window.set_min_size(Some((1.0, f64::NAN))),
        window.set_position(f64::INFINITY, 0.0),
        window.set_zoom(-1.0),
        window.set_menu(Menu::new().submenu("File", misspelt)),
        window.rename_item("save", " "),
    ] {
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
    }
    let taken = [WindowChange::Size(300.0, 200.0), WindowChange::Title(Some("Own".into()))];
    assert_eq!(*notes.0.lock().unwrap(), taken);

    running.stop().await.unwrap();
    assert!(matches!(window.close(), Err(Error::NoWindow)));
}

#[tokio::test]
async fn what_a_menu_calls_may_fail_without_harm() {
    let server = Server::new("window");
    let running = start(&server).await;
    let exceptions = exceptions(&server);
    server.trigger("export", |cx: Ctx, kind: String, all: bool| {
        cx.state().set("exported", json!([kind, all, cx.client().is_none()]));
    });
    server.trigger("broken", |_: Ctx| -> () { panic!("no such file") });
    server.trigger("late", async |_: Ctx| -> Result<()> { Err(Error::NotRunning) });
    server.start_trigger("export", &[json!("png"), json!(true)]);
    assert_eq!(
        server.state().get::<serde_json::Value>("exported").unwrap(),
        json!(["png", true, true])
    );

    for (name, said) in [
        ("broken", "trigger `broken` failed: panicked: no such file"),
        ("late", "trigger `late` failed: the server is not running"),
        (
            "exprt",
            "trigger `exprt` failed: there is no trigger named `exprt`. Did you mean export?",
        ),
    ] {
        server.start_trigger(name, &[]);
        while exceptions.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let text = exceptions.lock().unwrap().remove(0);
        assert!(text.starts_with(said), "{text}");
    }
    running.stop().await.unwrap();
}

/// A host that shows nothing.
struct Blind;

impl Shell for Blind {
    fn run(self, start: ShellStart) -> Result<ShellExit> {
        let runtime = start.runtime().clone();
        runtime.block_on(start.start()).map(|_| ShellExit { code: 0 })
    }
}

#[test]
fn invalid_options_are_found_before_anything_starts() {
    let server = Server::new("window");
    server.on(Lifecycle::ServerStart, |cx: Ctx| {
        cx.state().set("started", true);
    });
    server.set_window(WindowOptions::new().min_size(-1.0, 10.0));
    let error = server.run_in(Blind, options()).unwrap_err();
    assert!(error.to_string().contains("`-1 × 10` is not a valid value"), "{error}");
    assert!(!server.state().has("started"));
    server.set_window(WindowOptions::new());
    assert_eq!(server.run_in(Blind, options()).unwrap().code, 0);
}
