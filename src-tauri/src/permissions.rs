//! Permissions that need the user's consent. WebKitGTK would refuse them without asking.

use gtk::{ButtonsType, DialogFlags, MessageDialog, MessageType, ResponseType, prelude::*};
use webkit2gtk::{PermissionRequestExt, WebView, WebViewExt};

/// Asks the user each time a page wants to read the clipboard, as browsers on this engine do: a
/// frame may be asking.
pub(crate) fn ask(view: &WebView) {
    view.connect_permission_request(|view, request| {
        // This type is newer than the bindings.
        if request.type_().name() != "WebKitClipboardPermissionRequest" {
            return false;
        }
        let parent = view.toplevel().and_downcast::<gtk::Window>();
        let flags = DialogFlags::MODAL | DialogFlags::DESTROY_WITH_PARENT;
        let question = "The page wants to read what was copied.";
        let (kind, none) = (MessageType::Question, ButtonsType::None);
        let dialog = MessageDialog::new(parent.as_ref(), flags, kind, none, question);
        dialog.set_title(&parent.and_then(|window| window.title()).unwrap_or_default());
        dialog.add_button("_Refuse", ResponseType::Reject);
        dialog.add_button("_Allow", ResponseType::Accept);
        dialog.set_default_response(ResponseType::Accept);
        let request = request.clone();
        dialog.connect_response(move |dialog, response| {
            match response {
                ResponseType::Accept => request.allow(),
                _ => request.deny(),
            }
            dialog.close();
        });
        dialog.show();
        true
    });
}
