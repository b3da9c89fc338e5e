//! How the window around an application looks and behaves.

use std::borrow::Cow;

/// Size, icon and manners of the application's window.
///
/// ```
/// use selvedge::WindowOptions;
/// let window = WindowOptions::new().size(1100.0, 760.0).min_size(640.0, 480.0);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WindowOptions {
    /// Width and height in logical pixels. Default 1024 × 768.
    pub size: (f64, f64),
    /// The smallest size the user can give it, in logical pixels.
    pub min_size: Option<(f64, f64)>,
    /// A PNG image for the window and the task bar. Without one the host's own icon is used.
    pub icon_png: Option<Cow<'static, [u8]>>,
    /// Whether the window comes back where and as large as it was when the program ended. Default yes.
    pub remember_place: bool,
}

impl Default for WindowOptions {
    fn default() -> Self {
        WindowOptions {
            size: (1024.0, 768.0),
            min_size: None,
            icon_png: None,
            remember_place: true,
        }
    }
}

impl WindowOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Width and height in logical pixels.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        self.size = (width, height);
        self
    }

    /// The smallest size the user can give the window, in logical pixels.
    pub fn min_size(mut self, width: f64, height: f64) -> Self {
        self.min_size = Some((width, height));
        self
    }

    /// A PNG image for the window and the task bar.
    pub fn icon_png(mut self, png: impl Into<Cow<'static, [u8]>>) -> Self {
        self.icon_png = Some(png.into());
        self
    }

    /// Whether the window comes back where and as large as it was when the program ended.
    pub fn remember_place(mut self, remember: bool) -> Self {
        self.remember_place = remember;
        self
    }
}
