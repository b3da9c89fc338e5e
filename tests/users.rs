//! Tests users: how they sign in, what the application learns of them, and what they may do.

use futures_util::StreamExt;
use selvedge::{
    Ctx, Failure, Lifecycle, Running, Server,
    rooms::{Person, Role, Room, Rooms, Scope, User},
};
use serde_json::{Value, json};

use crate::support::{
    Client, SECRET, SignedIn, open, open_with, options, request, request_with, to_json,
};

/// Connects the page of a user who has signed in.
async fn page(running: &Running, browser: &SignedIn) -> Client {
    let launched = browser.launch(running, &[]).await;
    let secret = launched["secret"].as_str().unwrap_or_else(|| panic!("{launched}"));
    Client::hello_with(open(running).await, secret).await
}

async fn page_of(running: &Running, name: &str) -> Client {
    page(running, &SignedIn::as_user(running, name).await).await
}

/// Waits until a key has a value.
async fn wait_for(client: &mut Client, key: &str, value: &Value) {
    while client.snapshot().await[key] != *value {
        client.pushed().await;
    }
}

/// Returns the error of an answer, with the text for users.
fn refusal<T: std::fmt::Debug>(answer: Result<T, rmpv::Value>) -> String {
    to_json(&answer.unwrap_err()).to_string()
}

#[tokio::test]
async fn callbacks_know_who_has_called() {
    let server = Server::new("doc");
    server.trigger("who", |_: Ctx, user: User| user.name().map(str::to_owned));
    server.trigger("is_known", |cx: Ctx| cx.user().is_some());
    let running = server.spawn(options()).await.unwrap();
    let mut ada = page_of(&running, "Ada").await;
    assert_eq!(ada.trigger("who", json!([])).await, "Ada");
    let guest = SignedIn::at(&running, &[]).await;
    let mut guest = page(&running, &guest).await;
    assert_eq!(guest.trigger("who", json!([])).await, Value::Null);
    assert_eq!(guest.trigger("is_known", json!([])).await, true);
    let mut program = Client::connect(&running).await;
    assert!(program.call("trame.trigger", json!(["who", [], {}])).await.is_err());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_secret_of_a_user_names_nobody_else() {
    let server = Server::new("doc");
    server.trigger("who", |_: Ctx, user: User| user.name().map(str::to_owned));
    let running = server.spawn(options()).await.unwrap();
    let ada = SignedIn::as_user(&running, "Ada").await;
    let secret = ada.launch(&running, &[]).await["secret"].as_str().unwrap().to_owned();
    let (_, mark) = secret.split_once('.').unwrap();
    let cookie = ada.cookie().split_once('=').unwrap().1;
    let bob = "426f62";
    for forged in [format!("m{bob}.{mark}"), format!("m{bob}."), cookie.to_owned()] {
        assert!(Client::try_hello(open(&running).await, &forged).await.is_err(), "{forged}");
    }
    // A foreign cookie changes nothing: the secret says who it is.
    let bob = SignedIn::as_user(&running, "Bob").await;
    let socket = open_with(&running, &[("Cookie", bob.cookie())]).await.unwrap();
    let mut client = Client::hello_with(socket, &secret).await;
    assert_eq!(client.trigger("who", json!([])).await, "Ada");
    running.stop().await.unwrap();
}

/// A server with Ada as its editor. Other users with a name are viewers, all others are refused.
fn guarded() -> Server {
    let server = Server::new("guarded");
    server.state().set("count", 0);
    server.trigger("add", |cx: Ctx| cx.state().update("count", |count: &mut i64| *count += 1));
    server.trigger("export", |_: Ctx| "all of it").for_viewers();
    server.rpc("own.write", |cx: Ctx| drop(cx.set("count", 100)));
    server.rpc_for_viewers("own.read", |cx: Ctx| cx.role());
    server.admit(|user: &User| match user.name() {
        Some("Ada") => Ok(Role::Editor),
        Some("Panic") => panic!("the list is lost"),
        Some(_) => Ok(Role::Viewer),
        None => Err(Failure::msg("Open it by a link with your name.")),
    });
    server
}

#[tokio::test]
async fn viewers_follow_the_state_but_change_and_call_nothing() {
    let server = guarded();
    let running = server.spawn(options()).await.unwrap();
    let (mut ada, mut bob) = (page_of(&running, "Ada").await, page_of(&running, "Bob").await);
    assert_eq!(bob.snapshot().await["count"], 0);
    assert!(refusal(bob.set(json!({"count": 5})).await).contains("look at this"));
    for (method, args) in [
        ("trame.trigger", json!(["add", [], {}])),
        ("own.write", json!([])),
        ("application.exit", json!([])),
        ("application.exit.later", json!([0])),
        ("selvedge.upload.open", json!([{"name": "a", "size": 1}])),
    ] {
        let answer = refusal(bob.call(method, args).await);
        assert!(answer.contains("look at this"), "{method}: {answer}");
    }
    assert_eq!(server.state().get::<i64>("count").unwrap(), 0);
    // A value that a page has missed is for that page alone.
    bob.take_inbox();
    bob.call("trame.force.push", json!(["count"])).await.unwrap();
    assert_eq!(bob.pushed().await, json!({"count": 0}));
    ada.snapshot().await;
    assert_eq!(ada.take_inbox(), [Value::Null; 0]);
    assert_eq!(bob.trigger("export", json!([])).await, "all of it");
    assert_eq!(to_json(&bob.call("own.read", json!([])).await.unwrap()), "viewer");
    assert_eq!(to_json(&ada.call("own.read", json!([])).await.unwrap()), "editor");
    ada.trigger("add", json!([])).await;
    ada.set(json!({"count": 7})).await.unwrap();
    assert_eq!(bob.snapshot().await["count"], 7);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn pages_learn_that_their_user_may_only_look() {
    let running = guarded().spawn(options()).await.unwrap();
    for (name, is_viewer) in [("Ada", false), ("Bob", true)] {
        let mut page = page_of(&running, name).await;
        let hello = to_json(&page.call("selvedge.hello", json!([{"version": 1}])).await.unwrap());
        assert_eq!(hello["openToViewers"], json!(["export"]));
        page.snapshot().await;
        assert_eq!(page.pushed().await, json!({ "trame__viewer": is_viewer }));
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_application_decides_who_may_enter() {
    let running = guarded().spawn(options()).await.unwrap();
    let guest = SignedIn::at(&running, &[]).await;
    let answer = guest.launch(&running, &[]).await;
    assert_eq!(answer["error"], "Open it by a link with your name.");
    // A panic refuses, and tells nothing.
    let unlucky = SignedIn::as_user(&running, "Panic").await;
    assert!(unlucky.launch(&running, &[]).await["secret"].is_null());
    // Programs have the secret of the server.
    let mut program = Client::hello_with(open(&running).await, SECRET).await;
    assert_eq!(to_json(&program.call("own.read", json!([])).await.unwrap()), "editor");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_who_has_lost_access_is_refused_with_an_old_secret() {
    let server = guarded();
    let running = server.spawn(options()).await.unwrap();
    let ada = SignedIn::as_user(&running, "Ada").await;
    let secret = ada.launch(&running, &[]).await["secret"].as_str().unwrap().to_owned();
    Client::hello_with(open(&running).await, &secret).await;
    server.admit(|_: &User| Err(Failure::msg("The board is closed.")));
    let answer = refusal(Client::try_hello(open(&running).await, &secret).await.map(|_| ()));
    assert!(answer.contains("The board is closed."), "{answer}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn clients_whose_role_has_changed_are_asked_to_come_back() {
    let server = guarded();
    let running = server.spawn(options()).await.unwrap();
    let ada = SignedIn::as_user(&running, "Ada").await;
    let (mut first, mut bob) = (page(&running, &ada).await, page_of(&running, "Bob").await);
    server.admit(|user: &User| match user.name() {
        Some("Ada") => Ok(Role::Viewer),
        Some("Bob") => Ok(Role::Viewer),
        _ => Err(Failure::msg("closed")),
    });
    let mut program = Client::connect(&running).await;
    server.readmit();
    assert_eq!(first.closed().await, Some(1012));
    let mut again = page(&running, &ada).await;
    assert_eq!(to_json(&again.call("own.read", json!([])).await.unwrap()), "viewer");
    for other in [&mut bob, &mut program] {
        other.call("own.read", json!([])).await.unwrap();
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_user_takes_no_room_from_others() {
    let rooms = Rooms::new(|_: &Room| Ok(guarded()));
    let server = rooms.scope(Scope::Named).limit(2).server().unwrap();
    let running = server.spawn(options()).await.unwrap();
    let (guest, ada) =
        (SignedIn::at(&running, &[]).await, SignedIn::as_user(&running, "Ada").await);
    for name in 0..10 {
        let refused = guest.launch_with(&running, &[], json!({"room": name.to_string()})).await;
        assert_eq!(refused["error"], "Open it by a link with your name.");
    }
    let launched = ada.launch_with(&running, &[], json!({"room": "own"})).await;
    session(&running, &launched).await;
    // A room that others use stays.
    let refused = guest.launch_with(&running, &[], json!({"room": "own"})).await;
    assert!(refused["error"].is_string());
    session(&running, &launched).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_that_is_made_again_decides_with_the_state_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let rooms = Rooms::new(|_: &Room| {
            let server = Server::new("owned");
            server.state().set("owner", "");
            let state = server.state().clone();
            server.admit(move |user: &User| {
                let name = user.name().unwrap_or_default().to_owned();
                match state.get::<String>("owner")? {
                    owner if owner.is_empty() => drop(state.set("owner", name)),
                    owner if owner == name => {}
                    _ => return Err(Failure::msg("This room is taken.")),
                }
                Ok(Role::Editor)
            });
            Ok(server)
        });
        let options = options().keep_state(folder.path().join("state"));
        rooms.scope(Scope::Named).server().unwrap().spawn(options).await.unwrap()
    };
    let room = json!({"room": "atlas"});
    let running = start().await;
    let ada = SignedIn::as_user(&running, "Ada").await;
    session(&running, &ada.launch_with(&running, &[], room.clone()).await).await;
    running.stop().await.unwrap();
    let running = start().await;
    for (name, is_admitted) in [("Eve", false), ("Ada", true), ("Eve", false)] {
        let browser = SignedIn::as_user(&running, name).await;
        let launched = browser.launch_with(&running, &[], room.clone()).await;
        assert_eq!(launched["secret"].is_string(), is_admitted, "{name}: {launched}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn users_stay_signed_in_across_a_restart_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_port();
    let start = async |keep: bool| {
        let rooms = Rooms::new(|_: &Room| {
            let server = guarded();
            server.admit(|_: &User| Ok(Role::Editor));
            Ok(server)
        });
        let server = rooms.scope(Scope::User).server().unwrap();
        let options = options().port(port).keep_state(folder.path().join("state"));
        server.spawn(options.keep_sign_in(keep)).await.unwrap()
    };
    let running = start(true).await;
    let (ada, guest) =
        (SignedIn::as_user(&running, "Ada").await, SignedIn::at(&running, &[]).await);
    for browser in [&ada, &guest] {
        let mut client = session(&running, &browser.launch(&running, &[]).await).await;
        client.set(json!({"count": 7})).await.unwrap();
    }
    running.stop().await.unwrap();
    let running = start(true).await;
    for browser in [&ada, &guest] {
        let mut client = session(&running, &browser.launch(&running, &[]).await).await;
        assert_eq!(client.snapshot().await["count"], 7);
    }
    running.stop().await.unwrap();
    let running = start(false).await;
    let refused = ada.launch(&running, &[]).await;
    assert!(refused["error"].as_str().unwrap().contains("Not signed in"), "{refused}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_comes_back_to_its_room_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_port();
    let start = async || {
        let server = Rooms::new(|_: &Room| {
            let server = Server::new("page");
            server.state().set("count", 0);
            Ok(server)
        });
        let options = options().port(port).keep_state(folder.path().join("state"));
        server.server().unwrap().spawn(options.keep_sign_in(true)).await.unwrap()
    };
    let running = start().await;
    let (ada, bob) = (SignedIn::at(&running, &[]).await, SignedIn::at(&running, &[]).await);
    let launched = ada.launch(&running, &[]).await;
    session(&running, &launched).await.set(json!({"count": 7})).await.unwrap();
    running.stop().await.unwrap();
    let running = start().await;
    let ticket = json!({ "selvedgeRoom": launched["selvedgeRoom"] });
    for (browser, ticket, count) in
        [(&ada, ticket.clone(), 7), (&ada, json!({}), 0), (&bob, ticket, 0)]
    {
        let launched = browser.launch_with(&running, &[], ticket).await;
        assert_eq!(session(&running, &launched).await.snapshot().await["count"], count);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_websocket_of_the_application_knows_roles() {
    let server = guarded();
    server.websocket("/own", async |request: selvedge::websocket::Request| {
        let token = request.query().and_then(|query| query.strip_prefix("token="));
        let role = token.and_then(|token| request.role_of(token));
        let connection = request.accept().await?;
        connection.send(format!("{role:?}")).await?;
        Ok(())
    });
    let running = server.spawn(options()).await.unwrap();
    let secret = async |name| {
        let browser = SignedIn::as_user(&running, name).await;
        browser.launch(&running, &[]).await["secret"].as_str().unwrap().to_owned()
    };
    let closed = secret("Carl").await;
    for (token, role) in [
        (secret("Ada").await, "Some(Editor)"),
        (secret("Bob").await, "Some(Viewer)"),
        (SECRET.to_owned(), "Some(Editor)"),
        ("guess".to_owned(), "None"),
        (closed.replace("m4361726c", "m426f62"), "None"),
    ] {
        let path = format!("/own?token={token}");
        let address = running.addresses()[0];
        let mut socket = crate::support::open_path(address, &path, &[]).await.unwrap();
        let told = socket.next().await.unwrap().unwrap();
        assert_eq!(told.into_text().unwrap().as_str(), role);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn rooms_decide_each_for_itself() {
    let rooms = Rooms::new(|room: &Room| {
        let server = guarded();
        let name = room.name().to_owned();
        server.admit(move |user: &User| match user.name() == Some(&name) {
            true => Ok(Role::Editor),
            false => Err(Failure::msg("This is the room of another user.")),
        });
        Ok(server)
    });
    let server = rooms.scope(Scope::Named).server().unwrap();
    let running = server.spawn(options()).await.unwrap();
    let ada = SignedIn::as_user(&running, "Ada").await;
    let own = ada.launch_with(&running, &[], json!({"room": "Ada"})).await;
    assert!(own["secret"].is_string(), "{own}");
    let other = ada.launch_with(&running, &[], json!({"room": "Bob"})).await;
    assert_eq!(other["error"], "This is the room of another user.");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn who_is_here_is_a_value_and_hooks_know_who_comes_and_goes() {
    let server = Server::new("presence");
    server.presence("people").state().set("log", Vec::<String>::new());
    for (event, does) in
        [(Lifecycle::ConnectionOpened, "came"), (Lifecycle::ConnectionClosed, "went")]
    {
        server.on(event, move |cx: Ctx| {
            let name = cx.user().and_then(|user| user.name()).unwrap_or("somebody").to_owned();
            cx.state().update("log", |log: &mut Vec<String>| log.push(format!("{name} {does}")))
        });
    }
    let running = server.spawn(options()).await.unwrap();
    let mut ada = page_of(&running, "Ada").await;
    let bob = page_of(&running, "Bob").await;
    let expected = |people: &[(&str, &str)]| {
        let people = people
            .iter()
            .map(|(client, name)| json!({"client": client, "name": name, "role": "editor"}));
        people.collect::<Value>()
    };
    let both = expected(&[(&ada.id, "Ada"), (&bob.id, "Bob")]);
    wait_for(&mut ada, "people", &both).await;
    assert!(refusal(ada.set(json!({"people": []})).await).contains("people"));
    drop(bob);
    let one = expected(&[(&ada.id, "Ada")]);
    wait_for(&mut ada, "people", &one).await;
    assert_eq!(server.people(), serde_json::from_value::<Vec<Person>>(one).unwrap());
    wait_for(&mut ada, "log", &json!(["Ada came", "Bob came", "Bob went"])).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_makes_links_for_further_users() {
    let rooms = Rooms::new(|_: &Room| {
        let server = Server::new("board");
        server.trigger("invite", |cx: Ctx, name: String| cx.server.sign_in_query_for(&name));
        server.trigger("who", |_: Ctx, user: User| user.id().to_owned());
        Ok(server)
    });
    let server = rooms.scope(Scope::Named).server().unwrap();
    let running = server.spawn(options()).await.unwrap();
    let launched = SignedIn::at(&running, &[]).await.launch(&running, &[]).await;
    let mut host = session(&running, &launched).await;
    let query = host.trigger("invite", json!(["Bob"])).await;
    let path = format!("/{}", query.as_str().unwrap());
    let bob = SignedIn::from(&request(&running, "GET", &path, &[]).await);
    let mut bob = session(&running, &bob.launch(&running, &[]).await).await;
    assert_eq!(bob.trigger("who", json!([])).await, "Bob");
    running.stop().await.unwrap();
    assert!(Server::new("board").sign_in_query_for("Bob").is_err(), "it does not run");
}

/// Connects the page of a session in a room.
async fn session(running: &Running, launched: &Value) -> Client {
    let url = launched["sessionURL"].as_str().unwrap_or_else(|| panic!("{launched}"));
    let path = &url[url.find("/ws").unwrap()..];
    let socket = crate::support::open_path(running.addresses()[0], path, &[]).await.unwrap();
    Client::hello_with(socket, launched["secret"].as_str().unwrap()).await
}

/// Asks the launcher without a cookie, as a page behind a proxy that has authenticated its user.
async fn launched_by_proxy(running: &Running, headers: &[(&str, &str)]) -> Value {
    let answer = request_with(running, "POST", "/paraview/", headers, "{}").await;
    serde_json::from_str(&answer.text()).unwrap()
}

#[tokio::test]
async fn a_trusted_proxy_names_users_who_need_no_link() {
    let server = guarded();
    let behind = options().trusted_proxy("127.0.0.1").user_header("X-Forwarded-User");
    let running = server.spawn(behind).await.unwrap();
    for (name, role) in [("Ada", "editor"), ("Bob", "viewer")] {
        let launched = launched_by_proxy(&running, &[("X-Forwarded-User", name)]).await;
        let mut client = session(&running, &launched).await;
        assert_eq!(to_json(&client.call("own.read", json!([])).await.unwrap()), role);
    }
    // The proxy decides, whatever cookie the browser has.
    let ada = SignedIn::as_user(&running, "Ada").await;
    let both = [("Cookie", ada.cookie()), ("X-Forwarded-User", "Bob")];
    let mut client = session(&running, &launched_by_proxy(&running, &both).await).await;
    assert_eq!(to_json(&client.call("own.read", json!([])).await.unwrap()), "viewer");
    for unnamed in [&[][..], &[("X-Forwarded-User", "Ada"), ("X-Forwarded-User", "Eve")]] {
        let refused = launched_by_proxy(&running, unnamed).await;
        assert!(refused["error"].as_str().unwrap().contains("Not signed in"), "{refused}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_header_from_an_address_that_is_not_trusted_names_nobody() {
    let forged = [("X-Forwarded-User", "Ada")];
    let elsewhere = options().trusted_proxy("10.0.0.0/8").user_header("X-Forwarded-User");
    let only_path = options().trusted_proxy("127.0.0.1");
    for behind in [elsewhere, only_path, options()] {
        let running = guarded().spawn(behind).await.unwrap();
        let refused = launched_by_proxy(&running, &forged).await;
        assert!(refused["error"].as_str().unwrap().contains("Not signed in"), "{refused}");
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_path_that_it_has_removed() {
    for (trusted, prefix, base) in [
        ("127.0.0.1", "/apps/atlas/", "/apps/atlas"),
        ("127.0.0.1", "apps", "/apps"),
        ("10.0.0.1", "/apps/atlas/", ""),
        // Never another host.
        ("127.0.0.1", "//evil.example/", "/evil.example"),
        ("127.0.0.1", "/apps/../other", ""),
        ("127.0.0.1", "/a%2fb", ""),
        ("127.0.0.1", "/a?b=", ""),
        ("127.0.0.1", "", ""),
    ] {
        let running = Server::new("doc").spawn(options().trusted_proxy(trusted)).await.unwrap();
        let browser = SignedIn::at(&running, &[]).await;
        let launched = browser.launch(&running, &[("X-Forwarded-Prefix", prefix)]).await;
        let url = launched["sessionURL"].as_str().unwrap().to_owned();
        assert_eq!(url, format!("ws://127.0.0.1:{}{base}/ws", running.port()), "{prefix}");
        running.stop().await.unwrap();
    }
}
