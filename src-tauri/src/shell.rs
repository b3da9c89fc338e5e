//! The window system's event loop, from its start to its end.

use std::sync::{Arc, OnceLock, atomic::AtomicBool};

use selvedge::{Error, Result, Shell, ShellExit, ShellSession, Signals};
use tauri::{App, AppHandle, Context, RunEvent, Wry, async_runtime};
use tokio::task::JoinSet;

use crate::{dialogs::NativeDialogs, windows};

/// Shows an application in windows with the system's own web view, by means of Tauri.
///
/// # Panics
/// A process has one event loop: [`Shell::run`] panics when it is called for a second time, and on some systems when
/// it is not called on the main thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct TauriShell;

/// One application while it is shown.
pub(crate) struct Desktop {
    pub(crate) app: AppHandle,
    pub(crate) session: ShellSession,
    /// The exit code of the first reason to end, once there is one.
    pub(crate) code: OnceLock<i32>,
    /// Whether the stop has come to its verdict.
    pub(crate) stopped: AtomicBool,
}

impl Shell for TauriShell {
    fn run(self, session: ShellSession) -> Result<ShellExit> {
        prepare_display()?;
        async_runtime::set(session.runtime.clone());
        let signals = session.runtime.block_on(async { Signals::listen() })?;
        let app = build(session.server.name()).map_err(failed)?;
        let handle = app.handle().clone();
        let dialogs = NativeDialogs(handle.clone());
        session.server.set_dialogs(Arc::new(dialogs));
        let (code, stopped) = (OnceLock::new(), AtomicBool::new(false));
        let desktop = Arc::new(Desktop { app: handle, session, code, stopped });

        // Dropped with this call, so that nothing asks an event loop to end that is no more.
        let mut following = JoinSet::new();
        following.spawn_on(desktop.clone().follow(signals), &desktop.session.runtime);
        desktop.open(&desktop.session.url).map_err(failed)?;

        let events = desktop.clone();
        let code = app.run_return(move |_, event| match event {
            RunEvent::ExitRequested { code, api, .. } => events.exit_requested(code, &api),
            RunEvent::Exit => events.exiting(),
            _ => {}
        });
        let code = desktop.code.get().copied().unwrap_or(code);
        Ok(ShellExit { code })
    }
}

/// The application as Tauri sees it. What differs from one to the next is not in its file but set here.
fn build(name: &str) -> tauri::Result<App> {
    let mut context = packaged();
    context.config_mut().identifier = identifier(name);
    context.package_info_mut().name = name.to_owned();
    tauri::Builder::<Wry>::new()
        // The first of the plugins, so that a second launch ends before it shows anything.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            windows::front(app).iter().for_each(windows::bring_up);
        }))
        .plugin(tauri_plugin_dialog::init())
        .build(context)
}

/// What the packages of the desktop program say of it.
fn packaged() -> Context<Wry> {
    tauri::generate_context!("../tauri.conf.json")
}

/// What the system knows the application by: its data folder, and what a second launch looks for. It has to be a
/// D-Bus name: elements of letters, digits, `-` and `_` that do not begin with a digit, 255 bytes at most.
///
/// The packages of the program have to tell the system the same one: it stands in `tauri.conf.json` as `identifier`,
/// and is the id of the AppStream metainfo.
fn identifier(server_name: &str) -> String {
    let mut name = server_name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_");
    name.truncate(60);
    let mark = if name.starts_with(|c: char| c.is_ascii_alphabetic()) { "" } else { "_" };
    format!("app.selvedge.{mark}{name}")
}

/// Tauri panics where there is no display, so it is looked for first.
fn prepare_display() -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let reason = "neither DISPLAY nor WAYLAND_DISPLAY leads to one";
        gtk::init().map_err(|_| Error::NoDisplay(reason.to_owned()))?;
        // Without this, GDK ends the process when another program destroys the window. So it is one more way to close.
        gtk::gdk::error_trap_push();
    }
    Ok(())
}

fn failed(error: tauri::Error) -> Error {
    Error::Shell(error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{identifier, packaged};

    #[test]
    fn every_server_name_makes_a_valid_identifier() {
        assert_eq!(identifier("heat-map"), "app.selvedge.heat-map");
        assert_eq!(identifier("3d.view 2"), "app.selvedge._3d_view_2");
        assert!(identifier(&"é".repeat(500)).len() < 100);
    }

    #[test]
    fn the_packages_name_the_program_as_it_names_itself() {
        let server = reaction_diffusion::app().unwrap();
        assert_eq!(packaged().config().identifier, identifier(server.name()));
    }
}
