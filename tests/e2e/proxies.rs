//! Proxies in the environment: the window's own server is never reached through one, everything else is.

use std::ffi::OsStr;

use crate::{
    driver::Driver,
    elsewhere::Elsewhere,
    program::{manners, until},
};

/// What the window says that it has loaded, and what the proxy was asked, with these variables in the environment. `PROXY`
/// stands for the proxy's host and port.
async fn asked(variables: &[(&str, &str)]) -> Vec<String> {
    let proxy = Elsewhere::start().await;
    let place = proxy.url("PROXY").replace("PROXY://", "");
    // What the surroundings of the tests say does not count.
    let mut environment: Vec<(&str, String)> = [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ]
    .map(|name| (name, String::new()))
    .to_vec();
    environment
        .extend(variables.iter().map(|(name, value)| (*name, value.replace("PROXY", &place))));
    let environment: Vec<(&str, &OsStr)> =
        environment.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let driver = Driver::window_of(&manners(), &environment, &[]).await;
    // The page is there, and its WebSocket has brought the state.
    driver.element("launches").await;
    assert_eq!(proxy.asked(), [""; 0], "{variables:?}: the own server");
    driver
        .js(
            "window.ended = 0;
            for (const url of ['http://elsewhere.invalid/picture', 'https://elsewhere.invalid/', 'http://other.invalid/'])
                Object.assign(new Image(), { src: url, onload: () => ended += 1, onerror: () => ended += 1 })",
        )
        .await;
    driver.js_until("window.ended === 3").await;
    proxy.asked()
}

#[tokio::test]
async fn the_own_server_is_reached_without_a_proxy_and_others_through_it() {
    const PICTURE: &str = "GET http://elsewhere.invalid/picture HTTP/1.1";
    const SECURE: &str = "CONNECT elsewhere.invalid:443 HTTP/1.";
    let has = |asked: &[String], begin: &str| asked.iter().any(|line| line.starts_with(begin));

    let through = asked(&[("http_proxy", "http://PROXY")]).await;
    assert!(has(&through, PICTURE), "{through:?}");
    let through = asked(&[("http_proxy", "http://PROXY"), ("https_proxy", "http://PROXY")]).await;
    assert!(has(&through, PICTURE) && has(&through, SECURE), "{through:?}");
    let through = asked(&[("https_proxy", "http://PROXY")]).await;
    assert!(!has(&through, PICTURE) && has(&through, SECURE), "{through:?}");
    let excepted = [("http_proxy", "http://PROXY"), ("no_proxy", "elsewhere.invalid")];
    let through = asked(&excepted).await;
    assert!(!has(&through, PICTURE) && has(&through, "GET http://other.invalid/ "), "{through:?}");
    let through = asked(&[("http_proxy", "socks5://PROXY")]).await;
    assert!(has(&through, "SOCKS elsewhere.invalid:80"), "{through:?}");
    let through = asked(&[("all_proxy", "socks5://PROXY"), ("no_proxy", "localhost")]).await;
    println!("all_proxy: {through:?}");
}
