//! Addresses that an operator gives: a host and a port.

use crate::{Error, Result};

/// Splits an address with a port.
///
/// # Errors
/// [`Error::InvalidOption`] if it is none.
pub(super) fn host_and_port(option: &'static str, address: &str) -> Result<(String, u16)> {
    let parts = address.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let host = |host: &str| host.trim_matches(['[', ']']).to_owned();
    match parts.map(|(given, port)| (host(given), port)) {
        Some((host, port)) if !host.is_empty() => Ok((host, port)),
        _ => Err(Error::InvalidOption {
            option,
            value: address.to_owned(),
            hint: "Give an address and a port: 127.0.0.1:9090",
        }),
    }
}
