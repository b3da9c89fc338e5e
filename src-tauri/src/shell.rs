//! The window system's event loop, from its start to its end.

use std::sync::Arc;

#[cfg(windows)]
use selvedge::StartOptions;
use selvedge::{
    Error, Result,
    host::{Shell, ShellExit, ShellSession, ShellStart},
    run::{Program, Signals},
    window::Launch,
};
use tauri::{App, AppHandle, Context, Manager, RunEvent, Wry, async_runtime, image::Image};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, JoinSet},
};

#[cfg(unix)]
use crate::instance::{Claim, Instance, Launches};
use crate::{
    accent::SystemAccent,
    desktop::{Desktop, Downloads, Question, Windows, failed},
    dialogs::{HostDialogs, NativeDialogs},
    ending::Ending,
    native_menu::Shown,
    place::{self, Place},
    splash,
    storage::{self, Storage},
    window_list,
};

/// Shows an application in windows with the system's web view, using Tauri.
///
/// # Panics
/// A process has only one event loop: [`Shell::run`] panics if it is called a second time, and on
/// some systems if it is not called on the main thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct TauriShell {
    /// Whether the program may run several times for one user. If not, a second launch is handed to
    /// the first.
    pub several_instances: bool,
}

impl Shell for TauriShell {
    fn run(self, start: ShellStart) -> Result<ShellExit> {
        // Before anything else, so that a second launch ends before it shows or starts anything.
        #[cfg(unix)]
        let mut instance = match self.claim(&start.program())? {
            Claim::First(instance) => Some(instance),
            Claim::Second => return Ok(ShellExit { code: 0 }),
            Claim::Unknown => None,
        };
        prepare_display()?;
        let (program, runtime) = (start.program(), start.runtime().clone());
        async_runtime::set(runtime.clone());
        let signals = runtime.block_on(async { Signals::listen() })?;
        let (launches, launched) = unbounded_channel();
        // The server starts in parallel with the window system. On Windows it waits for `build`, in
        // which a second launch ends.
        #[cfg(not(windows))]
        let starting = runtime.spawn(start.start());
        let app = build(&program, self, &launches).map_err(failed)?;
        #[cfg(windows)]
        let starting = runtime.spawn(start.start());

        // Dropped at the end of this call, so that no task addresses an event loop that no longer
        // exists.
        let mut tasks = JoinSet::new();
        let ending = Arc::new(Ending::new(app.handle().clone()));
        tasks.spawn_on(ending.clone().obey(signals), &runtime);
        #[cfg(unix)]
        if let Some(arriving) = instance.as_mut().and_then(Instance::launches) {
            tasks.spawn_on(listen(arriving, ending.clone(), launches), &runtime);
        }
        let show = show(app.handle().clone(), program, ending.clone(), starting, launched);
        tasks.spawn_on(show, &runtime);

        let events = ending.clone();
        let code = app.run_return(move |app, event| match event {
            RunEvent::ExitRequested { code, api, .. } => {
                place::keep(app);
                events.exit_requested(code, &api);
            }
            RunEvent::Exit => {
                place::keep(app);
                events.exiting();
                storage::end(app);
            }
            #[cfg(target_os = "macos")]
            RunEvent::Reopen { .. } => {
                window_list::front(app).iter().for_each(window_list::bring_up)
            }
            _ => {}
        });
        ending.outcome(code)
    }
}

impl TauriShell {
    #[cfg(unix)]
    fn claim(self, program: &Program) -> Result<Claim> {
        match self.several_instances {
            true => Ok(Claim::Unknown),
            false => Instance::claim(program),
        }
    }
}

/// Waits for the server, opens the window on it, and follows both until the server has stopped.
async fn show(
    app: AppHandle,
    program: Program,
    ending: Arc<Ending>,
    starting: JoinHandle<Result<ShellSession>>,
    mut launched: UnboundedReceiver<Launch>,
) {
    let started = splash::shown_while(&app, program.get_title(), starting).await;
    let session = match started.unwrap_or_else(|error| Err(Error::Shell(error.to_string()))) {
        Ok(session) => session,
        Err(error) => return ending.fail(error),
    };
    if !ending.started(session.stop.clone()) {
        return;
    }
    session.server.set_dialogs(Arc::new(NativeDialogs(app.clone())));
    let desktop = Arc::new(Desktop {
        #[cfg(target_os = "linux")]
        proxies: crate::proxy::Proxies::around(&session.origin).await,
        app,
        session,
        ending: ending.clone(),
        windows: Windows::default(),
        menu: Shown::default(),
        question: Question::default(),
        downloads: Downloads::default(),
    });
    let mut chosen = desktop.listen_to_menu();
    if let Err(error) = desktop.open_first() {
        return ending.fail(failed(error));
    }
    loop {
        tokio::select! {
            // One at a time, in the order in which they were chosen.
            Some((trigger, args)) = chosen.recv() => {
                desktop.session.server.start_trigger(&trigger, &args);
            }
            report = desktop.session.stop.stopped() => {
                return ending.end(report.map_or(0, |report| report.exit_code));
            }
            Some(launch) = launched.recv() => {
                window_list::front(&desktop.app).iter().for_each(window_list::bring_up);
                desktop.session.server.launched_again(&launch);
            }
        }
    }
}

/// Takes over later launches until the program begins to end. From then on they start a new
/// program.
#[cfg(unix)]
async fn listen(arriving: Launches, ending: Arc<Ending>, launches: UnboundedSender<Launch>) {
    let take = move |launch| !ending.has_begun() && launches.send(launch).is_ok();
    if let Err(error) = arriving.take_over(take).await {
        tracing::warn!("later launches cannot be taken over: {error}");
    }
}

/// Builds the application for Tauri.
fn build(
    program: &Program,
    shell: TauriShell,
    launches: &UnboundedSender<Launch>,
) -> tauri::Result<App> {
    let mut context = context();
    context.config_mut().identifier = program.get_identifier().into_owned();
    context.package_info_mut().name = program.get_title().to_owned();
    match program.get_icon_png() {
        Some(png) => context.set_default_window_icon(Some(Image::from_bytes(png)?.to_owned())),
        // On Windows, the icon comes from the program's file.
        None if cfg!(windows) => {}
        None => context.set_default_window_icon(None),
    }
    let builder = tauri::Builder::<Wry>::new();
    #[cfg(windows)]
    let builder = single_instance(builder, program.clone(), shell, launches.clone());
    #[cfg(not(windows))]
    let _ = (shell, launches);
    let app = builder
        .plugin(HostDialogs::plugin())
        .register_uri_scheme_protocol(splash::SCHEME, splash::page)
        .build(context)?;
    app.manage(SystemAccent::read());
    app.manage(Storage::of(program));
    app.manage(Place::of(program));
    Ok(app)
}

/// Returns the configuration that Tauri requires at compile time, the same for all programs.
fn context() -> Context<Wry> {
    tauri::generate_context!("context/tauri.conf.json")
}

/// Adds the plugin for a single instance. It is the first one, so that a second launch ends before
/// it shows anything.
#[cfg(windows)]
fn single_instance(
    builder: tauri::Builder<Wry>,
    program: Program,
    shell: TauriShell,
    launches: UnboundedSender<Launch>,
) -> tauri::Builder<Wry> {
    if shell.several_instances {
        return builder;
    }
    builder.plugin(tauri_plugin_single_instance::init(move |_, args, cwd| {
        // The command line was valid when the other process parsed it.
        let options = StartOptions::try_from_args_of(&program, &args);
        let files = options.map(|options| options.get_files().to_owned()).unwrap_or_default();
        // Nothing receives it once the program ends.
        let _ = launches.send(Launch::new(args, cwd, files));
    }))
}

/// Checks that there is a display, because Tauri panics without one.
fn prepare_display() -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let reason = "neither DISPLAY nor WAYLAND_DISPLAY leads to one";
        gtk::init().map_err(|_| Error::NoDisplay(reason.to_owned()))?;
        // Without this, GDK ends the process when another program destroys the window. With it,
        // this is one more way to close.
        gtk::gdk::error_trap_push();
    }
    Ok(())
}
