//! Random secrets.

use crate::{Error, Result, hex::hex};

/// Returns 256 random bits as text. trame's page lower-cases a secret and parses numbers, booleans
/// and lists in it, so the text has no capitals and starts with a letter that starts none of these.
///
/// # Errors
/// If the system has no random numbers.
pub(crate) fn random_token() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::random("making a secret"))?;
    Ok(format!("k{}", hex(&bytes)))
}
