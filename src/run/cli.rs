//! Start options from the command line: trame's flags, which an application can extend.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, error::ErrorKind};

#[cfg(feature = "monitoring")]
use super::addresses::host_and_port;
use super::{StartOptions, development::Switch, secret::Secret};
use crate::{
    Error, Result, Server,
    app::{Compression, Endpoints, ExecMode, Program},
    http::{Allowed, Invited, ProxyOptions},
};

/// Text that `--version` prints after the name of a program without a version.
const UNVERSIONED: &str = concat!("(Selvedge ", env!("CARGO_PKG_VERSION"), ")");

/// The flags of a server, for the command line of an application with its own flags.
///
/// ```
/// use selvedge::clap::{self, Parser};
///
/// #[derive(Parser)]
/// struct Arguments {
///     /// The file to show
///     #[arg(long)]
///     data: Option<std::path::PathBuf>,
///     #[command(flatten)]
///     server: selvedge::run::Cli,
/// }
///
/// let arguments = Arguments::parse_from(["program", "--data", "a.csv", "--port", "0"]);
/// let options = arguments.server.options()?;
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// [`Server::cli`] has the same flags for clap's builder. Applications without their own flags only
/// need [`StartOptions::from_args`]. The program needs no dependency on clap, which is re-exported
/// as [`clap`](crate::clap).
///
/// | flag | meaning |
/// | --- | --- |
/// | `--host HOST`, `-i` | the address, `localhost` or name to listen on; also `TRAME_DEFAULT_HOST`; default 127.0.0.1 |
/// | `--port PORT`, `-p` | the port; 0 takes any free one; default 8080, for a window the port of its last start or any free one |
/// | `--server` | serve only, without opening a browser or window; the variable `TRAME_SERVER` also keeps the browser closed |
/// | `--app` | show a window |
/// | `--timeout SECONDS` | stop after this time without clients; default 0, never (trame: 300) |
/// | `--drain SECONDS` | on SIGTERM, admit no new pages, tell the open ones, and stop when they have left or after this time; default 0, stop at once |
/// | `--monitoring ADDRESS:PORT` | an address for operators: `/healthz`, `/readyz`, and `/metrics` for Prometheus |
/// | `--redis URL` | share rooms with the other nodes that use this store; also `SELVEDGE_REDIS`, which other users of the machine cannot read; see [`cluster`](crate::cluster) |
/// | `--node-address ADDRESS:PORT` | where the other nodes reach this one; also `SELVEDGE_NODE_ADDRESS` |
/// | `--sign-in-link`, `--sign-in-link=USER` | print a sign-in link of the program that the same user already runs, on `--port` if given, and exit; the link signs in a user with this name if there is one; on Unix |
/// | `--banner` | print the names of the application and the library when the server listens |
/// | `--debug` | send pages the whole text of errors, with paths, and log in detail |
/// | `--allowed-host NAME[:PORT]` | another name that the server answers to; may be repeated |
/// | `--allowed-origin ORIGIN` | another origin whose pages may connect, `https://app.example.com`; may be repeated |
/// | `--trusted-proxy ADDRESS` | the address or network of a proxy whose headers are believed; may be repeated |
/// | `--user-header NAME` | the header in which that proxy tells the user whom it has authenticated, `X-Forwarded-User` |
/// | `--ssl CERT,KEY` | serve HTTPS with this certificate chain and private key, two PEM files |
/// | `--hot-reload` | update open pages when the files of templates and modules change; also `TRAME_HOT_RELOAD` |
/// | `--keep-state FILE` | keep the state in this file, and restore it from there; also `SELVEDGE_KEEP_STATE` |
/// | `--keep-sign-in` | users stay signed in when the program is restarted; needs `--keep-state` |
/// | `--dev` | develop the program: pages follow their files, and state and sign-in survive a restart; also `SELVEDGE_DEV` |
/// | `--nosignalhandlers` | do not stop on signals |
/// | `--no-http` | serve the WebSocket only |
/// | `--content FOLDER` | serve this folder in place of the page |
/// | `--ws-endpoint PATH` | the path of the WebSocket; default `ws` |
/// | `--no-ws-endpoint` | serve files only |
/// | `--ws-compress WHEN` | compress messages for clients that offer it: `auto` (those on other machines), `always` or `never`; also `WSLINK_WS_COMPRESS`, where 1 is `auto` and 0 is `never`; see [`Compression`] |
/// | `--no-ws-compress` | the same as `--ws-compress never`, and wins over it |
/// | `--fs-endpoints 'A=FOLDER\|B=FOLDER'` | serve these folders as well |
/// | `--follow-symlinks` | follow symbolic links that lead out of a served folder; those that stay inside are always followed |
/// | `--authKey SECRET` | a fixed secret, for scripts; other users of the machine can read it in the process list |
/// | `--authKeyFile FILE` | a fixed secret from a file; wins over `--authKey`; also `TRAME_AUTH_KEY_FILE` |
/// | `--trame-args 'FLAGS'` | read these flags, split at white space, instead of the others of this table; also `TRAME_ARGS` |
///
/// A flag of trame that is not supported and is rejected: `--reverse-url` (use a proxy).
#[derive(Args, Clone, Debug)]
pub struct Cli {
    /// Where to listen: an address, `localhost` or a host name [default: 127.0.0.1]
    #[arg(short = 'i', long)]
    host: Option<String>,
    /// The port; 0 is any free one [default: 8080; for a window that of its last start, or any free
    /// one]
    #[arg(short, long)]
    port: Option<u16>,
    /// Serve only: open neither a browser nor a window
    #[arg(long, conflicts_with = "app")]
    server: bool,
    /// Show a window of its own
    #[arg(long)]
    app: bool,
    /// Stop after this many seconds without clients; 0 is never
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
    /// On SIGTERM, let users leave for this many seconds before it stops
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    drain: u64,
    /// An address for operators: health and metrics for Prometheus
    #[cfg(feature = "monitoring")]
    #[arg(long, value_name = "ADDRESS:PORT")]
    monitoring: Option<String>,
    /// Share rooms with the other nodes that use this store: redis://:PASSWORD@HOST/, rediss:// for TLS
    #[arg(long, value_name = "URL", env = "SELVEDGE_REDIS", hide_env_values = true)]
    redis: Option<String>,
    /// Where the other nodes reach this one [default: the address that reaches the store, any port]
    #[arg(long, value_name = "ADDRESS:PORT", env = "SELVEDGE_NODE_ADDRESS")]
    node_address: Option<String>,
    /// Print the names of the application and the library when it listens
    #[arg(long)]
    banner: bool,
    /// Tell pages the whole text of errors, with paths, and log in detail
    #[arg(long)]
    debug: bool,
    /// Let open pages follow the files that they are made of
    #[arg(long)]
    hot_reload: bool,
    /// Keep the state in this file, and take it over from there
    #[arg(long, value_name = "FILE", env = "SELVEDGE_KEEP_STATE")]
    keep_state: Option<PathBuf>,
    /// Users stay signed in when the program is restarted
    #[arg(long)]
    keep_sign_in: bool,
    /// Develop the program: pages follow their files, state and sign-in survive a restart
    #[arg(long)]
    dev: bool,
    /// Print a sign-in link of the program that runs already, for the user with this name if there
    /// is one, and end
    #[arg(long, value_name = "USER", num_args = 0..=1, require_equals = true)]
    sign_in_link: Option<Option<String>>,
    /// Do not stop on signals
    #[arg(long = "nosignalhandlers")]
    no_signal_handlers: bool,
    /// Serve the WebSocket only, neither page nor files
    #[arg(long)]
    no_http: bool,
    /// Serve this folder in place of the page
    #[arg(long, value_name = "FOLDER")]
    content: Option<PathBuf>,
    /// The path of the WebSocket
    #[arg(long, value_name = "PATH", default_value = "ws")]
    ws_endpoint: String,
    /// Serve files only, without the WebSocket
    #[arg(long)]
    no_ws_endpoint: bool,
    /// Compress messages for clients on other machines (auto), for all (always), or never
    #[arg(long, value_name = "WHEN", env = "WSLINK_WS_COMPRESS", default_value = "auto", value_parser = compression)]
    ws_compress: Compression,
    /// The same as --ws-compress never
    #[arg(long)]
    no_ws_compress: bool,
    /// Folders to serve, by the first part of their URL
    #[arg(long, value_name = "A=FOLDER|B=FOLDER", value_delimiter = '|', value_parser = folder)]
    fs_endpoints: Vec<(String, PathBuf)>,
    /// Follow symbolic links that lead out of a served folder
    #[arg(long)]
    follow_symlinks: bool,
    /// A fixed secret for clients; other users can read it in the list of processes
    #[arg(long = "authKey", value_name = "SECRET")]
    auth_key: Option<String>,
    /// A file that holds a fixed secret for clients
    #[arg(long = "authKeyFile", value_name = "FILE", env = "TRAME_AUTH_KEY_FILE")]
    auth_key_file: Option<PathBuf>,
    /// A further name that the server answers to, as it stands in the address bar; may be repeated
    #[arg(long = "allowed-host", value_name = "NAME[:PORT]")]
    allowed_hosts: Vec<String>,
    /// A further origin whose pages may connect, such as `https://app.example.com`; may be repeated
    #[arg(long = "allowed-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// The path under which a proxy shows the application, such as `/apps/atlas/`
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    base_path: String,
    /// The address or network of a proxy whose headers are believed, such as 10.0.0.5; may be repeated
    #[arg(long = "trusted-proxy", value_name = "ADDRESS")]
    trusted_proxies: Vec<String>,
    /// The header in which that proxy tells the user whom it has authenticated, such as
    /// X-Forwarded-User
    #[arg(long, value_name = "NAME")]
    user_header: Option<String>,
    /// Serve HTTPS with a certificate chain and its private key, two PEM files
    #[arg(long, value_name = "CERT,KEY", value_parser = certificate)]
    ssl: Option<(PathBuf, PathBuf)>,
    /// Read these flags of the server, split at blanks, and no others
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    trame_args: Option<String>,
}

/// The flags of a server alone.
#[derive(Parser)]
#[command(about = None, long_about = None, disable_version_flag = true)]
struct Alone {
    #[command(flatten)]
    flags: Cli,
}

/// The flags of a server, and the files that a program opens.
#[derive(Parser)]
#[command(about = None, long_about = None)]
struct WithFiles {
    #[command(flatten)]
    flags: Cli,
    /// Files to open
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Parses one part of `--fs-endpoints`.
fn folder(part: &str) -> Result<(String, PathBuf), &'static str> {
    let (prefix, folder) =
        part.split_once('=').ok_or("write PREFIX=FOLDER, and `|` between two of them")?;
    Ok((prefix.to_owned(), folder.into()))
}

/// Parses `--ws-compress`. Also accepts wslink's boolean values of `WSLINK_WS_COMPRESS`; true means
/// `auto`.
fn compression(text: &str) -> Result<Compression, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "auto" | "" | "1" | "true" | "yes" | "on" => Ok(Compression::Auto),
        "always" => Ok(Compression::Always),
        "never" | "0" | "false" | "no" | "off" => Ok(Compression::Never),
        _ => Err("write auto, always or never"),
    }
}

fn certificate(text: &str) -> Result<(PathBuf, PathBuf), &'static str> {
    match text.split_once(',') {
        Some((certificate, key)) if !certificate.is_empty() && !key.is_empty() => {
            Ok((certificate.into(), key.into()))
        }
        _ => Err(
            "give two files with a comma between them: the certificate chain and its private key",
        ),
    }
}

impl Cli {
    /// Returns the options from the flags and the environment.
    ///
    /// # Errors
    /// [`Error::Io`] if `--authKeyFile` cannot be read; [`Error::InvalidOption`] for an invalid
    /// name or origin, an empty secret, or invalid flags in `--trame-args`.
    pub fn options(&self) -> Result<StartOptions> {
        let Some(arguments) = &self.trame_args else {
            return self.start_options();
        };
        let words = std::iter::once("trame-args").chain(arguments.split_whitespace());
        match Alone::try_parse_from(words) {
            Ok(alone) => alone.flags.start_options(),
            Err(_) => Err(Error::InvalidOption {
                option: "--trame-args",
                value: arguments.clone(),
                hint: "These are not flags of the server; `--help` lists them",
            }),
        }
    }

    fn start_options(&self) -> Result<StartOptions> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let allowed = Allowed {
            hosts: self.allowed_hosts.clone(),
            origins: self.allowed_origins.clone(),
            base: self.base_path.clone(),
        };
        let proxies = ProxyOptions {
            addresses: self.trusted_proxies.clone(),
            user_header: self.user_header.clone(),
        };
        proxies.parsed()?;
        #[cfg(feature = "monitoring")]
        self.monitoring.as_deref().map(|given| host_and_port("--monitoring", given)).transpose()?;
        Ok(StartOptions {
            allowed: allowed.normalized()?,
            proxies,
            certificate: self.ssl.clone(),
            hosts: [self.host.clone(), None, variable("TRAME_DEFAULT_HOST")],
            port: self.port,
            exec_mode: match self.app {
                true => ExecMode::Desktop,
                false => ExecMode::Main,
            },
            secret: self.secret()?,
            idle_timeout: (self.timeout > 0).then(|| Duration::from_secs(self.timeout)),
            drain: Duration::from_secs(self.drain),
            #[cfg(feature = "monitoring")]
            monitoring: self.monitoring.clone(),
            redis: self.redis.clone().map(Secret),
            node_address: self.node_address.clone(),
            open_browser: !self.server && !self.app && variable("TRAME_SERVER").is_none(),
            show_connection_info: true,
            banner: self.banner,
            debug: self.debug,
            hot_reload: Switch::of_command_line(
                self.hot_reload || variable("TRAME_HOT_RELOAD").is_some(),
            ),
            development: Switch::of_command_line(self.dev || variable("SELVEDGE_DEV").is_some()),
            handle_signals: !self.no_signal_handlers,
            keep_state: self.keep_state.clone(),
            keep_sign_in: self.keep_sign_in,
            endpoints: self.endpoints(),
            serve_only: self.server,
            knows_flags: true,
            sign_in_link: self.invited()?,
            ..StartOptions::default()
        })
    }

    /// Returns whom the link signs in that the user asks for.
    fn invited(&self) -> Result<Option<Invited>> {
        let named =
            |user: &Option<String>| user.as_deref().map_or(Ok(Invited::Anyone), Invited::named);
        self.sign_in_link.as_ref().map(named).transpose()
    }

    fn secret(&self) -> Result<Option<Secret>> {
        let (option, secret) = match (&self.auth_key_file, &self.auth_key) {
            (Some(file), _) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|cause| Error::Io { doing: "reading --authKeyFile", cause })?;
                ("--authKeyFile", Secret(text.trim().to_owned()))
            }
            (None, Some(key)) => ("--authKey", Secret(key.clone())),
            (None, None) => return Ok(None),
        };
        secret.check(option)?;
        Ok(Some(secret))
    }

    fn endpoints(&self) -> Endpoints {
        let path = self.ws_endpoint.trim_matches('/').to_owned();
        Endpoints {
            websocket: (!self.no_ws_endpoint).then_some(path),
            compression: match self.no_ws_compress {
                true => Compression::Never,
                false => self.ws_compress,
            },
            http: !self.no_http,
            content: self.content.clone(),
            folders: self.fs_endpoints.iter().cloned().collect(),
            follow_symlinks: self.follow_symlinks,
        }
    }
}

impl Server {
    /// Returns the command line of the server, for an application that adds its own arguments.
    ///
    /// ```
    /// use selvedge::{Server, StartOptions, clap::Arg};
    ///
    /// let server = Server::new("plot");
    /// let command = server.cli().arg(Arg::new("data").long("data"));
    /// let matches = command.get_matches_from(["plot", "--data", "a.csv", "--port", "0"]);
    /// let data: Option<&String> = matches.get_one("data");
    /// let options = StartOptions::from_matches(&matches)?;
    /// # assert_eq!(data.map(String::as_str), Some("a.csv"));
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// [`Cli`] lists the flags and has an example with derived arguments.
    pub fn cli(&self) -> clap::Command {
        Alone::command().display_name(self.name().to_owned())
    }
}

impl StartOptions {
    /// Reads the options from the command line of the program, see
    /// [`try_from_args`](Self::try_from_args).
    ///
    /// On an invalid flag, the program exits with a message and code 2; on `--help`, with the list
    /// of flags and code 0.
    pub fn from_args() -> Self {
        Self::try_from_args(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads the options like [`from_args`](Self::from_args), for a program with a name, a version
    /// for `--version`, and [files](Self::files) to open: the arguments that are neither flags nor
    /// values of flags.
    ///
    /// ```no_run
    /// use selvedge::{run::Program, StartOptions};
    ///
    /// let program = Program::new("clock").version(env!("CARGO_PKG_VERSION"));
    /// let options = StartOptions::from_args_of(&program);
    /// ```
    pub fn from_args_of(program: &Program) -> Self {
        Self::try_from_args_of(program, std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads the options like [`from_args_of`](Self::from_args_of), from a given command line that
    /// starts with the name of the program.
    ///
    /// # Errors
    /// Those of [`try_from_args`](Self::try_from_args).
    pub fn try_from_args_of<I, T>(program: &Program, args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let command = WithFiles::command().display_name(program.get_name().to_owned());
        let version = program.get_version().unwrap_or(UNVERSIONED);
        let matches = matches(command.version(version), args)?;
        let files = WithFiles::from_arg_matches(&matches)?.files;
        Ok(Self::of_matches(&matches)?.files(files))
    }

    /// Reads the options from the environment and a command line that starts with the name of the
    /// program.
    ///
    /// [`Cli`] lists the flags. If `TRAME_ARGS` is set, the flags are read from there instead of
    /// `args`.
    ///
    /// # Errors
    /// A message for the user that names the invalid flag and shows the usage. `--help` is returned
    /// as an error, too, with the list of flags.
    pub fn try_from_args<I, T>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        Self::of_matches(&matches(Alone::command(), args)?)
    }

    fn of_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let options = Cli::from_arg_matches(matches)?.options();
        options.map_err(|error| {
            let kind = match error {
                Error::InvalidOption { .. } => ErrorKind::ValueValidation,
                _ => ErrorKind::Io,
            };
            let program = std::env::current_exe().ok();
            let name = program.as_deref().and_then(Path::file_stem).map(OsStr::to_string_lossy);
            let mut command = Alone::command();
            match name {
                Some(name) => command.bin_name(name.into_owned()).error(kind, error),
                None => command.error(kind, error),
            }
        })
    }

    /// Returns the options in a command line that [`Server::cli`] has parsed.
    ///
    /// # Errors
    /// Those of [`Cli::options`].
    ///
    /// # Panics
    /// If the command that parsed it does not have the flags of a server.
    pub fn from_matches(matches: &clap::ArgMatches) -> Result<Self> {
        match Cli::from_arg_matches(matches) {
            Ok(flags) => flags.options(),
            Err(error) => panic!("these are not the matches of `Server::cli`: {error}"),
        }
    }
}

/// Parses the flags of `TRAME_ARGS` if it is set, else those of the command line.
fn matches<I, T>(command: clap::Command, args: I) -> Result<clap::ArgMatches, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    match std::env::var("TRAME_ARGS") {
        Ok(instead) if !instead.is_empty() => {
            let words = std::iter::once("TRAME_ARGS").chain(instead.split_whitespace());
            command.try_get_matches_from(words)
        }
        _ => command.try_get_matches_from(args),
    }
}

#[cfg(test)]
mod tests;
