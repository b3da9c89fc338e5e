//! Warnings for servers that other machines can reach.

use std::net::SocketAddr;

use super::{StartOptions, secret::Secret};

/// Minimum length in bytes of a fixed secret that other machines can try to guess.
const SHORT_SECRET: usize = 16;

/// Returns the warning for the address for operators, if other machines can reach it.
pub(super) fn of_monitoring(addresses: &[SocketAddr]) -> Option<String> {
    let address = addresses.iter().find(|address| !address.ip().is_loopback())?;
    Some(format!(
        "other machines can read health and metrics at {address} without a secret. Let --monitoring name 127.0.0.1, or an \
         address that only your monitoring reaches"
    ))
}

/// Returns the warnings for these addresses; each says what to do.
pub(super) fn warnings(addresses: &[SocketAddr], options: &StartOptions) -> Vec<String> {
    let exposed = addresses.iter().find(|address| !address.ip().is_loopback());
    let Some(address) = exposed else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    let in_front = |origin: &String| origin.to_ascii_lowercase().starts_with("https://");
    if options.certificate.is_none() && !options.allowed.origins.iter().any(in_front) {
        warnings.push(format!(
            "{address} can be reached from other machines without TLS: anyone on the network path can read the secret and all \
             data. Give it a certificate with --ssl CERT,KEY, or let it listen on 127.0.0.1 behind a proxy or an SSH tunnel. \
             Where a proxy has TLS, tell its address with --allowed-origin https://NAME"
        ));
    }
    if let Some(Secret(secret)) = &options.secret
        && secret.len() < SHORT_SECRET
    {
        warnings.push(format!(
            "the secret has {} characters, and other machines can try to guess it. Give one of at least {SHORT_SECRET}, or \
             none for a new random one",
            secret.len()
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(address: &str, options: StartOptions) -> String {
        warnings(&[address.parse().unwrap()], &options).join("\n")
    }

    #[test]
    fn serving_other_machines_without_tls_is_warned_about() {
        let options = StartOptions::new;
        assert_eq!(warned("127.0.0.1:80", options().secret("short")), "");
        assert_eq!(warned("[::1]:80", options()), "");
        assert!(warned("0.0.0.0:80", options()).contains("--ssl"));
        assert!(warned("192.168.1.2:80", options().allowed_origin("http://a")).contains("--ssl"));
        assert_eq!(warned("0.0.0.0:80", options().tls("cert", "key")), "");
        let behind_a_proxy = options().allowed_origin("https://app.example.com");
        assert_eq!(warned("0.0.0.0:80", behind_a_proxy), "");
    }

    #[test]
    fn a_short_secret_on_the_network_is_warned_about() {
        let options = || StartOptions::new().tls("cert", "key");
        assert!(warned("0.0.0.0:80", options().secret("short")).contains("guess"));
        assert_eq!(warned("0.0.0.0:80", options().secret("k".repeat(16))), "");
    }
}
