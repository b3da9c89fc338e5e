//! The place and size of the application's first window. They are kept in the application's
//! settings folder while the window is open, so that they survive a program that is killed.
//!
//! What must hold: a start that changes nothing leaves the file as it was. So only values are kept
//! that are the same again after they are set, and a window that is maximized, minimized or
//! fullscreen keeps the size and place that it had before.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use selvedge::run::Program;
use serde::{Deserialize, Serialize};
use tauri::{
    AppHandle, LogicalPosition, LogicalSize, Manager, Monitor, PhysicalPosition, PhysicalSize,
    WebviewWindow, WebviewWindowBuilder, WindowEvent, Wry, async_runtime,
};
use tokio::sync::Notify;

/// The label of the window whose place is remembered. The system places the others.
pub(crate) const REMEMBERED: &str = "main";

/// Width and height in physical pixels of the part of a window that must be on a monitor for the
/// user to grab it.
const GRIP: (i32, i32) = (120, 40);

/// Maximum width, height and distance from the desktop's corner of a window, in physical pixels.
const MAX_LENGTH: u32 = 100_000;

/// How long a window must stay unchanged before its place is kept: the window system reports a new
/// size before it reports that the window was maximized.
const SETTLED: Duration = Duration::from_millis(300);

/// A window as its user left it, in physical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptPlace {
    /// The upper left corner of the frame; `None` on Wayland, which does not report it.
    position: Option<(i32, i32)>,
    /// The size inside the frame.
    size: (u32, u32),
    maximized: bool,
}

/// The place of the first window, managed by Tauri.
pub(crate) struct Place {
    file: Option<PathBuf>,
    kept: Mutex<Option<KeptPlace>>,
    changed: Notify,
}

impl Place {
    /// Reads the place that the last run has kept.
    pub(crate) fn of(program: &Program) -> Arc<Self> {
        let folder = program.folders().and_then(|folders| folders.config());
        let folder = folder.inspect_err(|error| {
            tracing::warn!("cannot save the position of the window: {error}");
        });
        let file = folder.ok().map(|folder| folder.join("window.json"));
        let kept = file.as_deref().and_then(read);
        Arc::new(Place { file, kept: Mutex::new(kept), changed: Notify::new() })
    }

    /// Keeps the place of a window. Must run on the thread of the event loop.
    fn keep(&self, window: &WebviewWindow) {
        // The window may be closing, which is no error.
        let Ok(Some(now)) = seen(window, *self.kept.lock()) else { return };
        if self.kept.lock().replace(now) == Some(now) {
            return;
        }
        if let Some(file) = &self.file
            && let Err(error) = write(file, &now)
        {
            tracing::warn!("cannot save the position of the window in {}: {error}", file.display());
        }
    }
}

/// Returns whether the first window has a place from an earlier run, which includes whether it is
/// maximized.
pub(crate) fn is_known(app: &AppHandle) -> bool {
    app.state::<Arc<Place>>().kept.lock().is_some()
}

/// Makes a window open in the place from an earlier run, or at most as large as its monitor.
pub(crate) fn prepare<'a, M: Manager<Wry>>(
    builder: WebviewWindowBuilder<'a, Wry, M>,
    app: &AppHandle,
    size: (f64, f64),
) -> tauri::Result<WebviewWindowBuilder<'a, Wry, M>> {
    let kept = *app.state::<Arc<Place>>().kept.lock();
    match kept {
        Some(kept) => restored(builder, app, kept),
        None => shrunk(builder, app, size.into()),
    }
}

/// Keeps the changes that the user makes to the place of a window.
pub(crate) fn follow(window: &WebviewWindow) {
    let place = window.state::<Arc<Place>>().inner().clone();
    let (changing, leaving) = (place.clone(), window.clone());
    window.on_window_event(move |event| match event {
        WindowEvent::Moved(_) | WindowEvent::Resized(_) => changing.changed.notify_one(),
        WindowEvent::CloseRequested { .. } => changing.keep(&leaving),
        _ => {}
    });
    let window = window.clone();
    async_runtime::spawn(async move {
        loop {
            place.changed.notified().await;
            tokio::time::sleep(SETTLED).await;
            let (place, settled) = (place.clone(), window.clone());
            if window.run_on_main_thread(move || place.keep(&settled)).is_err() {
                return; // the event loop has ended
            }
        }
    });
}

/// Keeps the place of the first window when the program ends. Must run on the thread of the event
/// loop.
pub(crate) fn keep(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(REMEMBERED) {
        app.state::<Arc<Place>>().keep(&window);
    }
}

/// Restores the place of a window. It is moved and made smaller if its monitor is gone or has
/// become smaller.
fn restored<'a, M: Manager<Wry>>(
    builder: WebviewWindowBuilder<'a, Wry, M>,
    app: &AppHandle,
    kept: KeptPlace,
) -> tauri::Result<WebviewWindowBuilder<'a, Wry, M>> {
    let size = PhysicalSize::from(kept.size);
    let monitors = app.available_monitors()?;
    let place = kept.position.map(PhysicalPosition::from);
    let is_near = |monitor: &&Monitor| {
        let area = monitor.work_area();
        place.is_some_and(|place| within_reach(place, size, area.position, area.size))
    };
    let near = monitors.iter().find(is_near);
    let monitor = near.or(monitors.first());
    let room = monitor.map_or(size, |monitor| monitor.work_area().size);
    let size = PhysicalSize::new(size.width.min(room.width), size.height.min(room.height));
    let scale = monitor.map_or(1.0, Monitor::scale_factor);
    let logical: LogicalSize<f64> = size.to_logical(scale);
    let builder = builder.inner_size(logical.width, logical.height).maximized(kept.maximized);
    Ok(match (place, near) {
        (Some(place), Some(_)) => {
            let place: LogicalPosition<f64> = place.to_logical(scale);
            builder.position(place.x, place.y)
        }
        (Some(_), None) => builder.center(),
        (None, _) => builder,
    })
}

/// Shrinks a window that is larger than its monitor.
fn shrunk<'a, M: Manager<Wry>>(
    builder: WebviewWindowBuilder<'a, Wry, M>,
    app: &AppHandle,
    size: LogicalSize<f64>,
) -> tauri::Result<WebviewWindowBuilder<'a, Wry, M>> {
    let Some(monitor) = app.primary_monitor()? else { return Ok(builder) };
    let room: LogicalSize<f64> = monitor.work_area().size.to_logical(monitor.scale_factor());
    Ok(builder.inner_size(size.width.min(room.width), size.height.min(room.height)))
}

/// Returns the place of a window to keep: the earlier one, if there is one, while the window is
/// maximized. `None` while it is minimized, hidden or fullscreen.
fn seen(window: &WebviewWindow, before: Option<KeptPlace>) -> tauri::Result<Option<KeptPlace>> {
    if window.is_minimized()? || is_over_the_screen(window)? || !window.is_visible()? {
        return Ok(None);
    }
    let maximized = window.is_maximized()?;
    Ok(match (maximized, before) {
        (true, Some(before)) => Some(KeptPlace { maximized, ..before }),
        _ => Some(KeptPlace { position: position(window)?, size: size(window)?, maximized }),
    })
}

/// Returns the size that must be set to get the same size again.
#[cfg(target_os = "linux")]
fn size(window: &WebviewWindow) -> tauri::Result<(u32, u32)> {
    use gtk::prelude::{GtkWindowExt, WidgetExt};
    // Under Wayland, Tauri's size includes the frame that GTK draws.
    let window = window.gtk_window()?;
    let (scale, (width, height)) = (window.scale_factor(), window.size());
    let physical = |length: i32| u32::try_from(length * scale).unwrap_or_default();
    Ok((physical(width), physical(height)))
}

#[cfg(not(target_os = "linux"))]
fn size(window: &WebviewWindow) -> tauri::Result<(u32, u32)> {
    Ok(window.inner_size()?.into())
}

/// Returns whether the program or the window manager has made the window fullscreen.
fn is_over_the_screen(window: &WebviewWindow) -> tauri::Result<bool> {
    #[cfg(target_os = "linux")]
    if let Some(window) = gtk::prelude::WidgetExt::window(&window.gtk_window()?)
        && window.state().contains(gtk::gdk::WindowState::FULLSCREEN)
    {
        return Ok(true);
    }
    window.is_fullscreen()
}

fn position(window: &WebviewWindow) -> tauri::Result<Option<(i32, i32)>> {
    #[cfg(target_os = "linux")]
    if let Some(display) = gtk::gdk::Display::default()
        && gtk::prelude::DisplayExtManual::backend(&display).is_wayland()
    {
        return Ok(None);
    }
    Ok(Some(window.outer_position()?.into()))
}

/// Returns whether the upper edge of a window, where its user grabs it, is on a monitor.
fn within_reach(
    place: PhysicalPosition<i32>,
    size: PhysicalSize<u32>,
    origin: PhysicalPosition<i32>,
    area: PhysicalSize<u32>,
) -> bool {
    let right = origin.x + area.width as i32;
    let bottom = origin.y + area.height as i32;
    let visible = (place.x + size.width as i32).min(right) - place.x.max(origin.x);
    visible >= GRIP.0 && place.y >= origin.y - GRIP.1 && place.y <= bottom - GRIP.1
}

/// Reads a file. An invalid file is ignored like a missing one: the window opens as the
/// application's options say.
fn read(file: &Path) -> Option<KeptPlace> {
    let kept: KeptPlace = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let is_length = |length| (1..=MAX_LENGTH).contains(&length);
    let is_place = |(x, y): (i32, i32)| x.unsigned_abs().max(y.unsigned_abs()) <= MAX_LENGTH;
    let can_be = is_length(kept.size.0) && is_length(kept.size.1);
    (can_be && kept.position.is_none_or(is_place)).then_some(kept)
}

fn write(file: &Path, kept: &KeptPlace) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".window-").tempfile_in(folder)?;
    new.write_all(&serde_json::to_vec(kept)?)?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_within_reach_when_its_upper_edge_is() {
        let check = |x, y| {
            let monitor = (PhysicalPosition::new(1920, 0), PhysicalSize::new(1280, 1024));
            within_reach(
                PhysicalPosition::new(x, y),
                PhysicalSize::new(800, 600),
                monitor.0,
                monitor.1,
            )
        };
        assert!(check(1920, 0) && check(3000, 900) && check(1300, 100) && check(2000, -30));
        assert!(!check(0, 0) && !check(3190, 0) && !check(2000, 1020) && !check(2000, -600));
    }

    #[test]
    fn a_damaged_file_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window.json");
        assert_eq!(read(&file), None);
        let kept = KeptPlace { position: Some((-8, 40)), size: (640, 480), maximized: true };
        write(&file, &kept).unwrap();
        assert_eq!(read(&file), Some(kept));
        write(&file, &KeptPlace { position: None, ..kept }).unwrap();
        assert_eq!(read(&file), Some(KeptPlace { position: None, ..kept }));
        for rubbish in [
            "",
            "{}",
            "[1, 2]",
            r#"{"size": [0, 5], "maximized": false}"#,
            r#"{"position": [2147483647, 0], "size": [9, 5], "maximized": false}"#,
        ] {
            fs::write(&file, rubbish).unwrap();
            assert_eq!(read(&file), None, "{rubbish}");
        }
    }
}
