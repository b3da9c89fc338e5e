//! The look of the built-in page: its accent colour, corners, font and density.
//!
//! What must hold: text in the accent colour, and text on it, has a contrast of at least 4.5 in light
//! and in dark pages, whatever colour the application has chosen.

use std::collections::BTreeMap;

use selvedge_wslink::words::key;
use serde::Serialize;

use crate::{Error, Result, app::Server};

/// The contrast that WCAG 2 asks of text (level AA).
const CONTRAST: f64 = 4.5;

/// The grounds that are hardest to read the accent colour on: `--sv-stage` of light pages, and
/// `--sv-raised` of both, in `ui/src/style/tokens.css`.
const LIGHT: [Colour; 2] = [Colour([0xdf, 0xe4, 0xe6]), Colour([0xff, 0xff, 0xff])];
const DARK: [Colour; 2] = [Colour([0x0b, 0x0e, 0x10]), Colour([0x1c, 0x23, 0x26])];

const WHITE: Colour = Colour([0xff; 3]);
const BLACK: Colour = Colour([0; 3]);

/// How much room controls and text take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Density {
    /// Room for a finger.
    #[default]
    Comfortable,
    /// More on one screen.
    Compact,
}

/// The look of the built-in page, see [`Server::theme`].
///
/// ```
/// use selvedge::{Server, pages::{Density, Theme}};
///
/// let server = Server::new("pump");
/// server.theme(&Theme::new().accent("#a03060")?.corner_radius(8.0).density(Density::Compact));
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Theme {
    density: Density,
    variables: BTreeMap<String, String>,
}

impl Theme {
    /// Returns the look of the page as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the colour of links, primary buttons, sliders and the like, as `#rrggbb`. It is darkened
    /// or lightened as far as its text needs to be read on the ground of a light or a dark page.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the colour is written in another way.
    pub fn accent(mut self, colour: &str) -> Result<Self> {
        let colour = Colour::parse(colour).ok_or_else(|| Error::InvalidOption {
            option: "the accent colour",
            value: colour.to_owned(),
            hint: "Write it as `#rrggbb`, such as `#0b6e82`",
        })?;
        let (light, dark) = (colour.readable_on(&LIGHT, BLACK), colour.readable_on(&DARK, WHITE));
        self.pair("--sv-accent", light, dark);
        self.pair("--sv-accent-strong", light.mixed(BLACK, 0.25), dark.mixed(WHITE, 0.25));
        self.pair("--sv-on-accent", light.text_on(), dark.text_on());
        Ok(self)
    }

    /// Takes the accent colour of the system, where it has one: in a window of the program that of
    /// the desktop when it started, in a browser that of the browser. It is darkened or lightened
    /// like any other.
    pub fn system_accent(self) -> Self {
        let system = "var(--sv-system-accent, AccentColor)";
        let light = |most: f64| format!("oklch(from {system} min(l, {most}) c h)");
        let dark = |least: f64| format!("oklch(from {system} max(l, {least}) c h)");
        self.variable("accent-light", light(0.48))
            .variable("accent-dark", dark(0.76))
            .variable("accent-strong-light", light(0.4))
            .variable("accent-strong-dark", dark(0.84))
            .variable("on-accent-light", WHITE.written())
            .variable("on-accent-dark", BLACK.written())
    }

    /// Sets the radius of corners in CSS pixels. Default: 4.
    pub fn corner_radius(self, pixels: f64) -> Self {
        self.variable("radius", format!("{pixels}px"))
    }

    /// Sets the fonts, as in CSS: `Inter, sans-serif`. Fonts that are not of the system need a style
    /// sheet of a [`Module`](crate::Module).
    pub fn font(self, families: impl Into<String>) -> Self {
        self.variable("font", families)
    }

    /// Sets how much room controls and text take.
    pub fn density(mut self, density: Density) -> Self {
        self.density = density;
        self
    }

    /// Sets another variable of the page, such as `stage` for `--sv-stage`, to a value of CSS.
    /// `docs/pages.md` lists them.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(format!("--sv-{name}"), value.into());
        self
    }

    fn pair(&mut self, name: &str, light: Colour, dark: Colour) {
        self.variables.insert(format!("{name}-light"), light.written());
        self.variables.insert(format!("{name}-dark"), dark.written());
    }
}

impl Server {
    /// Sets the look of the built-in page. Open pages follow at once.
    pub fn theme(&self, theme: &Theme) -> &Self {
        self.root_server().state().set(key::THEME, theme);
        self
    }
}

/// A colour: red, green and blue in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let all_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        all_hex.then_some(Colour([part(0)?, part(2)?, part(4)?]))
    }

    fn written(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// The relative luminance, as WCAG 2 defines it.
    fn luminance(self) -> f64 {
        let linear = |part: u8| match f64::from(part) / 255.0 {
            low if low <= 0.04045 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn mixed(self, other: Self, part: f64) -> Self {
        let mix = |at: usize| {
            let (own, other) = (f64::from(self.0[at]), f64::from(other.0[at]));
            (own + (other - own) * part).round() as u8
        };
        Colour([mix(0), mix(1), mix(2)])
    }

    /// Returns the colour, mixed with another one as far as it needs to be readable on these grounds.
    fn readable_on(self, grounds: &[Self], with: Self) -> Self {
        let mixtures = (0..=50).map(|step| self.mixed(with, f64::from(step) / 50.0));
        let is_readable =
            |colour: &Self| grounds.iter().all(|ground| colour.contrast(*ground) >= CONTRAST);
        mixtures.into_iter().find(is_readable).unwrap_or(with)
    }

    /// Returns the colour of text on this one.
    fn text_on(self) -> Self {
        match self.contrast(WHITE) >= CONTRAST {
            true => WHITE,
            false => self.mixed(BLACK, 0.85),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accent_can_be_read_in_light_and_dark() {
        for colour in
            ["#000000", "#ffffff", "#ffff00", "#0000ff", "#ff0000", "#808080", "#0b6e82", "#a03060"]
        {
            let chosen = Colour::parse(colour).unwrap();
            for (grounds, with) in [(LIGHT, BLACK), (DARK, WHITE)] {
                let accent = chosen.readable_on(&grounds, with);
                for ground in grounds {
                    assert!(
                        accent.contrast(ground) >= CONTRAST,
                        "{colour} on {}",
                        ground.written()
                    );
                }
                let text = accent.text_on();
                assert!(
                    accent.contrast(text) >= CONTRAST,
                    "text on {colour}: {}",
                    accent.written()
                );
            }
        }
        let unchanged = Colour::parse("#0b6e82").unwrap().readable_on(&LIGHT, BLACK);
        assert_eq!(unchanged.written(), "#0b6e82");
    }

    #[test]
    fn a_colour_is_written_in_one_way() {
        for wrong in ["red", "#fff", "#12345g", "123456", "#1234567", "#+12345"] {
            let error = Theme::new().accent(wrong).unwrap_err().to_string();
            assert!(error.contains("#rrggbb"), "{error}");
        }
    }
}
