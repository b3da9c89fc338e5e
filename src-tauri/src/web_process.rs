//! Follows a window's page: whether it arrives, and whether its processes live. Tauri does not
//! report this on Linux, so WebKitGTK is asked.
//!
//! The state is on the server, so none of it is lost. What a page needs to sign in may be.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use gtk::{gio::Cancellable, prelude::*};
use tauri::WebviewWindow;
use webkit2gtk::{
    CookieManagerExt, LoadEvent, NetworkError, PolicyDecisionExt, ResponsePolicyDecision,
    ResponsePolicyDecisionExt, URIRequestExt, URIResponseExt, WebContextExt,
    WebProcessTerminationReason, WebView, WebViewExt,
};

use crate::{
    desktop::Desktop,
    navigation,
    stand_in::{Fault, StandIn},
};

/// A loss that recurs within this time was not fixed by signing in.
const BETWEEN_LOSSES: Duration = Duration::from_secs(60);

/// Follows the page of a window. Must be called before the page is loaded.
pub(crate) fn watch(desktop: &Arc<Desktop>, window: &WebviewWindow, view: &WebView) {
    let stand_in = Rc::new(StandIn::new(desktop.clone(), window.clone(), view));
    notice_answers(view, stand_in.clone());
    notice_failures(view, stand_in.clone());
    sign_in_without_cookie(view, desktop.session.origin.clone(), stand_in.clone());
    sign_in_after_death(view, stand_in);
}

/// Checks the answer to each load of the window: an error status shows the stand-in, and a file
/// that the web view cannot show is saved.
fn notice_answers(view: &WebView, stand_in: Rc<StandIn>) {
    view.connect_decide_policy(move |_, decision, _| {
        let answer = decision.downcast_ref::<ResponsePolicyDecision>();
        let Some(answer) = answer.filter(|answer| answer.is_main_frame_main_resource()) else {
            return false;
        };
        let url = answer.request().and_then(|request| request.uri()).unwrap_or_default();
        let status = answer.response().map_or(0, |response| response.status_code());
        if status >= 400 {
            decision.ignore();
            stand_in.show(&Fault::Status { url: &url, status });
        } else if !answer.is_mime_type_supported() {
            decision.download();
        } else {
            return false;
        }
        true
    });
}

fn notice_failures(view: &WebView, stand_in: Rc<StandIn>) {
    view.connect_load_failed(move |_, _, url, error| {
        if !error.matches(NetworkError::Cancelled) && !navigation::interrupted(error) {
            let reason = error.message().trim_end_matches('.');
            stand_in.show(&Fault::Failed { url, reason });
        }
        true
    });
}

/// Signs in again when the web process has died, or shows the stand-in if that did not help before.
fn sign_in_after_death(view: &WebView, stand_in: Rc<StandIn>) {
    let losses = Losses::default();
    view.connect_web_process_terminated(move |_, reason| {
        tracing::error!("the web process died: {reason:?}");
        stand_in.has_page.set(false);
        match losses.again() {
            true => stand_in.show(&Fault::Died(match reason {
                WebProcessTerminationReason::ExceededMemoryLimit => "it needed too much memory",
                WebProcessTerminationReason::Crashed => "it crashed",
                _ => "it was ended",
            })),
            false => stand_in.sign_in(),
        }
    });
}

/// Signs in again when the network process has died. That is not reported, but the cookie is lost
/// with it, which shows when the page is loaded again.
fn sign_in_without_cookie(view: &WebView, origin: String, stand_in: Rc<StandIn>) {
    let losses = Rc::new(Losses::default());
    view.connect_load_changed(move |view, event| {
        if event == LoadEvent::Committed {
            stand_in.has_page.set(true);
            stand_in.leave();
        }
        // A page that did not arrive has set no cookie either.
        let arrived = event == LoadEvent::Finished && stand_in.has_page.get();
        let cookies = view.context().and_then(|context| context.cookie_manager());
        if let Some(cookies) = cookies.filter(|_| arrived) {
            let (stand_in, losses) = (stand_in.clone(), losses.clone());
            cookies.cookies(&origin, None::<&Cancellable>, move |found| {
                if found.is_ok_and(|found| found.is_empty()) && !losses.again() {
                    tracing::warn!("the window has lost its cookie, and signs in again");
                    stand_in.sign_in();
                }
            });
        }
    });
}

/// The time of the last loss.
#[derive(Default)]
struct Losses(Cell<Option<Instant>>);

impl Losses {
    /// Records a loss. Returns whether the one before was within [`BETWEEN_LOSSES`].
    fn again(&self) -> bool {
        let last = self.0.replace(Some(Instant::now()));
        last.is_some_and(|last| last.elapsed() < BETWEEN_LOSSES)
    }
}
