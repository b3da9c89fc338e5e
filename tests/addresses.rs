//! Tests where a server listens: all addresses of a host, on one port, each proved free by the
//! stop.

use std::net::{IpAddr, SocketAddr, TcpListener};

use selvedge::{
    Error, Server,
    port::{self, is_port_free},
};

use crate::support::{Client, options};

fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

/// Returns the address at which a client on this machine reaches a server bound to `bound`.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        ip if !ip.is_unspecified() => bound,
        IpAddr::V4(_) => ([127, 0, 0, 1], bound.port()).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::LOCALHOST, bound.port()).into(),
    }
}

#[tokio::test]
async fn every_address_of_a_host_is_served_on_one_port_and_released() {
    let server = Server::new("addresses");
    let expected: [(&str, &[&str]); 6] = [
        ("127.0.0.1", &["127.0.0.1"]),
        ("0.0.0.0", &["0.0.0.0"]),
        ("::1", &["::1"]),
        ("[::1]", &["::1"]),
        ("::", &["::", "0.0.0.0"]),
        ("localhost", &["127.0.0.1", "::1"]),
    ];
    for (host, ips) in expected {
        let is_v6 = |ip: &&&str| ip.contains(':');
        let ips: Vec<_> = ips.iter().filter(|ip| has_ipv6() || !is_v6(ip)).collect();
        if ips.is_empty() {
            continue;
        }
        let mut port = 0;
        for _ in 0..2 {
            let options = options().host(host).port(port);
            let running = server.spawn(options).await.unwrap();
            port = running.port();
            let bound: Vec<String> =
                running.addresses().iter().map(|a| a.ip().to_string()).collect();
            assert_eq!(bound.iter().collect::<Vec<_>>(), ips, "{host}");
            assert!(running.addresses().iter().all(|address| address.port() == port));
            let mut clients = Vec::new();
            for &address in running.addresses() {
                let mut client = Client::connect_to(reachable(address)).await;
                client.snapshot().await;
                clients.push(client);
            }
            let report = running.stop().await.unwrap();
            assert_eq!(report.addresses, running.addresses(), "{host}");
            for client in &mut clients {
                assert_eq!(client.closed().await, Some(1001), "{host}");
            }
            assert!(is_port_free(host, port).await.unwrap(), "{host}");
        }
    }
}

#[tokio::test]
async fn the_name_of_the_machine_can_be_listened_on() {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    let known = !name.is_empty() && tokio::net::lookup_host((name, 0)).await.is_ok();
    if !known {
        return; // a machine without a name, or that cannot resolve its name
    }
    let server = Server::new("addresses");
    let running = server.spawn(options().host(name)).await.unwrap();
    assert!(running.url().contains(&name.to_ascii_lowercase()) || running.url().contains(name));
    let port = running.port();
    Client::connect(&running).await.snapshot().await;
    running.stop().await.unwrap();
    assert!(is_port_free(name, port).await.unwrap());
}

#[tokio::test]
async fn an_unknown_host_is_an_error_that_names_it() {
    let server = Server::new("addresses");
    let error = server.spawn(options().host("no-such-host.invalid")).await;
    let error = error.err().unwrap();
    assert!(matches!(error, Error::Port(port::Error::Bind { .. })), "{error}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
    assert!(!server.running());
}

#[tokio::test]
async fn one_taken_address_of_several_is_a_taken_port() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let server = Server::new("addresses");
    let error = server.spawn(options().host("localhost").port(port)).await;
    assert!(matches!(error.err(), Some(Error::Port(port::Error::Busy { .. }))));
    if has_ipv6() {
        let left = TcpListener::bind(("::1", port));
        assert!(left.is_ok(), "the addresses that were bound are given back");
    }
}
