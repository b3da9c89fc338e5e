//! The ids of clients.

use std::fmt;

use crate::error::{Error, Result};

/// Identifies a client for as long as its connection lasts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId(u128);

impl ClientId {
    /// Creates an id that cannot be guessed.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        Ok(ClientId(u128::from_ne_bytes(bytes)))
    }
}

/// Formats the id as on the wire: `c` and 32 hexadecimal digits.
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:032x}", self.0)
    }
}

/// Shortened, since logs contain it on every line.
impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {:08x}", self.0 >> 96)
    }
}
