//! Tests hosts without a window: what they can rely on, and what remains when they end.

use std::{
    env, fs,
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use selvedge::{
    Ctx, Error, Lifecycle, Result, Server, StartOptions,
    host::{Shell, ShellExit, ShellSession, ShellStart},
    port::{self, is_port_free},
    rooms::{Room, Rooms, Scope},
};

/// A host whose behaviour a test supplies.
struct Host<F>(F);

impl<F: FnOnce(ShellStart) -> Result<ShellExit>> Shell for Host<F> {
    fn run(self, start: ShellStart) -> Result<ShellExit> {
        (self.0)(start)
    }
}

fn options() -> StartOptions {
    StartOptions::new().disable_logging(true)
}

/// Starts the application and waits for it.
fn started(start: ShellStart) -> ShellSession {
    let runtime = start.runtime().clone();
    runtime.block_on(start.start()).unwrap()
}

fn is_free(port: u16) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(is_port_free("127.0.0.1", port)).unwrap()
}

#[test]
fn nothing_runs_before_the_host_starts_it() {
    let server = Server::new("shell");
    let seen = server.clone();
    let host = Host(move |start: ShellStart| {
        assert_eq!(start.program().get_name(), "shell");
        assert!(!seen.running());
        let session = started(start);
        assert!(seen.running() && session.url.starts_with(&session.origin));
        Ok(ShellExit { code: 0 })
    });
    let exit = server.run_in(host, options()).unwrap();
    assert_eq!((exit.code, exit.report.addresses.len()), (0, 1));
    assert!(!server.running() && is_free(exit.report.addresses[0].port()));
}

#[test]
fn a_window_shows_one_room_whatever_the_scope() {
    let app = |room: &Room| {
        let server = Server::new("shell");
        server.state().set("scope", format!("{:?}", room.scope()));
        Ok(server)
    };
    let host = Host(|start: ShellStart| {
        let session = started(start);
        assert_eq!(session.server.state().get::<String>("scope")?, "Shared");
        Ok(ShellExit { code: 0 })
    });
    let rooms = Rooms::new(app).scope(Scope::User);
    Server::set_up_in("shell", move || rooms.server(), host, options()).unwrap();
}

#[test]
fn a_host_does_not_have_to_start_the_server() {
    let set_up = || panic!("not needed");
    let host = Host(|_: ShellStart| Ok(ShellExit { code: 0 }));
    let exit = Server::set_up_in("shell", set_up, host, options()).unwrap();
    assert_eq!((exit.code, exit.report.addresses), (0, vec![]));
}

/// The state kept in development may belong to a running program; a second start does not touch it.
#[test]
fn only_a_host_that_started_the_application_ends_what_development_keeps() {
    let program = env::current_exe().unwrap();
    let stem = program.file_stem().unwrap().to_str().unwrap();
    let file = program.with_file_name(format!("{stem}.kept_by_a_shell.kept"));
    fs::write(&file, "left by another run").unwrap();
    let server = Server::new("kept_by_a_shell");
    for starts in [false, true] {
        let host = Host(move |start: ShellStart| {
            let _session = starts.then(|| started(start));
            Ok(ShellExit { code: 0 })
        });
        server.run_in(host, options().development(true)).unwrap();
        assert_eq!(file.exists(), !starts);
    }
}

#[test]
fn a_panic_of_the_host_stops_the_server() {
    let server = Server::new("shell");
    let host = Host(|start: ShellStart| -> Result<ShellExit> {
        let _session = started(start);
        panic!("the window system gave up");
    });
    let exit = server.run_in(host, options()).unwrap();
    assert_eq!(exit.code, 101);
    assert!(is_free(exit.report.addresses[0].port()));
}

#[test]
fn an_error_of_the_host_is_the_outcome_and_the_server_is_stopped() {
    let server = Server::new("shell");
    let port = Arc::new(Mutex::new(0));
    let noted = port.clone();
    let host = Host(move |start: ShellStart| {
        *noted.lock().unwrap() = started(start).server.port().unwrap();
        Err(Error::NoDisplay("none".into()))
    });
    assert!(matches!(server.run_in(host, options()), Err(Error::NoDisplay(_))));
    assert!(!server.running() && is_free(*port.lock().unwrap()));
}

#[test]
fn a_start_that_fails_tells_the_host_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let host = Host(|start: ShellStart| {
        let runtime = start.runtime().clone();
        Err(runtime.block_on(start.start()).err().unwrap())
    });
    let error = Server::new("shell").run_in(host, options().port(port)).unwrap_err();
    assert!(matches!(error, Error::Port(port::Error::Busy { .. })), "{error}");
    assert_eq!(error.exit_code(), 69);
}

#[test]
fn a_set_up_that_fails_or_panics_is_an_error() {
    let outcome = |set_up: fn() -> Result<Server>| {
        let host = Host(|start: ShellStart| {
            let runtime = start.runtime().clone();
            Err(runtime.block_on(start.start()).err().unwrap())
        });
        Server::set_up_in("shell", set_up, host, options()).unwrap_err()
    };
    assert!(matches!(outcome(|| Err(Error::NoShell)), Error::NoShell));
    let error = outcome(|| panic!("no {}", "data"));
    assert!(error.to_string().contains("no data"), "{error}");
    assert_eq!(error.exit_code(), 101);
}

#[test]
fn a_host_that_is_done_does_not_wait_for_a_slow_set_up() {
    let (go_on, blocked) = mpsc::channel::<()>();
    let set_up = move || {
        let _ = blocked.recv();
        Ok(Server::new("shell"))
    };
    let host = Host(|start: ShellStart| {
        let runtime = start.runtime().clone();
        runtime.spawn(start.start());
        Ok(ShellExit { code: 143 })
    });
    let (done, waiting) = mpsc::channel();
    thread::spawn(move || done.send(Server::set_up_in("shell", set_up, host, options())));
    let exit = waiting.recv_timeout(Duration::from_secs(20)).expect("an end").unwrap();
    assert_eq!((exit.code, exit.report.addresses), (143, vec![]));
    drop(go_on);
}

#[test]
fn an_application_chooses_the_exit_code() {
    let server = Server::new("shell");
    server.on(Lifecycle::ServerReady, |cx: Ctx| cx.server.request_exit(7));
    let host = Host(|start: ShellStart| {
        let runtime = start.runtime().clone();
        let session = started(start);
        let report = runtime.block_on(session.stop.stopped())?;
        assert_eq!(report.exit_code, 7);
        Ok(ShellExit { code: 0 })
    });
    assert_eq!(server.run_in(host, options()).unwrap().code, 7);
    let browser = options().port(0).handle_signals(false);
    assert_eq!(server.run(browser).unwrap().code, 7, "in a browser, too");
}
