//! Stands in for the address for operators in programs without the feature `monitoring`.

use std::net::SocketAddr;

use selvedge_port::Released;

use super::{StartOptions, drive::Run};
use crate::Result;

impl StartOptions {
    pub(super) fn with_metrics(self) -> Self {
        self
    }
}

#[derive(Default)]
pub(super) struct Monitor;

impl Monitor {
    #[expect(clippy::unused_async, reason = "the other one binds an address")]
    pub(super) async fn bind(_: &StartOptions) -> Result<Self> {
        Ok(Monitor)
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &[]
    }

    #[expect(clippy::unused_async, reason = "the other one serves")]
    pub(super) async fn serve(self, _: &Run) -> Result<Released> {
        Ok(Released::default())
    }
}
