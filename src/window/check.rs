//! Checks of window options. Invalid values are found before a window system sees them, which would
//! panic or ignore them.

use super::WindowOptions;
use crate::{Error, Result};

/// Maximum length and position in logical pixels. X11 counts pixels in 16 bits.
const MAX_LENGTH: f64 = 30_000.0;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(crate) fn size(option: &'static str, (width, height): (f64, f64)) -> Result<()> {
    // Also false for NaN.
    let fits = |length: f64| (1.0..=MAX_LENGTH).contains(&length);
    match fits(width) && fits(height) {
        true => Ok(()),
        false => Err(invalid(
            option,
            format!("{width} × {height}"),
            "Give width and height in logical pixels, from 1 to 30000",
        )),
    }
}

pub(super) fn limits(least: Option<(f64, f64)>, (width, height): (f64, f64)) -> Result<()> {
    match least {
        Some(least) if least.0 > width || least.1 > height => Err(invalid(
            "the window's largest size",
            format!("{width} × {height}"),
            "It must not be smaller than the smallest size",
        )),
        _ => Ok(()),
    }
}

pub(crate) fn position((x, y): (f64, f64)) -> Result<()> {
    let fits = |place: f64| (-MAX_LENGTH..=MAX_LENGTH).contains(&place);
    match fits(x) && fits(y) {
        true => Ok(()),
        false => Err(invalid(
            "the window's position",
            format!("{x}, {y}"),
            "Give logical pixels from the left and from the top, from -30000 to 30000",
        )),
    }
}

pub(crate) fn zoom(zoom: f64) -> Result<()> {
    match WindowOptions::ZOOM_RANGE.contains(&zoom) {
        true => Ok(()),
        false => Err(invalid(
            "the window's zoom",
            zoom.to_string(),
            "Give a factor from 0.1 to 10; 1 is the natural size",
        )),
    }
}

pub(crate) fn part(part: f64) -> Result<()> {
    match (0.0..=1.0).contains(&part) {
        true => Ok(()),
        false => Err(invalid(
            "the window's progress",
            part.to_string(),
            "Give the completed part, from 0 to 1",
        )),
    }
}

pub(super) fn png(image: &[u8]) -> Result<()> {
    match image.starts_with(PNG) {
        true => Ok(()),
        false => Err(invalid(
            "the window's icon",
            format!("{} bytes", image.len()),
            "Give the content of a PNG file",
        )),
    }
}

pub(crate) fn label(label: &str) -> Result<()> {
    match label.trim().is_empty() || label.contains('\0') {
        false => Ok(()),
        true => {
            Err(invalid("the label of a menu item", label.to_owned(), "Give a text for its user"))
        }
    }
}

/// Names of accelerator keys, except single characters and `F1` to `F24`.
const NAMED_KEYS: [&str; 16] = [
    "enter",
    "space",
    "tab",
    "escape",
    "esc",
    "backspace",
    "delete",
    "insert",
    "home",
    "end",
    "pageup",
    "pagedown",
    "left",
    "right",
    "up",
    "down",
];

const MODIFIERS: [&str; 7] = ["cmdorctrl", "ctrl", "alt", "option", "shift", "super", "cmd"];

/// Checked here, because hosts silently ignore unknown keys.
pub(super) fn accelerator(keys: &str) -> Result<()> {
    let mut parts = keys.rsplit('+').map(|part| part.trim().to_ascii_lowercase());
    let is_key = |key: String| match key.as_bytes() {
        [sign] => sign.is_ascii_alphanumeric() || b"`\\[],=-.';/".contains(sign),
        [b'f', number @ ..] if number.first() != Some(&b'0') => {
            key[1..].parse().is_ok_and(|number: u8| (1..=24).contains(&number))
        }
        _ => NAMED_KEYS.contains(&key.as_str()),
    };
    let known = parts.next().is_some_and(is_key)
        && parts.all(|modifier| MODIFIERS.contains(&modifier.as_str()));
    match known {
        true => Ok(()),
        false => Err(invalid(
            "the accelerator of a menu item",
            keys.to_owned(),
            "Join modifiers and one key by `+`: `CmdOrCtrl+Shift+S`, `F11`",
        )),
    }
}

fn invalid(option: &'static str, value: String, hint: &'static str) -> Error {
    Error::InvalidOption { option, value, hint }
}

#[cfg(test)]
mod tests {
    use crate::window::check::accelerator;

    fn check(keys: &str, expected: bool) {
        assert_eq!(accelerator(keys).is_ok(), expected, "{keys}");
    }

    #[test]
    fn accelerators_are_modifiers_and_one_key() {
        for keys in ["CmdOrCtrl+S", "F1", "f24", "Ctrl + Shift + Delete", "alt+-", "CmdOrCtrl+="] {
            check(keys, true);
        }
        for keys in
            ["", "Ctrl", "Ctrl+", "S+Ctrl", "Strg+S", "F0", "F01", "F25", "Ctrl+é", "Ctrl+A+B"]
        {
            check(keys, false);
        }
    }
}
