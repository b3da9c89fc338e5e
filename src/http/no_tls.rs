//! In place of `tls` in programs without the feature `tls`.

use std::path::Path;

use selvedge_port::Connection;

use crate::{Error, Result};

/// There is none.
#[derive(Clone)]
pub(crate) enum Tls {}

impl Tls {
    /// # Errors
    /// Always [`Error::Certificate`].
    pub(crate) fn load(certificate: &Path, _key: &Path) -> Result<Self> {
        let reason = "the program was built without the feature `tls`".to_owned();
        Err(Error::Certificate { path: certificate.to_owned(), reason })
    }

    pub(super) async fn accept(&self, _connection: Connection) -> std::io::Result<Connection> {
        match *self {}
    }
}
