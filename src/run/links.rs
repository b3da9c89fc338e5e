//! Sign-in links on request, while a program runs: by Enter in its terminal, and by `--sign-in-link` in another launch of it.
//!
//! What must hold: only the user who runs the program gets links; the way to ask ends with the run; a program in the background
//! does not read the terminal, which would stop it.

#[cfg(unix)]
mod keyboard;
#[cfg(unix)]
mod socket;

use std::{net::SocketAddr, path::PathBuf};

use tokio::task::JoinSet;

use super::{Exit, Running, StartOptions, StopHandle, StopReport, terminal::print};
use crate::{Error, Program, Result};

/// Makes the links of one run.
#[derive(Clone)]
pub(super) struct Links {
    stop: StopHandle,
    /// Where proxies show the application.
    origins: Vec<String>,
}

impl Links {
    pub(super) fn of(running: &Running) -> Self {
        Links { stop: running.handle(), origins: running.allowed_origins.clone() }
    }

    /// A link for this machine, and one for each origin that was allowed.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn make(&self) -> Result<Vec<String>> {
        let public = self.origins.iter().map(|origin| self.stop.link_at(origin, None));
        std::iter::once(self.stop.link(None)).chain(public).collect()
    }
}

/// Where a browser on this machine finds what listens on these addresses.
pub(super) fn shown_origin(scheme: &str, host: &str, addresses: &[SocketAddr]) -> String {
    let Some(first) = addresses.first() else {
        return String::new(); // no sockets
    };
    let unspecified = addresses.iter().any(|address| address.ip().is_unspecified());
    let host = host.trim_matches(['[', ']']);
    let host = if unspecified { "127.0.0.1" } else { host };
    match host.contains(':') {
        true => format!("{scheme}://[{host}]:{}", first.port()),
        false => format!("{scheme}://{host}:{}", first.port()),
    }
}

/// Gives links to those who ask, until it is dropped.
pub(super) struct OnRequest {
    /// How its user asks, in words; none where there is no way.
    pub(super) ways: Vec<&'static str>,
    /// Ends when this is dropped.
    _tasks: JoinSet<()>,
    #[cfg(unix)]
    _socket: Option<socket::Place>,
}

impl OnRequest {
    /// Takes requests for the run of the server with this name. What the system does not allow is left out.
    pub(super) fn begin(links: &Links, name: &str, port: u16, options: &StartOptions) -> Self {
        let mut tasks = JoinSet::new();
        let mut ways = Vec::new();
        #[cfg(unix)]
        if options.show_connection_info
            && let Some(keyboard) = keyboard::Keyboard::open()
        {
            ways.push("press Enter for another link");
            tasks.spawn(keyboard.serve(links.clone()));
        }
        #[cfg(unix)]
        let socket = places(name).find_map(|folder| socket::listen(&folder, name, port).ok());
        #[cfg(unix)]
        let socket = socket.map(|(listener, place)| {
            if options.knows_flags {
                ways.push("start it once more with --sign-in-link for another link");
            }
            tasks.spawn(socket::serve(listener, links.clone()));
            place
        });
        #[cfg(not(unix))]
        let _ = (links, name, port, options, &mut tasks, &mut ways);
        OnRequest {
            ways,
            _tasks: tasks,
            #[cfg(unix)]
            _socket: socket,
        }
    }
}

/// Asks the running program for links and prints them, where the command line says so.
///
/// # Errors
/// [`Error::NoLink`] when no program of this name and user gives one.
pub(super) fn ask(name: &str, options: &StartOptions) -> Result<Option<Exit>> {
    if !options.sign_in_link {
        return Ok(None);
    }
    #[cfg(unix)]
    let links: Vec<String> =
        places(name).flat_map(|folder| socket::ask(&folder, name, options.port)).collect();
    #[cfg(not(unix))]
    let links: Vec<String> = Vec::new();
    if links.is_empty() {
        return Err(Error::NoLink(name.to_owned()));
    }
    links.iter().for_each(print);
    Ok(Some(Exit { code: 0, report: StopReport::default() }))
}

/// Folders of the user alone: that of the session, and another for systems without one.
fn places(name: &str) -> impl Iterator<Item = PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let cache = Program::of_server(name).folders().and_then(|folders| folders.cache()).ok();
    runtime.into_iter().chain(cache)
}
