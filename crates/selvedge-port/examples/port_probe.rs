//! Reports whether a server could listen on a port, and otherwise what holds it. For scripts that
//! restart servers.
//!
//! ```text
//! cargo run -p selvedge-port --example port_probe -- 127.0.0.1 8080
//! cargo run -p selvedge-port --example port_probe -- localhost 8080 --wait 20
//! ```
//!
//! The exit code is 0 for a free port, 1 for a taken port, 2 for an invalid command line, and 69 if
//! the probe cannot decide, for example because the address belongs to another machine.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use selvedge_port::{Error, wait_port_free};

/// The code of `sysexits.h` for something that is not available.
const EX_UNAVAILABLE: u8 = 69;

/// Reports whether a server could listen on a port, by binding it as a server would, without
/// SO_REUSEADDR
#[derive(Parser)]
struct Arguments {
    /// Host as a server takes it: localhost, an address or a host name; each of its addresses is
    /// tried
    host: String,
    port: u16,
    /// Seconds to wait until the port is free
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    wait: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { host, port, wait } = Arguments::parse();
    let Ok(wait) = Duration::try_from_secs_f64(wait) else {
        eprintln!("error: --wait takes seconds, 0 or more");
        return ExitCode::from(2);
    };
    match wait_port_free(&host, port, wait).await {
        Ok(waited) if waited < Duration::from_millis(20) => {
            println!("{host}:{port} is free");
            ExitCode::SUCCESS
        }
        Ok(waited) => {
            println!("{host}:{port} is free, after {:.1} s", waited.as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(Error::NotReleased { address, holder, .. }) => {
            println!("{address} is {holder}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(EX_UNAVAILABLE)
        }
    }
}
