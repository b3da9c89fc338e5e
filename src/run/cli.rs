//! How to start, from the command line: the flags that trame's applications have, open for those of an application.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser, error::ErrorKind};

use super::{StartOptions, secret::Secret};
use crate::{
    Error, Program, Result, Server,
    http::Allowed,
    server::{Endpoints, ExecMode},
};

/// What `--version` prints behind the name of a program that says none.
const UNVERSIONED: &str = concat!("(Selvedge ", env!("CARGO_PKG_VERSION"), ")");

/// The flags of a server, for the command line of an application that has flags of its own.
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
///     server: selvedge::Cli,
/// }
///
/// let arguments = Arguments::parse_from(["program", "--data", "a.csv", "--port", "0"]);
/// let options = arguments.server.options()?;
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// [`Server::cli`] has the same flags for clap's builder, and [`StartOptions::from_args`] is all that an application
/// without flags of its own needs. The program needs no dependency on clap: it is re-exported as [`clap`](crate::clap).
///
/// | flag | meaning |
/// | --- | --- |
/// | `--host HOST`, `-i` | where to listen: an address, `localhost` or a name; also `TRAME_DEFAULT_HOST`; default 127.0.0.1 |
/// | `--port PORT`, `-p` | 0 is any free port; default 8080, for a window that of its last start or any free one |
/// | `--server` | serve only: open neither browser nor window; `TRAME_SERVER` in the environment keeps the browser closed, too |
/// | `--app` | show a window |
/// | `--timeout SECONDS` | stop after this time without clients; default 0, never (trame: 300) |
/// | `--sign-in-link` | print a sign-in link of the program that runs already as the same user, on `--port` if that is given, and end; on Unix |
/// | `--banner` | print the names of the application and the library when it listens |
/// | `--debug` | tell pages the whole text of errors, with paths, and log in detail |
/// | `--allowed-host NAME[:PORT]` | a further name that the server answers to; may be repeated |
/// | `--allowed-origin ORIGIN` | a further origin whose pages may connect, `https://app.example.com`; may be repeated |
/// | `--ssl CERT,KEY` | serve HTTPS with this certificate chain and private key, two PEM files |
/// | `--hot-reload` | let open pages follow the files of templates and modules; also `TRAME_HOT_RELOAD` |
/// | `--keep-state FILE` | keep the state in this file, and take it over from there; also `SELVEDGE_KEEP_STATE` |
/// | `--dev` | develop the program: pages follow their files, and state and sign-in survive a restart; also `SELVEDGE_DEV` |
/// | `--nosignalhandlers` | do not stop on signals |
/// | `--no-http` | serve the WebSocket only |
/// | `--content FOLDER` | serve this folder in place of the page |
/// | `--ws-endpoint PATH` | the path of the WebSocket; default `ws` |
/// | `--no-ws-endpoint` | serve files only |
/// | `--fs-endpoints 'A=FOLDER\|B=FOLDER'` | serve these folders, too |
/// | `--follow-symlinks` | follow symbolic links that lead out of a served folder; those that stay inside are always followed |
/// | `--authKey SECRET` | a fixed secret, for scripts. Other users of the machine can read it in the list of processes |
/// | `--authKeyFile FILE` | a fixed secret from a file; wins over `--authKey`; also `TRAME_AUTH_KEY_FILE` |
/// | `--trame-args 'FLAGS'` | read these flags, split at blanks, and no others of this table; also `TRAME_ARGS` |
///
/// Flags of trame that do not exist here, and are refused: `--reverse-url` (put a proxy in front), `--no-ws-compress` (nothing is
/// compressed).
#[derive(Args, Clone, Debug)]
pub struct Cli {
    /// Where to listen: an address, `localhost` or a host name [default: 127.0.0.1]
    #[arg(short = 'i', long)]
    host: Option<String>,
    /// The port; 0 is any free one [default: 8080; for a window that of its last start, or any free one]
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
    /// Develop the program: pages follow their files, state and sign-in survive a restart
    #[arg(long)]
    dev: bool,
    /// Print a sign-in link of the program that runs already, and end
    #[arg(long)]
    sign_in_link: bool,
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
    /// Serve HTTPS with a certificate chain and its private key, two PEM files
    #[arg(long, value_name = "CERT,KEY", value_parser = certificate)]
    ssl: Option<(PathBuf, PathBuf)>,
    /// Read these flags of the server, split at blanks, and no others
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    trame_args: Option<String>,
}

/// The flags without any of an application.
#[derive(Parser)]
#[command(about = None, long_about = None, disable_version_flag = true)]
struct Alone {
    #[command(flatten)]
    flags: Cli,
}

/// The flags, and the files that a program is to open.
#[derive(Parser)]
#[command(about = None, long_about = None)]
struct WithFiles {
    #[command(flatten)]
    flags: Cli,
    /// Files to open
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// One part of `--fs-endpoints`.
fn folder(part: &str) -> Result<(String, PathBuf), &'static str> {
    let (prefix, folder) =
        part.split_once('=').ok_or("write PREFIX=FOLDER, and `|` between two of them")?;
    Ok((prefix.to_owned(), folder.into()))
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
    /// What the flags and the environment say.
    ///
    /// # Errors
    /// [`Error::Io`] when `--authKeyFile` cannot be read, [`Error::InvalidOption`] for a name or an origin that is none, for an
    /// empty secret, and for what `--trame-args` has wrong.
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
        let allowed =
            Allowed { hosts: self.allowed_hosts.clone(), origins: self.allowed_origins.clone() };
        Ok(StartOptions {
            allowed: allowed.normalized()?,
            certificate: self.ssl.clone(),
            hosts: [self.host.clone(), None, variable("TRAME_DEFAULT_HOST")],
            port: self.port,
            exec_mode: match self.app {
                true => ExecMode::Desktop,
                false => ExecMode::Main,
            },
            secret: self.secret()?,
            idle_timeout: (self.timeout > 0).then(|| Duration::from_secs(self.timeout)),
            open_browser: !self.server && !self.app && variable("TRAME_SERVER").is_none(),
            show_connection_info: true,
            banner: self.banner,
            debug: self.debug,
            hot_reload: self.hot_reload || variable("TRAME_HOT_RELOAD").is_some(),
            handle_signals: !self.no_signal_handlers,
            keep_state: self.keep_state.clone(),
            endpoints: self.endpoints(),
            serve_only: self.server,
            knows_flags: true,
            sign_in_link: self.sign_in_link,
            ..StartOptions::default()
        }
        .development(self.dev || variable("SELVEDGE_DEV").is_some()))
    }

    fn secret(&self) -> Result<Option<Secret>> {
        let (option, secret) = match (&self.auth_key_file, &self.auth_key) {
            (Some(file), _) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|source| Error::Io { doing: "reading --authKeyFile", source })?;
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
            http: !self.no_http,
            content: self.content.clone(),
            folders: self.fs_endpoints.iter().cloned().collect(),
            follow_symlinks: self.follow_symlinks,
        }
    }
}

impl Server {
    /// The command line of the server, for an application that adds arguments of its own.
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
    /// [`Cli`] lists the flags, and shows the same with derived arguments.
    pub fn cli(&self) -> clap::Command {
        Alone::command().display_name(self.name().to_owned())
    }
}

impl StartOptions {
    /// Reads the options from the command line of the program; see [`try_from_args`](Self::try_from_args).
    ///
    /// A wrong flag ends the program with a message and code 2, `--help` with the list of flags and code 0.
    pub fn from_args() -> Self {
        Self::try_from_args(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Like [`from_args`](Self::from_args), for a program that says its name and version, which `--version` prints, and that
    /// opens [files](Self::files): what is no flag and no value of one.
    ///
    /// ```no_run
    /// use selvedge::{Program, StartOptions};
    ///
    /// let program = Program::new("clock").version(env!("CARGO_PKG_VERSION"));
    /// let options = StartOptions::from_args_of(&program);
    /// ```
    pub fn from_args_of(program: &Program) -> Self {
        Self::try_from_args_of(program, std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// The same from a given command line, whose first item is the name of the program.
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

    /// Reads the options from a command line, whose first item is the name of the program, and from the environment.
    ///
    /// [`Cli`] lists the flags. With `TRAME_ARGS` in the environment, flags are read from there and not from `args`.
    ///
    /// # Errors
    /// A text for the user that says which flag is wrong and lists the known ones.
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
            Alone::command().error(kind, error)
        })
    }

    /// The options in a command line that [`Server::cli`] has read.
    ///
    /// # Errors
    /// Those of [`Cli::options`].
    ///
    /// # Panics
    /// When the command that read it does not have the flags of a server.
    pub fn from_matches(matches: &clap::ArgMatches) -> Result<Self> {
        match Cli::from_arg_matches(matches) {
            Ok(flags) => flags.options(),
            Err(error) => panic!("these are not the matches of `Server::cli`: {error}"),
        }
    }
}

/// What the flags of a command line are, or those of `TRAME_ARGS` in their place.
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(args: &[&str]) -> Result<StartOptions, clap::Error> {
        StartOptions::try_from_args([&["program"], args].concat())
    }

    #[test]
    fn flags_have_the_meaning_that_they_have_for_trame() {
        let line = "--server --host 0.0.0.0 --port 0 --timeout 7 --authKey k --banner --debug --nosignalhandlers \
            --content src --ws-endpoint /socket --fs-endpoints a=src|b=tests --no-http";
        let options = parse(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
        assert_eq!((options.host_to_bind(), options.port_to_bind()), ("0.0.0.0", 0));
        assert_eq!(options.idle_timeout, Some(Duration::from_secs(7)));
        assert_eq!(options.secret.as_ref().unwrap().0, "k");
        assert!(!options.open_browser && options.is_serve_only());
        assert!(options.banner && options.is_debug() && !options.handle_signals);
        let endpoints = &options.endpoints;
        assert_eq!(endpoints.websocket.as_deref(), Some("socket"));
        assert_eq!(endpoints.content, Some("src".into()));
        assert_eq!(endpoints.folders["b"], PathBuf::from("tests"));
        assert!(!endpoints.http && !endpoints.follow_symlinks);
        assert!(parse(&["--follow-symlinks"]).unwrap().endpoints.follow_symlinks);
        let nothing = parse(&["--no-ws-endpoint"]).unwrap().endpoints.websocket;
        assert_eq!(nothing, None);
    }

    #[test]
    fn development_and_a_kept_state_are_asked_for() {
        let options = parse(&["--keep-state", "a.kept"]).unwrap();
        assert_eq!(options.kept_file("app"), Some("a.kept".into()));
        assert!(!options.development && !options.hot_reload);
        let options = parse(&["--dev"]).unwrap();
        assert!(options.development && options.hot_reload);
        let beside = options.kept_file("my app").unwrap();
        assert_eq!(beside.parent(), std::env::current_exe().unwrap().parent());
        assert!(beside.to_str().unwrap().ends_with(".my_app.kept"), "{beside:?}");
        assert_eq!(parse(&[]).unwrap().kept_file("app"), None);
    }

    #[test]
    fn code_wins_over_the_command_line_but_for_the_host() {
        let options = parse(&["--host", "::1", "--port", "4000", "--timeout", "7"]).unwrap();
        let options = options.host("0.0.0.0").port(5000).idle_timeout(Duration::ZERO);
        assert_eq!((options.host_to_bind(), options.port_to_bind()), ("::1", 5000));
        assert_eq!(options.idle_timeout, None);
        assert_eq!(parse(&[]).unwrap().host("0.0.0.0").host_to_bind(), "0.0.0.0");
    }

    #[test]
    fn trame_args_take_the_place_of_the_other_flags() {
        let options = parse(&["--port", "4000", "--trame-args", "--host ::1 --server"]).unwrap();
        assert_eq!((options.host_to_bind(), options.port), ("::1", None));
        assert!(options.is_serve_only());
        let text = parse(&["--trame-args", "--prot 1"]).unwrap_err().to_string();
        assert!(text.contains("--trame-args") && text.contains("--prot 1"), "{text}");
    }

    #[test]
    fn a_secret_from_a_file_wins_and_a_missing_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "from file\n").unwrap();
        let file = file.to_str().unwrap();
        let options = parse(&["--authKey", "k", "--authKeyFile", file]).unwrap();
        assert_eq!(options.secret.unwrap().0, "from file");
        std::fs::write(file, "\n").unwrap();
        let text = parse(&["--authKeyFile", file]).unwrap_err().to_string();
        assert!(text.contains("--authKeyFile") && text.contains("empty"), "{text}");
        let text = parse(&["--authKeyFile", "no such file"]).unwrap_err().to_string();
        assert!(text.contains("--authKeyFile"), "{text}");
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
        assert_eq!(options.certificate, Some(("cert.pem".into(), "key.pem".into())));
        assert!(!options.debug && parse(&["--debug"]).unwrap().debug);
    }

    #[test]
    fn rubbish_is_refused_with_a_hint() {
        for rubbish in [
            &["--prot", "1"][..],
            &["--port", "70000"],
            &["--port", "x"],
            &["--server", "--app"],
            &["--fs-endpoints", "a"],
            &["--allowed-host", "*"],
            &["--allowed-origin", "app.example.com"],
            &["--ssl", "cert.pem"],
            &["--authKey", ""],
        ] {
            let error = parse(rubbish).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        let text = parse(&["--prot", "1"]).unwrap_err().to_string();
        assert!(text.contains("--port"), "{text}");
    }

    #[test]
    fn a_program_takes_files_between_its_flags() {
        let program = Program::new("view").version("1.2");
        let parse =
            |args: &[&str]| StartOptions::try_from_args_of(&program, [&["view"], args].concat());
        let options = parse(&["a.png", "--port", "4000", "b c.png", "--", "--server"]).unwrap();
        assert_eq!(options.port_to_bind(), 4000);
        assert!(!options.is_serve_only());
        assert_eq!(
            options.launch().files,
            ["a.png", "b c.png", "--server"]
                .map(|file| { std::env::current_dir().unwrap().join(file) })
        );
        assert_eq!(parse(&["--prot", "1"]).unwrap_err().exit_code(), 2);
        assert_eq!(parse(&["--version"]).unwrap_err().to_string(), "view 1.2\n");
    }

    #[test]
    fn an_application_adds_arguments_to_those_of_its_server() {
        let command = || {
            let data = clap::Arg::new("data").long("data").required(true);
            Server::new("plot").cli().arg(data)
        };
        command().debug_assert();
        let line = ["plot", "--data", "a.csv", "--port", "0"];
        let matches = command().try_get_matches_from(line).unwrap();
        assert_eq!(matches.get_one::<String>("data").unwrap(), "a.csv");
        let options = StartOptions::from_matches(&matches).unwrap();
        assert_eq!(options.port_to_bind(), 0);
        let help = command().render_help().to_string();
        assert!(help.contains("--data") && help.contains("--authKeyFile"), "{help}");
    }
}
