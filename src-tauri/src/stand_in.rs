//! What a window shows in place of a page that cannot be shown: the reason, and what the user can
//! do.
//!
//! It consists of the window system's widgets, so that it needs no web process.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
};

use gtk::{Align, Button, Label, Orientation, glib, prelude::*};
use tauri::{Url, WebviewWindow, http::StatusCode};
use webkit2gtk::WebView;

use crate::{desktop::Desktop, navigation};

/// Why a page cannot be shown.
pub(crate) enum Fault<'a> {
    /// The web process has died repeatedly, for this reason.
    Died(&'a str),
    /// The page did not arrive.
    Failed { url: &'a str, reason: &'a str },
    /// The server answered with an error.
    Status { url: &'a str, status: u32 },
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Died(reason) => {
                write!(
                    out,
                    "The process that shows the page has ended twice within a minute: {reason}."
                )
            }
            Fault::Failed { url, reason } => {
                write!(out, "{} cannot be loaded: {reason}.", bare(url))
            }
            Fault::Status { url, status } => {
                let code =
                    u16::try_from(*status).ok().and_then(|code| StatusCode::from_u16(code).ok());
                let reason = code.and_then(|code| code.canonical_reason()).unwrap_or("an error");
                let url = bare(url);
                write!(out, "{url} cannot be shown: the application answers {status} ({reason}).")
            }
        }
    }
}

/// Returns an address without the parts that may hold a secret.
fn bare(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "The page".to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The stand-in for a window's page.
pub(crate) struct StandIn {
    desktop: Arc<Desktop>,
    window: WebviewWindow,
    view: glib::WeakRef<WebView>,
    panel: RefCell<Option<gtk::Box>>,
    /// Whether there is a page that can be shown again.
    pub(crate) has_page: Cell<bool>,
}

impl StandIn {
    pub(crate) fn new(desktop: Arc<Desktop>, window: WebviewWindow, view: &WebView) -> Self {
        let (panel, has_page) = (RefCell::default(), Cell::new(false));
        StandIn { desktop, window, view: view.downgrade(), panel, has_page }
    }

    /// Shows why there is no page.
    pub(crate) fn show(self: &Rc<Self>, fault: &Fault<'_>) {
        tracing::error!("{fault}");
        self.leave();
        let Some(view) = self.view.upgrade() else { return };
        let Some(place) = view.parent().and_downcast::<gtk::Container>() else { return };
        let panel = gtk::Box::new(Orientation::Vertical, 24);
        panel.set_margin(24);
        panel.set_expand(true);
        panel.set_valign(Align::Center);
        let label =
            Label::new(Some(&format!("{fault}\n\nThe application itself is still running.")));
        label.set_line_wrap(true);
        label.set_selectable(true);
        label.set_can_focus(false);
        label.set_max_width_chars(64);
        label.set_justify(gtk::Justification::Center);
        let again = Button::with_label(match self.has_page.get() {
            true => "Back to the application",
            false => "Try again",
        });
        let stand_in = self.clone();
        again.connect_clicked(move |_| stand_in.go_on());
        let outside = Button::with_label("Open in browser");
        let stand_in = self.clone();
        outside.connect_clicked(move |_| stand_in.open_browser());
        let buttons = gtk::Box::new(Orientation::Horizontal, 12);
        buttons.set_halign(Align::Center);
        buttons.add(&again);
        buttons.add(&outside);
        panel.add(&label);
        panel.add(&buttons);
        view.hide();
        place.add(&panel);
        panel.show_all();
        again.grab_focus();
        *self.panel.borrow_mut() = Some(panel);
    }

    /// Removes the stand-in and shows the page.
    pub(crate) fn leave(&self) {
        let Some(panel) = self.panel.take() else { return };
        if let Some(place) = panel.parent().and_downcast::<gtk::Container>() {
            place.remove(&panel);
        }
        if let Some(view) = self.view.upgrade() {
            view.show();
            view.grab_focus();
        }
    }

    fn go_on(&self) {
        self.leave();
        if !self.has_page.get() {
            self.sign_in();
        }
    }

    /// Signs in, which loads the page again.
    pub(crate) fn sign_in(&self) {
        if let Err(error) = self.desktop.sign_in(&self.window) {
            tracing::error!("the page cannot be loaded again: {error}");
        }
    }

    fn open_browser(&self) {
        let link = self.desktop.session.stop.sign_in_url();
        match link.map(|link| Url::parse(&link)) {
            Ok(Ok(link)) => drop(navigation::open_outside(&link)),
            Ok(Err(error)) => tracing::error!("the link for the browser is not a URL: {error}"),
            Err(error) => tracing::error!("there is no link for the browser: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_shows_what_failed_and_why_but_no_secret() {
        let url = "http://127.0.0.1:8080/there?sign_in=secret#proof";
        let failed = Fault::Failed { url, reason: "Connection refused" }.to_string();
        assert_eq!(failed, "http://127.0.0.1:8080/there cannot be loaded: Connection refused.");
        let status = Fault::Status { url, status: 404 }.to_string();
        assert!(
            status.ends_with("/there cannot be shown: the application answers 404 (Not Found)."),
            "{status}"
        );
    }
}
