//! How to start: from code, or from the command line with the flags that trame's applications have.

use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use clap::Parser;

use crate::{Error, Result, http::Allowed};

/// The port of a server that is told none, trame's own.
const DEFAULT_PORT: u16 = 8080;

/// Who shows the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecMode {
    /// Browsers. The call that starts the server returns when it has stopped.
    #[default]
    Main,
    /// Browsers, while the program does something else: [`Server::spawn`](crate::Server::spawn).
    Task,
    /// Browsers, driven by a future of the program: [`Server::serve`](crate::Server::serve).
    Coroutine,
    /// A window of its own: [`Server::run_in`](crate::Server::run_in).
    Desktop,
}

/// Where and how a server runs.
///
/// ```
/// use std::time::Duration;
/// use selvedge::StartOptions;
///
/// let options = StartOptions::new().host("0.0.0.0").port(8080).idle_timeout(Duration::from_secs(600));
/// ```
#[derive(Clone, Debug)]
pub struct StartOptions {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) exec_mode: ExecMode,
    pub(super) secret: Option<Secret>,
    pub(super) allowed: Allowed,
    /// The files of the certificate and of its key.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    pub(super) debug: bool,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) open_browser: bool,
    pub(super) show_connection_info: bool,
    pub(super) stop_deadline: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) serve_only: bool,
}

/// A secret that does not show up where options are printed.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Default for StartOptions {
    fn default() -> Self {
        StartOptions {
            host: "127.0.0.1".to_owned(),
            port: None,
            exec_mode: ExecMode::Main,
            secret: None,
            allowed: Allowed::default(),
            certificate: None,
            debug: false,
            idle_timeout: None,
            open_browser: false,
            show_connection_info: false,
            stop_deadline: Duration::from_secs(20),
            heartbeat: None,
            serve_only: false,
        }
    }
}

impl StartOptions {
    /// The defaults: 127.0.0.1, port 8080 (any free one for a window), a secret of its own, no idle stop, no browser.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the options from the command line of the program; see [`try_from_args`](Self::try_from_args).
    ///
    /// A wrong flag ends the program with a message and code 2, `--help` with the list of flags and code 0.
    pub fn from_args() -> Self {
        let parsed = Flags::try_parse()
            .and_then(|flags| flags.options().map_err(|error| Flags::refuse(&error)));
        parsed.unwrap_or_else(|error| error.exit())
    }

    /// Reads the options from a command line, whose first item is the name of the program.
    ///
    /// | flag | meaning |
    /// | --- | --- |
    /// | `--host HOST`, `-i` | where to listen: an address, `localhost` or a name; default 127.0.0.1 |
    /// | `--port PORT`, `-p` | 0 is any free port; default 8080, or any free one for a window |
    /// | `--server` | serve only: open neither browser nor window |
    /// | `--app` | show a window |
    /// | `--timeout SECONDS` | stop after this time without clients; default 0, never |
    /// | `--authKey SECRET` | a fixed secret, for scripts. Other users of the machine can read it in the list of processes |
    /// | `--authKeyFile FILE` | a fixed secret from a file; also `TRAME_AUTH_KEY_FILE` |
    /// | `--allowed-host NAME[:PORT]` | a further name that the server answers to; may be repeated |
    /// | `--allowed-origin ORIGIN` | a further origin whose pages may connect, `https://app.example.com`; may be repeated |
    /// | `--ssl CERT,KEY` | serve HTTPS with this certificate chain and private key, two PEM files |
    /// | `--debug` | tell pages the whole text of errors, with paths |
    ///
    /// # Errors
    /// A text for the user that says which flag is wrong and lists the known ones.
    pub fn try_from_args<I, T>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let flags = Flags::try_parse_from(args)?;
        flags.options().map_err(|error| Flags::refuse(&error))
    }

    /// Where to listen: an address, or a name whose addresses are all bound. `localhost` has several.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port. 0 takes any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Who shows the application.
    pub fn exec_mode(mut self, exec_mode: ExecMode) -> Self {
        self.exec_mode = exec_mode;
        self
    }

    /// Whether the command line asked for `--server`: a host serves browsers then instead of showing a window.
    pub fn is_serve_only(&self) -> bool {
        self.serve_only
    }

    /// A fixed secret, for clients that are told it by other means. By default there is a new one for every start.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Secret(secret.into()));
        self
    }

    /// A further name that the server answers to, for instance behind a proxy: as it stands in the address bar, with its port if
    /// there is one there. May be given several times.
    ///
    /// A request that was sent to another name is refused, which is what stops DNS rebinding. The start fails with
    /// [`Error::InvalidOption`] when it is no name; there are no wildcards.
    pub fn allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed.hosts.push(host.into());
        self
    }

    /// A further origin whose pages may connect: scheme, name and port, for instance `https://app.example.com` where a proxy adds
    /// TLS. May be given several times.
    ///
    /// Connections of pages of other origins are refused. The start fails with [`Error::InvalidOption`] when it is no origin;
    /// there are no wildcards.
    pub fn allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed.origins.push(origin.into());
        self
    }

    /// Serves HTTPS only, with a certificate chain and its private key from PEM files, which are read at the start.
    ///
    /// The start fails with [`Error::Certificate`] when they cannot be used.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Tells pages the whole text of errors. Otherwise paths and backtraces are left out; see [`Failure`](crate::Failure).
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Stops the server when no client has been connected for this long.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Opens the system's browser when the server listens. Only in [`Server::run`](crate::Server::run).
    pub fn open_browser(mut self, open: bool) -> Self {
        self.open_browser = open;
        self
    }

    /// Prints where the application runs, with a link that signs in once.
    pub fn show_connection_info(mut self, show: bool) -> Self {
        self.show_connection_info = show;
        self
    }

    /// How long a stop may wait for the port to be free before it is an error. Default 20 s.
    pub fn stop_deadline(mut self, deadline: Duration) -> Self {
        self.stop_deadline = deadline;
        self
    }

    /// How often a silent client is asked whether it is still there; zero is never. Default is the server's
    /// [`ws_heart_beat`](crate::ServerOptions::ws_heart_beat).
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(interval);
        self
    }

    /// The port to bind.
    pub(super) fn port_to_bind(&self) -> u16 {
        let default = if self.exec_mode == ExecMode::Desktop {
            0
        } else {
            DEFAULT_PORT
        };
        self.port.unwrap_or(default)
    }
}

/// The command line. Names and meanings are trame's.
#[derive(Parser, Debug)]
#[command(about = None, long_about = None, disable_version_flag = true)]
struct Flags {
    /// Where to listen: an address, `localhost` or a host name
    #[arg(
        short = 'i',
        long,
        env = "TRAME_DEFAULT_HOST",
        default_value = "127.0.0.1"
    )]
    host: String,
    /// The port; 0 is any free one [default: 8080, or any free one for a window]
    #[arg(short, long)]
    port: Option<u16>,
    /// Serve only: open neither a browser nor a window
    #[arg(long, conflicts_with = "app")]
    server: bool,
    /// Show a window of its own
    #[arg(long)]
    app: bool,
    /// Stop after this many seconds without clients; 0 is never
    #[arg(long, short, default_value_t = 0)]
    timeout: u64,
    /// A fixed secret for clients; other users can read it in the list of processes
    #[arg(long = "authKey")]
    auth_key: Option<String>,
    /// A file that holds a fixed secret for clients
    #[arg(long = "authKeyFile", env = "TRAME_AUTH_KEY_FILE")]
    auth_key_file: Option<PathBuf>,
    /// A further name that the server answers to, as it stands in the address bar; may be repeated
    #[arg(long = "allowed-host", value_name = "NAME[:PORT]")]
    allowed_hosts: Vec<String>,
    /// A further origin whose pages may connect, such as https://app.example.com; may be repeated
    #[arg(long = "allowed-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// Serve HTTPS with a certificate chain and its private key, two PEM files
    #[arg(long, value_name = "CERT,KEY", value_parser = certificate)]
    ssl: Option<(PathBuf, PathBuf)>,
    /// Tell pages the whole text of errors, with paths
    #[arg(long)]
    debug: bool,
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

impl Flags {
    fn options(self) -> Result<StartOptions> {
        let secret = match &self.auth_key_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|source| Error::Io {
                    doing: "reading --authKeyFile",
                    source,
                })?;
                Some(text.trim().to_owned())
            }
            None => self.auth_key,
        };
        let allowed = Allowed {
            hosts: self.allowed_hosts,
            origins: self.allowed_origins,
        };
        Ok(StartOptions {
            allowed: allowed.normalized()?,
            certificate: self.ssl,
            debug: self.debug,
            host: self.host,
            port: self.port,
            exec_mode: if self.app {
                ExecMode::Desktop
            } else {
                ExecMode::Main
            },
            secret: secret.filter(|secret| !secret.is_empty()).map(Secret),
            idle_timeout: (self.timeout > 0).then(|| Duration::from_secs(self.timeout)),
            open_browser: !self.server && !self.app,
            show_connection_info: true,
            serve_only: self.server,
            ..StartOptions::default()
        })
    }

    fn refuse(error: &Error) -> clap::Error {
        use clap::{CommandFactory, error::ErrorKind};
        let kind = match error {
            Error::InvalidOption { .. } => ErrorKind::ValueValidation,
            _ => ErrorKind::Io,
        };
        Flags::command().error(kind, error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(args: &[&str]) -> Result<StartOptions, clap::Error> {
        StartOptions::try_from_args([&["program"], args].concat())
    }

    #[test]
    fn the_flags_are_those_of_trame() {
        let options = parse(&[
            "--server",
            "--host",
            "0.0.0.0",
            "--port",
            "0",
            "--timeout",
            "7",
            "--authKey",
            "k",
        ])
        .unwrap();
        assert_eq!(
            (options.host.as_str(), options.port_to_bind()),
            ("0.0.0.0", 0)
        );
        assert_eq!(options.idle_timeout, Some(Duration::from_secs(7)));
        assert_eq!(options.secret.unwrap().0, "k");
        assert!(!options.open_browser && options.serve_only);
    }

    #[test]
    fn a_window_takes_any_port_unless_told_one() {
        assert_eq!(parse(&["--app"]).unwrap().port_to_bind(), 0);
        assert_eq!(
            parse(&["--app", "-p", "4000"]).unwrap().port_to_bind(),
            4000
        );
        assert_eq!(parse(&[]).unwrap().port_to_bind(), DEFAULT_PORT);
    }

    #[test]
    fn a_secret_from_a_file_wins_and_a_missing_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "from file\n").unwrap();
        let file = file.to_str().unwrap();
        let options = parse(&["--authKey", "k", "--authKeyFile", file]).unwrap();
        assert_eq!(options.secret.unwrap().0, "from file");
        let error = parse(&["--authKeyFile", "no such file"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("--authKeyFile"), "{error}");
    }

    #[test]
    fn a_proxy_and_a_certificate_are_named_by_flags() {
        let flags = [
            "--allowed-host",
            "App.example.com",
            "--allowed-host",
            "b.example:81",
            "--allowed-origin",
            "https://App.example.com/",
            "--ssl",
            "cert.pem,key.pem",
        ];
        let options = parse(&flags).unwrap();
        assert_eq!(options.allowed.hosts, ["app.example.com", "b.example:81"]);
        assert_eq!(options.allowed.origins, ["https://app.example.com"]);
        assert_eq!(
            options.certificate,
            Some(("cert.pem".into(), "key.pem".into()))
        );
        assert!(!options.debug && parse(&["--debug"]).unwrap().debug);
    }

    #[test]
    fn rubbish_is_refused_with_a_hint() {
        for rubbish in [
            &["--prot", "1"][..],
            &["--port", "70000"],
            &["--port", "x"],
            &["--server", "--app"],
            &["--allowed-host", "*"],
            &["--allowed-origin", "app.example.com"],
            &["--ssl", "cert.pem"],
        ] {
            let error = parse(rubbish).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        assert!(
            parse(&["--prot", "1"])
                .unwrap_err()
                .to_string()
                .contains("--port")
        );
    }
}
