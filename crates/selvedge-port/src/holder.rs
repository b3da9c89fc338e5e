//! Finds out what holds a port, for errors about a port that is not free.

use std::net::{IpAddr, SocketAddr};

use listeners::{Listener, Protocol, SocketState};

use crate::error::Holder;

/// Returns the holder of `address`. Inspects every process that it may, which takes milliseconds.
pub(crate) async fn of(address: SocketAddr) -> Holder {
    tokio::task::spawn_blocking(move || process(address).unwrap_or_else(|| sockets(address)))
        .await
        .unwrap_or(Holder::Unknown)
}

/// Returns the process that listens, or otherwise one that has a connection open.
fn process(address: SocketAddr) -> Option<Holder> {
    let sockets = listeners::get_all().ok()?;
    let mut conflicting: Vec<Listener> = sockets
        .into_iter()
        .filter(|held| held.protocol == Protocol::TCP && conflict(held.socket, address))
        .collect();
    conflicting.sort_by_key(|held| (held.state != SocketState::Listen, held.process.pid));
    let holder = conflicting.into_iter().next()?.process;
    let program = match holder.path.is_empty() {
        true => holder.name,
        false => holder.path,
    };
    Some(Holder::Process {
        pid: holder.pid,
        program: match holder.pid == std::process::id() {
            true => format!("this program itself, {program}"),
            false => program,
        },
    })
}

/// Returns whether a socket on `held` prevents an exclusive bind of `wanted`. A wildcard conflicts
/// with every address of its family; the IPv6 wildcard may be dual-stack, which is not visible from
/// outside.
fn conflict(held: SocketAddr, wanted: SocketAddr) -> bool {
    let covers = |wildcard: IpAddr, ip: IpAddr| {
        wildcard.is_unspecified() && wildcard.is_ipv4() == ip.is_ipv4()
    };
    let dual = held.ip().is_unspecified() && held.is_ipv6();
    let (held_ip, wanted_ip) = (held.ip().to_canonical(), wanted.ip().to_canonical());
    held.port() == wanted.port()
        && (held_ip == wanted_ip
            || covers(held_ip, wanted_ip)
            || covers(wanted_ip, held_ip)
            || dual)
}

/// Counts by state the sockets that no longer belong to a process.
#[cfg(target_os = "linux")]
fn sockets(address: SocketAddr) -> Holder {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    let rows = tables.iter().flat_map(|table| table.lines().filter_map(proc_net::row));
    let mut states = std::collections::BTreeMap::new();
    for row in rows.filter(|row| conflict(row.local, address)) {
        if row.owned {
            return Holder::Unknown; // owned by a process that cannot be inspected
        }
        *states.entry(row.state.to_owned()).or_insert(0) += 1;
    }
    match states.is_empty() {
        true => Holder::Unknown,
        false => Holder::Sockets(states.into_iter().collect()),
    }
}

#[cfg(not(target_os = "linux"))]
fn sockets(_address: SocketAddr) -> Holder {
    Holder::Unknown
}

/// Reads the kernel's tables of TCP sockets, see proc(5) and
/// `Documentation/networking/proc_net_tcp.rst` of the kernel.
#[cfg(target_os = "linux")]
mod proc_net {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    pub(crate) struct Row<'a> {
        pub(crate) local: SocketAddr,
        pub(crate) state: &'a str,
        /// Whether a process owns the socket: the kernel's own have no inode.
        pub(crate) owned: bool,
    }

    /// Parses a line of the table; `None` for its heading and for unreadable lines.
    pub(crate) fn row(line: &str) -> Option<Row<'_>> {
        let mut fields = line.split_ascii_whitespace();
        let local = endpoint(fields.nth(1)?)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        Some(Row { local, state: name(state), owned: inode != "0" })
    }

    /// Parses an address, as 32-bit words in the machine's byte order, and a port.
    fn endpoint(text: &str) -> Option<SocketAddr> {
        let (address, port) = text.split_once(':')?;
        let words = address.as_bytes().chunks(8).map(|digits| {
            let digits = str::from_utf8(digits).ok()?;
            u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
        });
        let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
        let ip = match bytes.len() {
            4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        };
        Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
    }

    /// Returns the state's name in `include/net/tcp_states.h`.
    fn name(code: &str) -> &str {
        match code {
            "01" => "ESTABLISHED",
            "02" => "SYN_SENT",
            "03" | "0C" => "SYN_RECV",
            "04" => "FIN_WAIT1",
            "05" => "FIN_WAIT2",
            "06" => "TIME_WAIT",
            "07" => "CLOSE",
            "08" => "CLOSE_WAIT",
            "09" => "LAST_ACK",
            "0A" => "LISTEN",
            "0B" => "CLOSING",
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn wildcards_conflict_with_their_family_and_dual_stack_with_both() {
        let conflicting = |held, wanted| conflict(address(held), address(wanted));
        assert!(conflicting("127.0.0.1:80", "127.0.0.1:80"));
        assert!(conflicting("127.0.0.1:80", "0.0.0.0:80"));
        assert!(conflicting("0.0.0.0:80", "127.0.0.1:80"));
        assert!(conflicting("[::ffff:127.0.0.1]:80", "127.0.0.1:80"));
        assert!(conflicting("[::]:80", "127.0.0.1:80"));
        assert!(conflicting("[::1]:80", "[::]:80"));
        assert!(!conflicting("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!conflicting("127.0.0.2:80", "127.0.0.1:80"));
        assert!(!conflicting("127.0.0.1:80", "[::]:80"));
        assert!(!conflicting("0.0.0.0:80", "[::1]:80"));
    }

    #[cfg(all(target_os = "linux", target_endian = "little"))]
    #[test]
    fn rows_of_the_kernel_tables_are_read() {
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert!(proc_net::row(heading).is_none());

        let ended = proc_net::row(
            "   1: 0100007F:1F90 0100007F:C35E 06 00000000:00000000 03:0000160B 00000000     0        0 0 3 0",
        )
        .unwrap();
        assert_eq!((ended.local, ended.state), (address("127.0.0.1:8080"), "TIME_WAIT"));
        assert!(!ended.owned);

        let listening = proc_net::row(
            "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 53125 1 0",
        )
        .unwrap();
        assert_eq!((listening.local, listening.state), (address("[::1]:8080"), "LISTEN"));
        assert!(listening.owned);
    }

    #[tokio::test]
    async fn a_connection_without_a_listener_has_a_holder_too() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let held = server.local_addr().unwrap();
        let _client = std::net::TcpStream::connect(held).unwrap();
        let _accepted = server.accept().unwrap();
        drop(server);
        let holder = of(held).await;
        assert!(
            matches!(holder, Holder::Process { pid, .. } if pid == std::process::id()),
            "{holder}"
        );
    }

    #[tokio::test]
    async fn a_free_port_has_no_holder() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let free = server.local_addr().unwrap();
        drop(server);
        assert_eq!(of(free).await, Holder::Unknown);
    }
}
