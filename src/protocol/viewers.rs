//! What viewers may do, and how their pages learn that they are viewers.
//!
//! What must hold: a viewer calls no function of the application that is not open to viewers, and
//! sets no key, whatever messages it sends. Hooks on the events of its own page run.

use std::sync::atomic::Ordering;

use selvedge_wslink::{
    Packed,
    messages::server::Request,
    words::{key, method},
};

use super::{
    Client,
    dispatch::{EXIT, EXIT_LATER},
};
use crate::app::{Role, Server};

/// The answer to a viewer who wants to change something.
pub(super) const ONLY_VIEWS: &str = "You can look at this, but not change it";

impl Server {
    /// Returns whether viewers may not make a call. Changes of the state are looked at one by one.
    pub(super) fn needs_editor(&self, request: &Request) -> bool {
        match request.method.as_str() {
            method::TRIGGER => {
                let name = request.args.first().and_then(|name| name.decode::<String>().ok());
                let trigger = name.and_then(|name| self.inner.functions.trigger(&name));
                trigger.is_some_and(|trigger| !trigger.switches.for_viewers.load(Ordering::Relaxed))
            }
            method::UPLOAD_OPEN | EXIT | EXIT_LATER => true,
            name if method::is_reserved(name) => false,
            name => self.rpc_method(name).is_some_and(|rpc| !rpc.for_viewers),
        }
    }

    /// Tells a page, by a key of its state, whether its user may only look.
    pub(super) fn tell_role(&self, client: &Client) {
        if !self.has_admission() {
            return;
        }
        if let Ok(is_viewer) = Packed::encode(&(client.role() == Role::Viewer)) {
            self.hub().restore(client, &[(key::VIEWER.into(), is_viewer)]);
        }
    }
}
