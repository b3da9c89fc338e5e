//! Tests of command lines and the options that they set.
use super::*;
use crate::http::Invited;

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
fn compression_is_chosen_with_wslinks_flag_or_our_own() {
    let chosen = |args: &[&str]| parse(args).unwrap().endpoints.compression;
    assert_eq!(chosen(&[]), Compression::Auto);
    for (value, expected) in [
        ("auto", Compression::Auto),
        ("1", Compression::Auto),
        ("Always", Compression::Always),
        ("never", Compression::Never),
        ("0", Compression::Never),
        ("false", Compression::Never),
    ] {
        assert_eq!(chosen(&["--ws-compress", value]), expected, "{value}");
    }
    // The other flag may come from the environment.
    assert_eq!(chosen(&["--ws-compress=1", "--no-ws-compress"]), Compression::Never);
    assert!(parse(&["--ws-compress", "sometimes"]).is_err());
}

#[test]
fn development_and_a_kept_state_are_asked_for() {
    let options = parse(&["--keep-state", "a.kept"]).unwrap();
    assert_eq!(options.kept_file("app"), Some("a.kept".into()));
    assert!(!options.development.is_on() && !options.follows_files());
    let options = parse(&["--dev"]).unwrap();
    assert!(options.development.is_on() && options.follows_files());
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
        "--trusted-proxy",
        "10.0.0.0/24",
        "--user-header",
        "X-Forwarded-User",
        "--ssl",
        "cert.pem,key.pem",
    ];
    let options = parse(&flags).unwrap();
    assert_eq!(options.allowed.hosts, ["app.example.com", "b.example:81"]);
    assert_eq!(options.allowed.origins, ["https://app.example.com"]);
    assert_eq!(options.proxies.addresses, ["10.0.0.0/24"]);
    assert_eq!(options.proxies.user_header.as_deref(), Some("X-Forwarded-User"));
    assert_eq!(options.certificate, Some(("cert.pem".into(), "key.pem".into())));
    assert!(!options.debug && parse(&["--debug"]).unwrap().debug);
}

#[test]
fn invalid_values_are_refused_with_a_hint() {
    for rubbish in [
        &["--prot", "1"][..],
        &["--port", "70000"],
        &["--port", "x"],
        &["--server", "--app"],
        &["--fs-endpoints", "a"],
        &["--trusted-proxy", "proxy.example.com"],
        &["--user-header", "X-Forwarded-User"],
        &["--sign-in-link="],
        &["--sign-in-link", "ada"],
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

#[test]
fn a_link_is_for_anyone_or_for_a_user_with_a_name() {
    assert_eq!(parse(&[]).unwrap().sign_in_link, None);
    assert_eq!(parse(&["--sign-in-link"]).unwrap().sign_in_link, Some(Invited::Anyone));
    let named = parse(&["--sign-in-link=Ada Lovelace", "--port", "0"]).unwrap();
    assert_eq!(named.sign_in_link, Some(Invited::Named("Ada Lovelace".to_owned())));
}
