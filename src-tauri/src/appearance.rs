//! How a window looks and where it opens, according to the application's options.

use std::sync::Arc;

use selvedge::window::WindowOptions;
use tauri::{
    AppHandle, LogicalPosition, Theme, Url, WebviewWindow, WebviewWindowBuilder, Wry, image::Image,
    window::Color,
};

use crate::{desktop::Desktop, place, splash, storage, window_list};

/// Background of a window before its page is shown, on a dark desktop.
const DARK: Color = Color(30, 30, 30, 255);

const DRAG: &str = include_str!("drag.js");
/// The scheme of the address that a page opens to have its window dragged. It has no access to the
/// window.
const DRAG_SCHEME: &str = "selvedge-window";

/// Adds a style sheet by script, since the page's policy forbids style elements. Text in fields
/// stays selectable.
const NO_SELECTION: &str = "addEventListener('DOMContentLoaded', () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('html { -webkit-user-select: none; user-select: none }' +
        'input, textarea, [contenteditable] { -webkit-user-select: text; user-select: text }');
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
});";

/// Applies the options that must be set before a window is created.
pub(crate) fn prepare<'a, M: tauri::Manager<Wry>>(
    mut builder: WebviewWindowBuilder<'a, Wry, M>,
    app: &AppHandle,
    options: &'a WindowOptions,
    first: bool,
) -> tauri::Result<WebviewWindowBuilder<'a, Wry, M>> {
    builder = storage::place(builder, app)
        .inner_size(options.size.0, options.size.1)
        .resizable(options.resizable)
        .decorations(!options.frameless)
        .always_on_top(options.on_top)
        .focused(options.focus)
        .zoom_hotkeys_enabled(options.zoomable && cfg!(windows));
    if first {
        // A remembered place is applied later, and wins.
        let known = options.remember_place && place::is_known(app);
        builder = builder.fullscreen(options.fullscreen).maximized(options.maximized && !known);
        if let Some(place) = wanted_place(app, options)? {
            builder = builder.position(place.x, place.y);
        }
    }
    if let Some((width, height)) = options.min_size {
        builder = builder.min_inner_size(width, height);
    }
    if let Some((width, height)) = options.max_size {
        builder = builder.max_inner_size(width, height);
    }
    if let Some((red, green, blue)) = options.background_color {
        builder = builder.background_color(Color(red, green, blue, 255));
    }
    #[cfg(not(target_os = "macos"))]
    if options.transparent {
        builder = builder.transparent(true);
    }
    if options.frameless {
        builder = builder.initialization_script(
            DRAG.replace("EASY_DRAG", if options.easy_drag { "true" } else { "false" }),
        );
    }
    if !options.text_select {
        builder = builder.initialization_script(NO_SELECTION);
    }
    match &options.icon_png {
        Some(png) => builder.icon(Image::from_bytes(png)?),
        None => Ok(builder),
    }
}

/// Returns whether this address of a page asks for its window to be dragged.
pub(crate) fn is_drag(url: &Url) -> bool {
    url.scheme() == DRAG_SCHEME
}

impl Desktop {
    /// Applies the options that need an existing window. Its web view has painted nothing yet.
    pub(crate) fn adjust(self: &Arc<Self>, window: &WebviewWindow) -> tauri::Result<()> {
        let options = &self.session.window;
        let plain = options.background_color.is_none() && !options.transparent;
        if plain && window.theme()? == Theme::Dark {
            window.set_background_color(Some(DARK))?;
        }
        if options.zoom != 1.0 {
            self.set_zoom(window, options.zoom)?;
        }
        #[cfg(target_os = "linux")]
        if options.zoomable {
            zoom_by_keys(self.clone(), window)?;
        }
        Ok(())
    }

    /// Shows a window for the first time, according to its options.
    pub(crate) fn reveal(&self, window: &WebviewWindow, first: bool) {
        let options = &self.session.window;
        if first && options.minimized {
            // The window may be closing, which is no error.
            let _ = window.minimize();
            let _ = window.show();
        } else if !first || !options.hidden {
            match options.focus {
                true => window_list::bring_up(window),
                false => drop(window.show()),
            }
        }
        splash::end(&self.app);
    }
}

/// Returns the upper left corner that the options ask for.
fn wanted_place(
    app: &AppHandle,
    options: &WindowOptions,
) -> tauri::Result<Option<LogicalPosition<f64>>> {
    let given = options.position.map(|(x, y)| LogicalPosition { x, y });
    let Some(number) = options.screen else { return Ok(given) };
    let screens = app.available_monitors()?;
    let Some(screen) = screens.get(number) else {
        tracing::warn!("there is no screen {number}: this desktop has {}", screens.len());
        return Ok(given);
    };
    let corner = screen.position().to_logical::<f64>(screen.scale_factor());
    let inside = given.unwrap_or_else(|| {
        let room = screen.size().to_logical::<f64>(screen.scale_factor());
        let middle = |room: f64, length: f64| ((room - length) / 2.0).max(0.0);
        let (width, height) = options.size;
        LogicalPosition { x: middle(room.width, width), y: middle(room.height, height) }
    });
    Ok(Some(LogicalPosition { x: corner.x + inside.x, y: corner.y + inside.y }))
}

/// Handles the zoom keys, which WebKitGTK leaves to its host.
#[cfg(target_os = "linux")]
fn zoom_by_keys(desktop: Arc<Desktop>, window: &WebviewWindow) -> tauri::Result<()> {
    use gtk::{
        gdk::{ModifierType, keys::constants as key},
        glib::Propagation,
        prelude::WidgetExt,
    };
    let kept = window.clone();
    window.with_webview(move |view| {
        view.inner().connect_key_press_event(move |_, event| {
            let modifiers = ModifierType::CONTROL_MASK | ModifierType::MOD1_MASK;
            if event.state() & modifiers != ModifierType::CONTROL_MASK {
                return Propagation::Proceed;
            }
            let zoomed = match event.keyval() {
                key::plus | key::equal | key::KP_Add => desktop.zoom_in(&kept),
                key::minus | key::KP_Subtract => desktop.zoom_out(&kept),
                key::_0 | key::KP_0 => desktop.reset_zoom(&kept),
                _ => return Propagation::Proceed,
            };
            // The window may be closing.
            drop(zoomed);
            Propagation::Stop
        });
    })
}
