//! The command line, with a flag for each option of the window.

use std::time::Duration;

use selvedge::{
    clap::{self, Args, Parser},
    run::Cli,
    window::WindowOptions,
};

/// Notes in a window
#[derive(Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) server: Cli,
    #[command(flatten)]
    pub(crate) window: Window,
}

#[derive(Args)]
pub(crate) struct Window {
    /// Width and height in logical pixels
    #[arg(long, value_name = "WxH", value_parser = pair, default_value = "700x500")]
    size: (f64, f64),
    #[arg(long, value_name = "WxH", value_parser = pair)]
    min_size: Option<(f64, f64)>,
    #[arg(long, value_name = "WxH", value_parser = pair)]
    max_size: Option<(f64, f64)>,
    /// Where the window opens, from the upper left of the screen
    #[arg(long, value_name = "XxY", value_parser = pair)]
    position: Option<(f64, f64)>,
    /// The number of the monitor that it opens on
    #[arg(long)]
    screen: Option<usize>,
    #[arg(long)]
    fixed_size: bool,
    #[arg(long)]
    fullscreen: bool,
    #[arg(long)]
    maximized: bool,
    #[arg(long)]
    minimized: bool,
    /// Stay invisible until the program is launched again
    #[arg(long)]
    hidden: bool,
    /// Do not take the keyboard focus
    #[arg(long)]
    no_focus: bool,
    #[arg(long)]
    on_top: bool,
    /// No title bar and border
    #[arg(long)]
    frameless: bool,
    /// Move a frameless window by dragging the page
    #[arg(long)]
    drag: bool,
    #[arg(long)]
    transparent: bool,
    /// What the window shows where the page paints nothing
    #[arg(long, value_name = "RED,GREEN,BLUE", value_parser = color)]
    background: Option<(u8, u8, u8)>,
    /// The text of the page cannot be selected
    #[arg(long)]
    no_text_select: bool,
    #[arg(long, default_value_t = 1.0)]
    zoom: f64,
    /// Ctrl with +, - and 0 changes the zoom
    #[arg(long)]
    zoomable: bool,
    /// A title instead of the page's
    #[arg(long)]
    window_title: Option<String>,
    /// Open where the options say, not where the window was
    #[arg(long)]
    forget: bool,
    /// Take this long to decide on closing, as a program does that saves first
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    slow_to_close: u64,
    /// Close without asking about unsaved notes
    #[arg(long)]
    pub(crate) unasked: bool,
}

impl Window {
    pub(crate) fn time_to_close(&self) -> Duration {
        Duration::from_secs(self.slow_to_close)
    }

    pub(crate) fn options(&self) -> WindowOptions {
        let mut options = WindowOptions::new()
            .size(self.size.0, self.size.1)
            .resizable(!self.fixed_size)
            .fullscreen(self.fullscreen)
            .maximized(self.maximized)
            .minimized(self.minimized)
            .hidden(self.hidden)
            .focus(!self.no_focus)
            .on_top(self.on_top)
            .frameless(self.frameless)
            .easy_drag(self.drag)
            .transparent(self.transparent)
            .text_select(!self.no_text_select)
            .zoom(self.zoom)
            .zoomable(self.zoomable)
            .remember_place(!self.forget);
        options.min_size = self.min_size;
        options.max_size = self.max_size;
        options.position = self.position;
        options.screen = self.screen;
        options.background_color = self.background;
        options.title = self.window_title.clone();
        options
    }
}

/// Parses two numbers separated by `x`.
fn pair(text: &str) -> Result<(f64, f64), String> {
    let (first, second) = text.split_once('x').ok_or("give two numbers: 800x600")?;
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    Ok((number(first)?, number(second)?))
}

fn color(text: &str) -> Result<(u8, u8, u8), String> {
    let parts: Result<Vec<u8>, _> = text.split(',').map(str::parse).collect();
    match parts.as_deref() {
        Ok(&[red, green, blue]) => Ok((red, green, blue)),
        _ => Err("give three numbers from 0 to 255: 40,80,120".into()),
    }
}
