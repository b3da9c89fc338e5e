//! Tests which clients get in, and what happens to those that misbehave.

use futures_util::{SinkExt, StreamExt};
use selvedge::{Module, Running, Server};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{
    Client, SECRET, SignedIn, TIMEOUT, frame, open, open_with, options, request, request_with,
    start, to_json,
};

async fn server() -> Running {
    start(&Server::new("access")).await
}

/// Returns the server's close code, after some messages.
async fn close_code(running: &Running, messages: Vec<Message>) -> Option<u16> {
    ending(running, messages).await.map(|(code, _)| code)
}

/// Returns the server's close code and reason, after some messages.
async fn ending(running: &Running, messages: Vec<Message>) -> Option<(u16, String)> {
    let mut socket = open(running).await;
    for message in messages {
        if socket.send(message).await.is_err() {
            break;
        }
    }
    let mut ending = None;
    while let Some(Ok(message)) = timeout(TIMEOUT, socket.next()).await.expect("an end in time") {
        if let Message::Close(Some(frame)) = message {
            ending = Some((frame.code.into(), frame.reason.to_string()));
        }
    }
    ending
}

#[tokio::test]
async fn a_foreign_host_is_refused_everywhere() {
    let running = server().await;
    for path in ["/", "/index.html", "/ws", "/paraview/"] {
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example"] {
            assert_eq!(
                request(&running, "GET", path, &[("Host", host)]).await.status,
                403,
                "{host} {path}"
            );
        }
    }
    let local = format!("localhost:{}", running.port());
    assert_eq!(request(&running, "GET", "/", &[("Host", &local)]).await.status, 302);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_websocket() {
    let running = server().await;
    let own = running.url().to_owned();
    let other_port = format!("http://127.0.0.1:{}", running.port() ^ 1);
    for origin in ["http://evil.example", "null", "", "tauri://localhost", other_port.as_str()] {
        let refused = open_with(&running, &[("origin", origin)]).await;
        assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 403), "{origin}");
        let answer =
            request(&running, "POST", "/paraview/", &[("Origin", origin), ("Content-Length", "0")])
                .await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert!(open_with(&running, &[("origin", &own)]).await.is_ok());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn on_all_addresses_the_origin_has_to_be_the_requests_own_host() {
    for host in ["0.0.0.0", "::"] {
        let server = Server::new("access");
        server.websocket("/own", async |request: selvedge::websocket::Request| {
            request.accept().await?;
            Ok(())
        });
        let running = server.spawn(options().host(host)).await.unwrap();
        let port = running.port();
        let own = format!("127.0.0.1:{port}");
        let foreign = [
            format!("http://6.6.6.6:{port}"),
            format!("http://[2001:db8::6]:{port}"),
            format!("https://{own}"),
            format!("http://localhost:{port}"),
        ];
        for origin in &foreign {
            for path in ["/ws", "/own"] {
                let headers = upgrade_headers(&own, origin);
                let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
                let answer = request(&running, "GET", path, &headers).await;
                assert_eq!(answer.status, 403, "{origin} {path}");
            }
            let headers = [("Host", own.as_str()), ("Origin", origin), ("Content-Length", "0")];
            assert_eq!(request(&running, "POST", "/paraview/", &headers).await.status, 403);
        }
        let headers =
            [("Host", own.as_str()), ("Origin", &format!("http://{own}")), ("Content-Length", "0")];
        assert_eq!(request(&running, "POST", "/paraview/", &headers).await.status, 200);
        let rebound = format!("evil.example:{port}");
        assert_eq!(request(&running, "GET", "/", &[("Host", &rebound)]).await.status, 403);
        running.stop().await.unwrap();
    }
}

fn upgrade_headers(host: &str, origin: &str) -> [(&'static str, String); 6] {
    [
        ("Host", host),
        ("Origin", origin),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}

#[tokio::test]
async fn the_refusal_of_a_foreign_name_tells_which_option_allows_it() {
    let running = server().await;
    let name = format!("app.example.com:{}", running.port());
    let answer = request(&running, "GET", "/index.html", &[("Host", &name)]).await;
    assert!(answer.text().contains(&format!("--allowed-host {name}")), "{answer:?}");
    let odd = request(&running, "GET", "/", &[("Host", "<script>")]).await;
    assert!(odd.status == 403 && !odd.text().contains("<script>"), "{odd:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_leads_to_the_secret() {
    let running = server().await;
    let stranger = request(&running, "POST", "/paraview/", &[("Content-Length", "0")]).await;
    assert!(stranger.text().contains("sign"), "{stranger:?}");
    let link = running.sign_in_url().unwrap();
    let path = link.strip_prefix(running.url()).unwrap();
    let answer = request(&running, "GET", path, &[]).await;
    let signed_in = SignedIn::from(&answer);
    assert!(answer.header("location").starts_with("./#"));
    let cookie = &signed_in.set_cookie;
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let name = format!("selvedge-{}=", running.port());
    assert!(cookie.starts_with(&name), "{cookie}");
    assert!(cookie.contains("Max-Age=2592000"), "it outlives the browser: {cookie}");
    let again = request(&running, "GET", path, &[]).await;
    assert_eq!(again.status, 403, "a used link");
    let session = format!("ws://127.0.0.1:{}/ws", running.port());
    let launched = signed_in.launch(&running, &[]).await;
    assert_eq!(launched["sessionURL"], session);
    let secret = launched["secret"].as_str().unwrap();
    assert_ne!(secret, SECRET, "a browser has a secret of its own");
    Client::hello_with(open(&running).await, secret).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_used_link_readmits_a_browser_that_another_site_has_sent() {
    let running = server().await;
    let link = running.sign_in_url().unwrap();
    let path = format!("{}&ui=side%22", link.strip_prefix(running.url()).unwrap());
    let signed_in = SignedIn::from(&request(&running, "GET", &path, &[]).await);
    // From another site the browser sends no cookie; it does when a page of this site redirects.
    let clicked = request(&running, "GET", &path, &[]).await;
    assert_eq!((clicked.status, clicked.header("cache-control")), (403, "no-store"));
    assert!(clicked.header("content-type").starts_with("text/html"));
    assert!(!clicked.text().contains(path.split(['=', '&']).nth(1).unwrap()), "no token");
    let text = clicked.text();
    let target = text.split_once("url=./").unwrap().1.split_once('"').unwrap().0;
    let target = format!("/{}", target.replace("&amp;", "&"));
    assert_eq!(target, "/?ui=side%22&sign_in=same_site");
    let inside = request(&running, "GET", &target, &[("Cookie", signed_in.cookie())]).await;
    assert_eq!((inside.status, inside.header("location")), (303, "./?ui=side%22"), "no proof");
    let stranger = request(&running, "GET", &target, &[]).await;
    assert!(stranger.status == 403 && stranger.text().contains("--sign-in-link"), "{stranger:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_later_program_on_the_port_does_not_know_the_browser() {
    let running = server().await;
    let port = running.port();
    let signed_in = SignedIn::at(&running, &[]).await;
    running.stop().await.unwrap();
    let running = Server::new("access").spawn(options().port(port)).await.unwrap();
    let cookie = [("Cookie", signed_in.cookie())];
    let launched = request_with(&running, "POST", "/paraview/", &cookie, &signed_in.body()).await;
    assert!(launched.text().contains("Not signed in"), "{launched:?}");
    let link = request(&running, "GET", "/?sign_in=same_site", &cookie).await;
    assert_eq!(link.status, 403);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_cookie_alone_which_every_port_of_the_host_is_sent_opens_nothing() {
    let running = server().await;
    let signed_in = SignedIn::at(&running, &[]).await;
    let cookie = [("Cookie", signed_in.cookie())];
    for body in ["{}", "", "rubbish", r#"{"signInProof":"guess"}"#, r#"{"signInProof":5}"#] {
        let answer = request_with(&running, "POST", "/paraview/", &cookie, body).await;
        assert!(answer.text().contains("error"), "{body}: {answer:?}");
    }
    let link = request(&running, "GET", "/?sign_in=used", &cookie).await;
    assert_eq!((link.status, link.header("location")), (303, "./"), "no proof");
    let proof = request_with(&running, "POST", "/paraview/", &[], &signed_in.body()).await;
    assert!(proof.text().contains("error"), "nor does the proof alone");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_page_of_a_module_signs_in_with_the_cookie() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("index.html"), "stock").unwrap();
    let module = Module { www: Some(dir.path().to_owned().into()), ..Module::default() };
    let server = Server::new("access");
    server.enable_module(module).unwrap();
    let running = start(&server).await;
    let link = running.sign_in_url().unwrap();
    let path = link.strip_prefix(running.url()).unwrap();
    let answer = request(&running, "GET", path, &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "./"));
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    let launched = request_with(&running, "POST", "/paraview/", &[("Cookie", cookie)], "{}").await;
    assert!(launched.text().contains("\"secret\":"), "{launched:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn secrets_are_new_for_every_start() {
    let server = Server::new("access");
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let options = selvedge::StartOptions::new().port(0);
        let running = server.spawn(options).await.unwrap();
        let signed_in = SignedIn::at(&running, &[]).await;
        let launched = signed_in.launch(&running, &[]).await;
        secrets.push(launched["secret"].as_str().unwrap().to_owned());
        running.stop().await.unwrap();
    }
    assert_ne!(secrets[0], secrets[1]);
    assert!(secrets[0].len() >= 64);
}

#[tokio::test]
async fn without_the_secret_every_request_is_refused() {
    let running = server().await;
    let mut socket = open(&running).await;
    for (call, code, text) in [
        (
            json!({"id": "rpc:c0:1", "method": "trame.state.get", "args": []}),
            -32000,
            "Unauthorized",
        ),
        (
            json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": "guess"}]}),
            -32000,
            "Authentication",
        ),
        (
            json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": 5}]}),
            -32000,
            "Authentication",
        ),
        (
            json!({"id": "system:c0:0", "method": "wslink.other", "args": []}),
            -32601,
            "Unknown system",
        ),
    ] {
        socket.send(Message::Binary(frame(&call).into())).await.unwrap();
        let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("{call}") };
        let answer = to_json(&rmpv::decode::read_value(&mut &answer[12..]).unwrap());
        assert_eq!(answer["error"]["code"], code, "{call}");
        assert!(answer["error"]["message"].as_str().unwrap().starts_with(text), "{call}");
    }
    Client::hello(socket).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn three_wrong_secrets_end_a_connection() {
    let running = server().await;
    let guess = |secret: &str| {
        let args = json!([{ "secret": secret }]);
        let hello = json!({"id": "system:c0:0", "method": "wslink.hello", "args": args});
        Message::Binary(frame(&hello).into())
    };
    let guesses = ["k", "k-tes", "k-test-"].map(guess);
    let locked_out = Some((1008, "Too many refused messages".to_owned()));
    assert_eq!(ending(&running, guesses.into()).await, locked_out);
    let nothing = json!({"id": "system:c0:0", "method": "wslink.hello", "args": []});
    let nothing = vec![Message::Binary(frame(&nothing).into()); 3];
    assert_eq!(ending(&running, nothing).await, locked_out);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn clients_without_a_hello_are_answered_only_so_often() {
    let running = server().await;
    let call = json!({"id": "rpc:c0:1", "method": "trame.state.get", "args": []});
    let calls = vec![Message::Binary(frame(&call).into()); 16];
    let locked_out = Some((1008, "Too many refused messages".to_owned()));
    assert_eq!(ending(&running, calls).await, locked_out);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_invalid_message_ends_only_its_own_connection() {
    let running = server().await;
    let mut bystander = Client::connect(&running).await;
    let hello =
        json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": SECRET}]});
    let hello = || Message::Binary(frame(&hello).into());
    let header = |offset: u32, total: u32| {
        [5, offset, total].iter().flat_map(|field| field.to_le_bytes()).collect::<Vec<u8>>()
    };
    let bomb = || {
        let mut bomb = header(0, 5000);
        bomb.extend([0x91; 5000]);
        bomb
    };
    let rubbish: Vec<Vec<u8>> = vec![
        vec![1, 2, 3],
        [header(0, 4), vec![0xc1; 4]].concat(),
        [header(9, 4), vec![0; 4]].concat(),
        [header(0, 5), vec![0xdf, 0xff, 0xff, 0xff, 0xff]].concat(),
        header(0, 100),
    ];
    for bytes in rubbish {
        let binary = Message::Binary(bytes.clone().into());
        assert_eq!(close_code(&running, vec![binary.clone()]).await, Some(1002), "{bytes:?}");
        assert_eq!(close_code(&running, vec![hello(), binary]).await, Some(1002), "{bytes:?}");
    }
    let binary = || Message::Binary(bomb().into());
    assert_eq!(close_code(&running, vec![hello(), binary()]).await, Some(1002), "it nests");
    assert_eq!(close_code(&running, vec![binary()]).await, Some(1009), "before the hello");
    assert_eq!(bystander.snapshot().await["trame__title"], "access");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn messages_that_are_too_large_are_refused_with_the_reason() {
    let server_options = selvedge::run::ServerOptions::new().ws_max_msg_size(5000);
    let running = start(&Server::with_options("access", server_options)).await;
    let hello =
        json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": SECRET}]});
    let hello = || Message::Binary(frame(&hello).into());
    let too_large = Some((1009, "Message too large".to_owned()));
    let frame = Message::Binary(vec![0; 20_000].into());
    assert_eq!(ending(&running, vec![hello(), frame]).await, too_large, "a frame");
    let header: Vec<u8> = [5, 0, u32::MAX].into_iter().flat_map(u32::to_le_bytes).collect();
    let chunk = || Message::Binary([&header[..], &[0; 4]].concat().into());
    assert_eq!(ending(&running, vec![hello(), chunk()]).await, too_large, "a message in chunks");
    assert_eq!(ending(&running, vec![chunk()]).await, too_large, "before the hello");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn text_and_odd_messages_are_ignored() {
    let running = server().await;
    let mut client = Client::connect(&running).await;
    let socket = client.socket();
    socket.send(Message::text("hello")).await.unwrap();
    for odd in
        [json!([1, 2]), json!("text"), json!(5), json!(null), json!({"method": "trame.state.get"})]
    {
        socket.send(Message::Binary(frame(&odd).into())).await.unwrap();
    }
    assert_eq!(client.snapshot().await["trame__title"], "access");
    assert!(client.take_inbox().is_empty());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn clients_without_a_hello_are_disconnected() {
    let running = server().await;
    assert_eq!(close_code(&running, vec![]).await, Some(1008));
    running.stop().await.unwrap();
}
