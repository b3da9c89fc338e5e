//! A fixed secret, as it was given.

use std::fmt;

use crate::{Error, Result};

/// A secret that does not show up where options are printed.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl Secret {
    /// Refuses a secret that is none; `option` is what gave it.
    pub(super) fn check(&self, option: &'static str) -> Result<()> {
        match self.0.trim().is_empty() {
            false => Ok(()),
            true => Err(Error::InvalidOption {
                option,
                value: self.0.clone(),
                hint: "An empty secret lets anyone in. Give at least 16 characters, or no secret for a random one",
            }),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}
