//! The accent colour of the system, which a page with `Theme::system_accent` takes. Web views tell pages a colour of
//! their own instead, so it is handed to them as a variable.

/// The colour when the program started, as `#rrggbb`; `None` if the system has none.
pub(crate) struct SystemAccent(Option<String>);

impl SystemAccent {
    /// Asks the system. On Linux only on the main thread, after GTK has been initialized.
    pub(crate) fn read() -> Self {
        let colour = system_colour();
        Self(colour.map(|[red, green, blue]| format!("#{red:02x}{green:02x}{blue:02x}")))
    }

    /// Returns a script that a page runs before its own.
    pub(crate) fn script(&self) -> Option<String> {
        let colour = self.0.as_ref()?;
        Some(format!(
            "addEventListener('DOMContentLoaded', () => \
                 document.documentElement.style.setProperty('--sv-system-accent', '{colour}'));"
        ))
    }
}

/// Returns the colour of selected text in GTK's theme, which desktops set to their accent.
#[cfg(target_os = "linux")]
fn system_colour() -> Option<[u8; 3]> {
    use gtk::prelude::*;

    let context = gtk::StyleContext::new();
    context.set_screen(&gtk::gdk::Screen::default()?);
    let named = ["accent_bg_color", "theme_selected_bg_color"];
    let colour = named.iter().find_map(|name| context.lookup_color(name))?;
    let byte = |part: f64| (part.clamp(0.0, 1.0) * 255.0).round() as u8;
    Some([byte(colour.red()), byte(colour.green()), byte(colour.blue())])
}

#[cfg(windows)]
fn system_colour() -> Option<[u8; 3]> {
    let settings = windows_registry::CURRENT_USER.open(r"Software\Microsoft\Windows\DWM").ok()?;
    // The lowest byte is red.
    let [red, green, blue, _] = settings.get_u32("AccentColor").ok()?.to_le_bytes();
    Some([red, green, blue])
}

/// The web view of macOS tells pages the colour itself.
#[cfg(target_os = "macos")]
fn system_colour() -> Option<[u8; 3]> {
    None
}
