//! Tests what a desktop program does for its user: it runs as one instance, reopens where it was,
//! keeps its files in the right folders, and reports problems.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::json;
use tokio::process::{Child, Command as AsyncCommand};

use crate::{
    program::{
        Program, Traces, all_windows_of, close, desktop, manners, signal, until, web, windows_of,
    },
    support::SECRET,
};

/// Launches the program while another instance may be running.
fn launch(traces: &Traces, adapt: impl FnOnce(&mut Command)) -> Child {
    let mut command = traces.command(&manners());
    command.args(["--authKey", SECRET]);
    adapt(&mut command);
    AsyncCommand::from(command).kill_on_drop(true).spawn().unwrap()
}

/// Returns the window of a process with this title, if it has no other.
fn alone(pid: i32, title: &str) -> Option<String> {
    match &all_windows_of(pid)[..] {
        [window] => (window.title == title).then(|| window.id.clone()),
        _ => None,
    }
}

async fn code(child: &mut Child) -> Option<i32> {
    until("the end of a launch", async || child.try_wait().unwrap()).await.code()
}

#[tokio::test]
async fn a_second_launch_raises_the_first_window_and_hands_over_its_arguments() {
    let mut first = Program::start(&manners(), &[]).await;
    let window = first.window().await;
    let mut client = first.client().await;
    minimize(&window);
    let folder = first.traces.path().to_owned();
    let mut second = launch(&first.traces, |command| {
        command.arg("--banner").current_dir(&folder);
    });
    assert_eq!(code(&mut second).await, Some(0));
    let launches = until("the launch", async || {
        let launches = client.snapshot().await["launches"].clone();
        (launches.as_array()?.len() == 2).then_some(launches)
    })
    .await;
    assert_eq!(launches[0]["files"], json!([]), "{launches}");
    assert_eq!(launches[1]["args"][3], "--banner");
    assert_eq!(launches[1]["cwd"], folder.to_str().unwrap());
    until("the window in front", async || (active_window() == number(&window)).then_some(())).await;
    assert_eq!(first.windows(), [window.as_str()]);
    assert_eq!(first.traces.log().matches(" listening ").count(), 1, "one server");
    close(&window);
    assert_eq!(first.exit().await.code(), Some(0));
    first.traces.nothing_is_left(first.port()).await;
    let left: Vec<_> = fs::read_dir(first.traces.path().join("run"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("selvedge"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "no lock is left");
}

#[tokio::test]
async fn twenty_launches_at_once_make_one_window() {
    let traces = Traces::new();
    let mut launches: Vec<_> = (0..20).map(|_| launch(&traces, |_| ())).collect();
    until("all but one to end", async || {
        let running = launches.iter_mut().filter_map(|child| match child.try_wait().unwrap() {
            Some(status) => {
                assert_eq!(status.code(), Some(0), "{}", traces.log());
                None
            }
            None => child.id(),
        });
        (running.count() == 1).then_some(())
    })
    .await;
    let first = launches.iter().find_map(Child::id).unwrap() as i32;
    // There may be a splash first.
    let window = until("the window alone", async || alone(first, "Manners")).await;
    assert_eq!(traces.log().matches(" listening ").count(), 1, "{}", traces.log());
    close(&window);
    let last = launches.iter_mut().find(|child| child.id() == Some(first as u32)).unwrap();
    assert_eq!(code(last).await, Some(0));
}

#[tokio::test]
async fn a_killed_program_does_not_keep_the_next_from_starting() {
    let mut first = Program::start(&manners(), &[]).await;
    first.window().await;
    signal(first.pid(), "KILL");
    first.exit().await;
    let mut second = Program::start_in(first.traces, &manners(), &[], |_| ()).await;
    close(&second.window().await);
    assert_eq!(second.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_program_that_does_not_answer_is_named() {
    let first = Program::start(&manners(), &[]).await;
    first.window().await;
    signal(first.pid(), "STOP");
    let mut second = launch(&first.traces, |_| ());
    assert_eq!(code(&mut second).await, Some(69));
    assert!(first.traces.log().contains("manners is running and does not answer"));
    signal(first.pid(), "CONT");
}

#[tokio::test]
async fn programs_of_other_names_servers_and_several_instances_do_not_meet() {
    let first = Program::start(&manners(), &[]).await;
    first.window().await;
    let mut other = launch(&first.traces, |command| {
        command.env("MANNERS_NAME", "other");
    });
    let mut several = launch(&first.traces, |command| {
        command.env("MANNERS_SEVERAL", "1");
    });
    let mut server = launch(&first.traces, |command| {
        command.args(["--server", "-p", "0"]);
    });
    for child in [&mut other, &mut several] {
        let pid = child.id().unwrap() as i32;
        close(&until("a window of its own", async || windows_of(pid).pop()).await);
        assert_eq!(code(child).await, Some(0));
    }
    signal(server.id().unwrap() as i32, "TERM");
    assert_eq!(code(&mut server).await, Some(143));
}

#[tokio::test]
async fn files_are_where_the_platform_has_them() {
    let mut program = Program::start(&manners(), &[]).await;
    let mut client = program.client().await;
    let folders: Vec<PathBuf> =
        serde_json::from_value(client.snapshot().await["folders"].clone()).unwrap();
    let under = |path: &str| program.traces.path().join(path);
    let name = "app.selvedge.manners";
    assert_eq!(folders[0], under("data").join(name));
    assert_eq!(folders[1], under("config").join(name));
    assert_eq!(folders[2], under("cache").join(name));
    assert_eq!(folders[3], under("state").join(name).join("logs"));
    assert!(folders.iter().all(|folder| folder.is_dir()));
    let log = read_named(&folders[3], "app.").unwrap();
    assert!(log.contains(" listening ") && log.contains("a client joined"), "{log}");
    close(&program.window().await);
    program.exit().await;
}

/// Returns the content of the files in a folder whose names have this prefix, if there are any.
pub fn read_named(folder: &Path, begin: &str) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.map(Result::unwrap);
    let named = entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with(begin));
    named.map(|entry| fs::read_to_string(entry.path()).unwrap()).reduce(|all, text| all + &text)
}

#[tokio::test]
async fn a_start_that_takes_long_is_shown_and_makes_way_for_the_window() {
    let slow = |command: &mut Command| {
        command.env("MANNERS_SET_UP", "3000");
    };
    let traces = Traces::new();
    let mut program = launch(&traces, slow);
    let pid = program.id().unwrap() as i32;
    until("the splash", async || alone(pid, "manners")).await;
    assert!(!traces.log().contains(" listening "));
    close(&until("the window alone", async || alone(pid, "Manners")).await);
    assert_eq!(code(&mut program).await, Some(0));
}

#[tokio::test]
async fn a_start_that_fails_is_shown_to_a_user_without_a_terminal() {
    let first = Program::start(&manners(), &[]).await;
    let port = first.port().to_string();
    let traces = Traces::new();
    let mut second = launch(&traces, |command| {
        command.args(["--port", &port]).env_remove("SELVEDGE_NO_DIALOG");
    });
    let pid = second.id().unwrap() as i32;
    let dialog = until("the dialog", async || all_windows_of(pid).pop()).await;
    assert_eq!(dialog.title, "manners");
    close(&dialog.id);
    assert_eq!(code(&mut second).await, Some(69));
    assert!(traces.log().contains("is already in use"), "{}", traces.log());
}

#[tokio::test]
async fn help_and_version_need_no_display() {
    let ask = |program: &Path, flag: &str| -> Output {
        let traces = Traces::new();
        let mut command = Command::new(program);
        command.arg(flag).env_remove("DISPLAY").env("XDG_STATE_HOME", traces.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(fs::read_dir(traces.path()).unwrap().next().is_none(), "nothing was written");
        output
    };
    let text = |output: Output| String::from_utf8(output.stdout).unwrap();
    assert_eq!(text(ask(&manners(), "--version")), "manners 1.2.3\n");
    assert!(text(ask(&desktop(), "--version")).starts_with("selvedge-demo "));
    let help = text(ask(&desktop(), "--help"));
    for flag in ["--server", "--port", "--version", "--debug"] {
        assert!(help.contains(flag), "{help}");
    }
    assert!(text(ask(&web(), "--help")).contains("--server"));
}

#[tokio::test]
async fn the_inspector_opens_when_it_is_asked_for() {
    let debug = |command: &mut Command| {
        command.env("TRAME_DESKTOP_DEBUG", "1");
    };
    let mut program = Program::start_with(&manners(), &[], debug).await;
    let window = program.window().await;
    // The inspector is a separate page.
    until("the inspector's web process", async || {
        let processes = program.traces.processes();
        let web = processes.iter().filter(|(_, name)| name.starts_with("WebKitWebProces"));
        (web.count() == 2).then_some(())
    })
    .await;
    close(&window);
    // Ending the inspector's processes takes a while.
    assert_eq!(code(&mut program.child).await, Some(0));
}

fn minimize(window: &str) {
    assert!(Command::new("xdotool").args(["windowminimize", window]).status().unwrap().success());
}

fn number(window: &str) -> u32 {
    u32::from_str_radix(window.trim_start_matches("0x"), 16).unwrap()
}

fn active_window() -> u32 {
    let output = Command::new("xdotool").arg("getactivewindow").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0)
}
