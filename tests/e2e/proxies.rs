//! Tests proxies in the environment: the window never uses a proxy for its own server, and always
//! for everything else.

use crate::{
    elsewhere::Elsewhere,
    program::{Program, manners, until},
};

const VARIABLES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

/// Returns the requests to the proxy with these environment variables, once it was asked for
/// `last`. `PROXY` stands for the proxy's host and port.
async fn asked(variables: &[(&str, &str)], last: &str) -> Vec<String> {
    let proxy = Elsewhere::start().await;
    let place = proxy.url("PROXY").replace("PROXY://", "");
    let mut program = Program::start_with(&manners(), &[], |command| {
        // Ignores the environment of the tests.
        for name in VARIABLES {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        let pictures =
            "<img src='http://elsewhere.invalid/1'><img src='https://elsewhere.invalid/2'>
            <img src='http://other.invalid/3'>";
        command.env("MANNERS_MARKUP", pictures);
        command.envs(variables.iter().map(|(name, value)| (name, value.replace("PROXY", &place))));
    })
    .await;
    // The page is loaded, and its WebSocket is open.
    program.joined(1).await;
    let has = |asked: &[String]| asked.iter().any(|line| line.starts_with(last));
    until(last, async || has(&proxy.asked()).then_some(())).await;
    let own = format!("127.0.0.1:{}", program.port());
    drop(program.child.kill().await);
    let asked = proxy.asked();
    assert!(!asked.iter().any(|line| line.contains(&own)), "{asked:?}");
    asked
}

#[tokio::test]
async fn the_own_server_is_reached_without_a_proxy_and_others_through_it() {
    const FIRST: &str = "GET http://elsewhere.invalid/1 ";
    const SECURE: &str = "CONNECT elsewhere.invalid:443 ";
    const OTHER: &str = "GET http://other.invalid/3 ";
    let has = |asked: &[String], begin: &str| asked.iter().any(|line| line.starts_with(begin));

    asked(&[("http_proxy", "http://PROXY")], OTHER).await;
    asked(&[("HTTP_PROXY", "http://PROXY"), ("https_proxy", "http://PROXY")], SECURE).await;
    let through = asked(&[("https_proxy", "http://PROXY")], SECURE).await;
    assert!(!has(&through, FIRST), "{through:?}");
    let excepted = [("http_proxy", "http://PROXY"), ("no_proxy", "elsewhere.invalid,localhost")];
    let through = asked(&excepted, OTHER).await;
    assert!(!has(&through, FIRST), "{through:?}");
    // The program's own server is already an exception.
    let excepted = [("http_proxy", "http://PROXY"), ("no_proxy", "127.0.0.0/8")];
    asked(&excepted, FIRST).await;
    asked(&[("http_proxy", "socks5://PROXY")], "SOCKS elsewhere.invalid:80").await;
}
