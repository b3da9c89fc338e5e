//! Sign-in links on request while a program runs: by Enter in its terminal, and by `--sign-in-link`
//! in another launch.
//!
//! What must hold: only the user who runs the program gets links; requests end with the run; a
//! program in the background does not read the terminal, because the system would suspend it.

#[cfg(unix)]
mod keyboard;
#[cfg(unix)]
mod socket;

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::{Exit, Running, StartOptions, StopHandle, StopReport, terminal::print};
use crate::{
    Error, Result, Server,
    http::{Invited, SIGN_IN},
};

/// Makes the sign-in links of one run.
#[derive(Clone)]
pub(super) struct Links {
    stop: StopHandle,
    /// The origins under which proxies show the application.
    origins: Vec<String>,
}

impl Links {
    pub(super) fn of(running: &Running) -> Self {
        Links { stop: running.handle(), origins: running.allowed_origins.clone() }
    }

    /// Returns a link for this machine, and one for each allowed origin.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(super) fn make(&self, invited: &Invited) -> Result<Vec<String>> {
        let origins = std::iter::once(&self.stop.origin).chain(&self.origins);
        origins.map(|origin| self.stop.link_for(invited.clone(), origin, None)).collect()
    }
}

/// Returns the origin under which a browser on this machine reaches these addresses; empty without
/// addresses.
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

/// Answers requests for links until it is dropped.
pub(super) struct OnRequest {
    /// Descriptions for the user of the ways to ask; empty if there is none.
    pub(super) ways: Vec<&'static str>,
    /// Aborted when this is dropped.
    _tasks: JoinSet<()>,
    #[cfg(unix)]
    _socket: Option<socket::SocketPlace>,
}

impl OnRequest {
    /// Accepts requests for the run of the server with this name. Ways that the system does not
    /// allow are omitted.
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
        let socket =
            socket::places(name).find_map(|folder| socket::listen(&folder, name, port).ok());
        #[cfg(unix)]
        let socket = socket.map(|(listener, place)| {
            if options.knows_flags {
                ways.push("start it once more with --sign-in-link for another link");
            }
            tasks.spawn(socket::serve(listener, links.clone()));
            place
        });
        #[cfg(not(unix))]
        let _ = (links, name, port, options.knows_flags, &mut tasks, &mut ways);
        OnRequest {
            ways,
            _tasks: tasks,
            #[cfg(unix)]
            _socket: socket,
        }
    }
}

/// Asks the running program for links and prints them, if the command line says so.
///
/// # Errors
/// [`Error::NoLink`] if no program of this name and user returns one.
pub(super) fn ask(name: &str, options: &StartOptions) -> Result<Option<Exit>> {
    let Some(invited) = &options.sign_in_link else {
        return Ok(None);
    };
    #[cfg(unix)]
    let links: Vec<String> = socket::places(name)
        .flat_map(|folder| socket::ask(&folder, name, options.port, invited))
        .collect();
    #[cfg(not(unix))]
    let (links, _): (Vec<String>, _) = (Vec::new(), invited);
    if links.is_empty() {
        return Err(Error::NoLink(name.to_owned()));
    }
    links.iter().for_each(print);
    Ok(Some(Exit { code: 0, report: StopReport::default() }))
}

impl Server {
    /// Returns the query of a link that signs in the user with this name once, while the server runs:
    /// `?sign_in=…`. A page makes a link of it that works wherever the page itself does, also under
    /// a proxy's name and path: `new URL(query, document.baseURI)`. A further link replaces the oldest
    /// of 16 of the user, and of 1,024 in all.
    ///
    /// The link is a credential: its user is this one in all rooms. So return it to the caller and do
    /// not put it into the state, which all pages see; and check that the caller may invite this user.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server};
    ///
    /// let server = Server::new("board");
    /// server.trigger("invite", |cx: Ctx, name: String| -> Result<String, Failure> {
    ///     Ok(cx.server.sign_in_query_for(&format!("{name} [{}]", cx.room().name()))?)
    /// });
    /// ```
    ///
    /// # Errors
    /// - [`Error::NotRunning`] if the server does not run
    /// - [`Error::InvalidOption`] if the name is empty, longer than 256 bytes, or has control
    ///   characters; blanks around it are removed
    /// - if the system has no random numbers
    pub fn sign_in_query_for(&self, user: &str) -> Result<String> {
        let front = self.settings().front.clone().ok_or(Error::NotRunning)?;
        let token = front.issue_sign_in(Invited::named(user)?, None)?;
        Ok(format!("?{SIGN_IN}={token}"))
    }
}
