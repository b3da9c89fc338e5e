//! Resolves a host to the addresses that a server binds.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::error::{Error, Result};

/// Returns the addresses that a server on `host` has to bind, without duplicates, all with `port`.
///
/// `localhost` is the loopback address of both families, whatever the resolver returns (RFC 6761,
/// section 6.3). `::` stands for every address of the machine in both families: sockets are never
/// dual-stack here, since a dual-stack socket conflicts with every IPv4 listener on its port. An
/// IPv6 address may be in brackets.
///
/// # Errors
///
/// [`Error::Bind`] if the name cannot be resolved.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        let mut addresses = vec![(ip, port).into()];
        if ip == Ipv6Addr::UNSPECIFIED {
            addresses.push((Ipv4Addr::UNSPECIFIED, port).into());
        }
        return Ok(addresses);
    }
    let failed = |cause| Error::Bind { host: host.to_owned(), port, cause };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in tokio::net::lookup_host((bare, port)).await.map_err(failed)? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(failed(io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn texts(host: &str) -> Vec<String> {
        let addresses = resolve(host, 80).await.unwrap();
        addresses.iter().map(SocketAddr::to_string).collect()
    }

    #[tokio::test]
    async fn localhost_is_both_loopback_addresses() {
        assert_eq!(texts("LocalHost").await, ["127.0.0.1:80", "[::1]:80"]);
    }

    #[tokio::test]
    async fn a_literal_is_itself_and_the_ipv6_wildcard_includes_ipv4() {
        assert_eq!(texts("0.0.0.0").await, ["0.0.0.0:80"]);
        assert_eq!(texts("[::1]").await, ["[::1]:80"]);
        assert_eq!(texts("::").await, ["[::]:80", "0.0.0.0:80"]);
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_names_itself_in_the_error() {
        // RFC 6761, section 6.4: `invalid` never resolves.
        let error = resolve("no-such-host.invalid", 80).await.unwrap_err();
        assert!(
            matches!(&error, Error::Bind { host, port: 80, .. } if host == "no-such-host.invalid"),
            "{error}"
        );
    }
}
