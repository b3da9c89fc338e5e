//! Where the application's first window was, and how large: kept in the application's own folder by Tauri's plugin.

use tauri::{PhysicalPosition, PhysicalSize, WebviewWindow, Wry, plugin::TauriPlugin};
use tauri_plugin_window_state::{Builder, StateFlags};

/// The label of the window that comes back where it was. Others open where the system puts them.
pub(crate) const REMEMBERED: &str = "main";

/// As much of a window has to be on a monitor, in physical pixels, for its user to get hold of it.
const GRIP: (i32, i32) = (120, 40);

pub(crate) fn plugin() -> TauriPlugin<Wry> {
    Builder::new()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .with_filename("window.json")
        .with_filter(|label| label == REMEMBERED)
        .build()
}

/// Brings a window back whose monitor is gone or has become smaller.
pub(crate) fn keep_within_reach(window: &WebviewWindow) -> tauri::Result<()> {
    let (place, size) = (window.outer_position()?, window.inner_size()?);
    let monitors: Vec<_> =
        window.available_monitors()?.into_iter().map(|m| *m.work_area()).collect();
    let Some(area) =
        monitors.iter().find(|area| within_reach(place, size, area.position, area.size))
    else {
        return window.center();
    };
    let fitting =
        PhysicalSize::new(size.width.min(area.size.width), size.height.min(area.size.height));
    match fitting == size {
        true => Ok(()),
        false => window.set_size(fitting),
    }
}

/// Whether the upper edge of a window, where its user takes it, is on a monitor.
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
}
