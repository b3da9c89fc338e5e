//! A fixed secret.

use std::fmt;

use crate::{Error, Result};

/// A secret; its `Debug` output does not contain it.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl Secret {
    /// Rejects an empty secret; `option` names its origin for the error.
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
