//! Tests rooms: who shares a state, how long a room lives, and that nothing of one opens another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use selvedge::{
    Ctx, Failure, Lifecycle, Running, Server,
    rooms::{Room, Rooms, Scope},
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Notify, time::timeout};
use tokio_tungstenite::WebSocketStream;

use crate::support::{
    Client, SECRET, SignedIn, TIMEOUT, open_path, options, request, request_with, to_json,
};

/// A counter that says in which room it is.
fn counter(room: &Room) -> Server {
    let server = Server::new("counter");
    server.state().set("count", 0).set("place", room.name());
    server.trigger("add", |cx: Ctx, by: i64| -> Result<i64, Failure> {
        cx.state().update("count", |count: &mut i64| *count += by)?;
        Ok(cx.state().get("count")?)
    });
    server
}

async fn start(rooms: Rooms) -> Running {
    rooms.server().unwrap().spawn(options()).await.unwrap()
}

async fn counters(scope: Scope) -> Running {
    start(Rooms::new(|room| Ok(counter(room))).scope(scope)).await
}

/// A page's session, as the launcher has told it.
struct Session {
    path: String,
    secret: String,
    /// What leads back after a reload; null where the name or the user does.
    ticket: Value,
}

impl Session {
    async fn of(running: &Running, browser: &SignedIn, fields: Value) -> Self {
        let answer = browser.launch_with(running, &[], fields).await;
        let text =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let url = text("sessionURL");
        let path = url[url.find("/ws").unwrap()..].to_owned();
        Session { path, secret: text("secret"), ticket: answer["selvedgeRoom"].clone() }
    }

    async fn socket(&self, running: &Running) -> WebSocketStream<TcpStream> {
        open_path(running.addresses()[0], &self.path, &[]).await.unwrap()
    }

    async fn client(&self, running: &Running) -> Client {
        Client::hello_with(self.socket(running).await, &self.secret).await
    }
}

/// Opens a page in a browser, and returns its client.
async fn page(running: &Running, browser: &SignedIn, fields: Value) -> Client {
    Session::of(running, browser, fields).await.client(running).await
}

async fn browser(running: &Running) -> SignedIn {
    SignedIn::at(running, &[]).await
}

#[tokio::test]
async fn without_a_scope_all_pages_share_one_state() {
    let running = counters(Scope::Shared).await;
    let (mut one, mut other) = (Client::connect(&running).await, Client::connect(&running).await);
    assert_eq!(one.trigger("add", json!([1])).await, 1);
    assert_eq!(other.trigger("add", json!([1])).await, 2);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn pages_with_the_same_name_share_a_room() {
    let running = counters(Scope::Named).await;
    let (ada, bob) = (browser(&running).await, browser(&running).await);
    let mut left = page(&running, &ada, json!({"room": "left"})).await;
    let mut same = page(&running, &bob, json!({"room": "left"})).await;
    let mut right = page(&running, &ada, json!({"room": "right"})).await;
    let mut unnamed = page(&running, &ada, json!({})).await;
    assert_eq!(left.trigger("add", json!([5])).await, 5);
    assert_eq!(same.trigger("add", json!([1])).await, 6);
    assert_eq!(right.trigger("add", json!([1])).await, 1);
    assert_eq!(right.snapshot().await["place"], "right");
    assert_eq!(unnamed.snapshot().await["place"], "");
    let long = ada.launch_with(&running, &[], json!({"room": "x".repeat(1000)})).await;
    assert!(long["error"].as_str().unwrap().contains("too long"), "{long}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_user_has_a_room_in_all_tabs() {
    let running = counters(Scope::User).await;
    let (ada, bob) = (browser(&running).await, browser(&running).await);
    let mut tab = page(&running, &ada, json!({})).await;
    let mut second_tab = page(&running, &ada, json!({})).await;
    let mut stranger = page(&running, &bob, json!({})).await;
    assert_eq!(tab.trigger("add", json!([5])).await, 5);
    assert_eq!(second_tab.trigger("add", json!([1])).await, 6);
    assert_eq!(stranger.trigger("add", json!([1])).await, 1);
    // A forged cookie does not sign in its user.
    let forged = ada.set_cookie.replacen("=g", "=m", 1);
    let nameless = SignedIn { set_cookie: forged, proof: ada.proof.clone() };
    let answer = nameless.launch(&running, &[]).await;
    assert!(answer["error"].as_str().unwrap().contains("Not signed in"), "{answer}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_named_user_has_one_room_on_all_devices() {
    let running = counters(Scope::User).await;
    let sign_in = async |name: &str| SignedIn::as_user(&running, name).await;
    let (desk, phone, other) = (sign_in("Ada").await, sign_in("Ada").await, sign_in("Bob").await);
    let mut at_desk = page(&running, &desk, json!({})).await;
    let mut on_phone = page(&running, &phone, json!({})).await;
    let mut others = page(&running, &other, json!({})).await;
    assert_eq!(at_desk.trigger("add", json!([5])).await, 5);
    assert_eq!(on_phone.trigger("add", json!([1])).await, 6);
    assert_eq!(others.trigger("add", json!([1])).await, 1);
    assert_eq!(
        (&at_desk.snapshot().await["place"], &others.snapshot().await["place"]),
        (&json!("Ada"), &json!("Bob"))
    );
    assert!(running.sign_in_url_for("").is_err());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_next_user_of_a_browser_does_not_get_the_room_of_the_last_one() {
    let running = counters(Scope::User).await;
    let sign_in = async |link: String, cookies: &str| {
        let path = link.strip_prefix(running.url()).unwrap().to_owned();
        SignedIn::from(&request(&running, "GET", &path, &[("Cookie", cookies)]).await)
    };
    let ada = sign_in(running.sign_in_url_for("Ada").unwrap(), "").await;
    let session = Session::of(&running, &ada, json!({})).await;
    // Her page reconnects after another user has signed in.
    let bob = sign_in(running.sign_in_url_for("Bob").unwrap(), ada.cookie()).await;
    let cookie = [("Cookie", bob.cookie())];
    let socket = open_path(running.addresses()[0], &session.path, &cookie).await.unwrap();
    assert!(Client::try_hello(socket, &session.secret).await.is_err());
    // A link without a name ends the name.
    let guest = sign_in(running.sign_in_url().unwrap(), ada.cookie()).await;
    let mut client = page(&running, &guest, json!({})).await;
    assert_eq!(client.snapshot().await["place"], "");
    // The launcher renews the cookie.
    let cookie = [("Cookie", ada.cookie())];
    let answer = request_with(&running, "POST", "/paraview/", &cookie, &ada.body()).await;
    assert_eq!(answer.header("set-cookie"), ada.set_cookie);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_has_a_room_to_which_a_reload_leads_back() {
    let running = counters(Scope::Page).await;
    let ada = browser(&running).await;
    let session = Session::of(&running, &ada, json!({})).await;
    let mut first = session.client(&running).await;
    let mut other = page(&running, &ada, json!({})).await;
    assert_eq!(first.trigger("add", json!([5])).await, 5);
    assert_eq!(other.trigger("add", json!([1])).await, 1);
    drop(first);
    let mut reloaded = page(&running, &ada, json!({"selvedgeRoom": session.ticket})).await;
    assert_eq!(reloaded.trigger("add", json!([1])).await, 6);
    // Neither a guess, nor what an address tells, nor the ticket of another user leads there.
    let id = session.path.split_once('=').unwrap().1;
    for ticket in [json!("guess"), json!(id), json!(5)] {
        let mut other = page(&running, &ada, json!({"selvedgeRoom": ticket})).await;
        assert_eq!(other.trigger("add", json!([1])).await, 1);
    }
    let bob = browser(&running).await;
    let mut other = page(&running, &bob, json!({"selvedgeRoom": session.ticket})).await;
    assert_eq!(other.trigger("add", json!([1])).await, 1);
    running.stop().await.unwrap();
}

/// Returns whether a hello with this secret at this path is accepted.
async fn is_admitted(running: &Running, path: &str, secret: &str) -> bool {
    let Ok(socket) = open_path(running.addresses()[0], path, &[]).await else {
        return false;
    };
    Client::try_hello(socket, secret).await.is_ok()
}

#[tokio::test]
async fn what_opens_one_room_opens_no_other() {
    let running = counters(Scope::Page).await;
    let ada = browser(&running).await;
    let one = Session::of(&running, &ada, json!({})).await;
    let other = Session::of(&running, &ada, json!({})).await;
    assert!(is_admitted(&running, &one.path, &one.secret).await);
    assert!(!is_admitted(&running, &one.path, &other.secret).await);
    // Neither the address nor the secret of a room is enough, and the secret of the program opens none.
    for (path, secret) in [
        ("/ws", one.secret.as_str()),
        ("/ws?room=", &one.secret),
        ("/ws?room=guess", &one.secret),
        ("/ws", SECRET),
        (&one.path, SECRET),
    ] {
        assert!(!is_admitted(&running, path, secret).await, "{path} {secret}");
    }
    // Without a sign-in there is no room.
    let answer = request_with(&running, "POST", "/paraview/", &[], "{}").await;
    assert!(answer.text().contains("Not signed in"), "{answer:?}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_page_gets_from_one_room_is_worth_nothing_in_another() {
    let rooms = Rooms::new(|room| {
        let server = counter(room);
        server.trigger("show", |cx: Ctx| cx.server.stream("field", cx.room().name().to_owned()));
        server
            .trigger("tell", |cx: Ctx| cx.server.publish("own.topic", cx.room().name().to_owned()));
        server.trigger("ask", async |cx: Ctx| {
            cx.show_message(selvedge::window::MessageRequest::info("Go on?")).await
        });
        Ok(server)
    });
    let running = start(rooms.scope(Scope::Named)).await;
    let ada = browser(&running).await;
    let mut left = page(&running, &ada, json!({"room": "left"})).await;
    let mut right = page(&running, &ada, json!({"room": "right"})).await;
    // Streams and topics of the same name.
    for client in [&mut left, &mut right] {
        client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
        client.call("selvedge.stream.open", json!(["field"])).await.unwrap();
    }
    left.trigger("show", json!([])).await;
    left.trigger("tell", json!([])).await;
    assert_eq!(left.published("own.topic").await, "left");
    right.trigger("show", json!([])).await;
    right.trigger("tell", json!([])).await;
    assert_eq!(right.published("field").await, "right");
    assert_eq!(right.published("own.topic").await, "right");
    // A mark.
    left.call("selvedge.mark", json!([])).await.unwrap();
    let mark = left.published("selvedge.mark").await;
    assert_ne!(to_json(&left.call("selvedge.resume", mark.clone()).await.unwrap()), Value::Null);
    assert_eq!(to_json(&right.call("selvedge.resume", mark).await.unwrap()), Value::Null);
    // A dialog.
    let asked = left.send("trame.trigger", json!(["ask", [], {}])).await;
    let dialog = left.published("selvedge.dialog").await;
    assert!(right.call("selvedge.dialog.answer", json!([dialog["id"], "ok"])).await.is_err());
    left.call("selvedge.dialog.answer", json!([dialog["id"], "ok"])).await.unwrap();
    left.answer(&asked).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_is_made_once_for_all_who_ask_at_the_same_time() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let running = start(
        Rooms::new(move |room| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(counter(room))
        })
        .scope(Scope::Named),
    )
    .await;
    assert_eq!(made.load(Ordering::SeqCst), 1, "the model");
    let ada = browser(&running).await;
    let pages = (0..8).map(|_| Session::of(&running, &ada, json!({"room": "one"})));
    let rooms: Vec<_> = futures_util::future::join_all(pages).await;
    assert!(rooms.iter().all(|session| session.path == rooms[0].path));
    assert_eq!(made.load(Ordering::SeqCst), 2);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_that_could_not_be_made_is_tried_again_by_those_who_come_later() {
    let tries = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let (tried, exited) = (Arc::clone(&tries), Arc::clone(&ended));
    let running = start(
        Rooms::new(move |room| {
            // The first one is the model.
            if tried.fetch_add(1, Ordering::SeqCst) == 1 {
                std::thread::sleep(Duration::from_millis(100));
                return Err(selvedge::Error::NoShell);
            }
            let (server, exited) = (counter(room), Arc::clone(&exited));
            server.on(Lifecycle::ServerExited, move |_: Ctx| {
                exited.fetch_add(1, Ordering::SeqCst);
            });
            Ok(server)
        })
        .scope(Scope::Named),
    )
    .await;
    let ada = browser(&running).await;
    let launches = (0..5).map(|_| ada.launch_with(&running, &[], json!({"room": "one"})));
    let answers = futures_util::future::join_all(launches).await;
    assert!(answers.iter().any(|answer| answer["error"].is_string()), "{answers:?}");
    let mut one = page(&running, &ada, json!({"room": "one"})).await;
    let mut same = page(&running, &ada, json!({"room": "one"})).await;
    assert_eq!(one.trigger("add", json!([1])).await, 1);
    assert_eq!(same.trigger("add", json!([1])).await, 2);
    running.stop().await.unwrap();
    assert_eq!(
        ended.load(Ordering::SeqCst),
        tries.load(Ordering::SeqCst) - 2,
        "each room has ended"
    );
}

#[tokio::test]
async fn a_room_that_cannot_be_made_says_so_and_the_others_go_on() {
    let running = start(
        Rooms::new(|room| match room.name() {
            "panic" => panic!("no such mesh"),
            "error" => Err(selvedge::Error::NoShell),
            _ => Ok(counter(room)),
        })
        .scope(Scope::Named),
    )
    .await;
    let ada = browser(&running).await;
    for name in ["panic", "error"] {
        let answer = ada.launch_with(&running, &[], json!({"room": name})).await;
        assert!(answer["error"].as_str().unwrap().contains("cannot be started"), "{answer}");
        assert!(!answer.to_string().contains("mesh"), "{answer}");
    }
    let mut other = page(&running, &ada, json!({"room": "other"})).await;
    assert_eq!(other.trigger("add", json!([1])).await, 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_that_is_slow_to_make_delays_no_other() {
    let gate = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let opened = Arc::clone(&gate);
    let running = start(
        Rooms::new(move |room| {
            if room.name() == "slow" {
                let open = opened.0.lock().unwrap();
                drop(opened.1.wait_while(open, |open| !*open).unwrap());
            }
            Ok(counter(room))
        })
        .scope(Scope::Named),
    )
    .await;
    let ada = browser(&running).await;
    let slow = page(&running, &ada, json!({"room": "slow"}));
    let quick = async {
        let mut quick = page(&running, &ada, json!({"room": "quick"})).await;
        assert_eq!(quick.trigger("add", json!([1])).await, 1);
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
    };
    let (mut slow, ()) = tokio::join!(slow, quick);
    assert_eq!(slow.trigger("add", json!([1])).await, 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn there_are_no_more_rooms_than_the_limit() {
    let running = start(Rooms::new(|room| Ok(counter(room))).scope(Scope::Named).limit(2)).await;
    let ada = browser(&running).await;
    let _one = page(&running, &ada, json!({"room": "1"})).await;
    let _two = page(&running, &ada, json!({"room": "2"})).await;
    let refused = ada.launch_with(&running, &[], json!({"room": "3"})).await;
    assert_eq!(refused["error"], "All 2 rooms are in use. Try again later.");
    let _known = page(&running, &ada, json!({"room": "2"})).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_empty_room_makes_place_for_a_new_one() {
    let running = start(Rooms::new(|room| Ok(counter(room))).scope(Scope::Named).limit(2)).await;
    let ada = browser(&running).await;
    let _one = page(&running, &ada, json!({"room": "1"})).await;
    let two = page(&running, &ada, json!({"room": "2"})).await;
    drop(two);
    let three = async {
        loop {
            let answer = ada.launch_with(&running, &[], json!({"room": "3"})).await;
            if answer["error"].is_null() {
                return;
            }
        }
    };
    timeout(TIMEOUT, three).await.unwrap();
    let mut three = page(&running, &ada, json!({"room": "3"})).await;
    assert_eq!(three.trigger("add", json!([1])).await, 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_with_a_job_is_not_empty() {
    let gate = Arc::new(Notify::new());
    let ended = Arc::new(Notify::new());
    let (open, told) = (Arc::clone(&gate), Arc::clone(&ended));
    let rooms = Rooms::new(move |room| {
        let (server, open, told) = (counter(room), Arc::clone(&open), Arc::clone(&told));
        let mesh = server.job("mesh", move |_: selvedge::jobs::Job| {
            let open = Arc::clone(&open);
            async move { open.notified().await }
        });
        server.trigger("mesh", move |_: Ctx| mesh.start(()).map(drop));
        server.on(Lifecycle::ServerExited, move |_: Ctx| told.notify_one());
        Ok(server)
    });
    let running = start(rooms.scope(Scope::Named).idle(Duration::from_millis(10))).await;
    let ada = browser(&running).await;
    let mut client = page(&running, &ada, json!({})).await;
    client.trigger("mesh", json!([])).await;
    drop(client);
    assert!(timeout(Duration::from_millis(300), ended.notified()).await.is_err());
    gate.notify_one();
    timeout(TIMEOUT, ended.notified()).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_empty_room_ends_with_its_hooks_and_the_next_one_is_new() {
    let ended = Arc::new(Notify::new());
    let told = Arc::clone(&ended);
    let rooms = Rooms::new(move |room| {
        let server = counter(room);
        let told = Arc::clone(&told);
        server.on(Lifecycle::ServerExited, move |_: Ctx| told.notify_one());
        Ok(server)
    });
    // A room is kept for its first page, however short the time is.
    let running = start(rooms.scope(Scope::Named).idle(Duration::ZERO)).await;
    let ada = browser(&running).await;
    let session = Session::of(&running, &ada, json!({"room": "a"})).await;
    let mut client = session.client(&running).await;
    assert_eq!(client.trigger("add", json!([5])).await, 5);
    drop(client);
    timeout(TIMEOUT, ended.notified()).await.unwrap();
    // The page that comes back learns that it has to ask the launcher.
    assert!(!is_admitted(&running, &session.path, &session.secret).await);
    let mut next = page(&running, &ada, json!({"room": "a"})).await;
    assert_eq!(next.trigger("add", json!([1])).await, 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn callbacks_of_a_room_know_where_the_program_is() {
    let rooms = Rooms::new(|room| {
        let server = counter(room);
        server.trigger("place", |cx: Ctx| {
            (cx.server.port(), cx.server.server_options().map(|options| options.url))
        });
        Ok(server)
    });
    let running = start(rooms).await;
    let mut client = page(&running, &browser(&running).await, json!({})).await;
    let place = client.trigger("place", json!([])).await;
    assert_eq!(place, json!([running.port(), running.url()]));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn all_rooms_end_with_the_program() {
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    let running = start(Rooms::new(move |room| {
        let (server, count) = (counter(room), Arc::clone(&count));
        server.on(Lifecycle::ServerExited, move |_: Ctx| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        Ok(server)
    }))
    .await;
    let ada = browser(&running).await;
    let mut clients =
        [page(&running, &ada, json!({})).await, page(&running, &ada, json!({})).await];
    let stopped = running.stop();
    let closed = async {
        for client in &mut clients {
            assert_eq!(client.closed().await, Some(1001));
        }
    };
    let (report, ()) = tokio::join!(stopped, closed);
    assert_eq!(report.unwrap().addresses, running.addresses());
    assert_eq!(ended.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_program_without_rooms_for_a_while_stops_if_it_was_asked_to() {
    let server =
        Rooms::new(|room| Ok(counter(room))).idle(Duration::from_millis(20)).server().unwrap();
    let running = server.spawn(options().idle_timeout(Duration::from_millis(100))).await.unwrap();
    let ada = browser(&running).await;
    let client = page(&running, &ada, json!({})).await;
    drop(client);
    timeout(TIMEOUT, running.stopped()).await.unwrap().unwrap();
}

#[tokio::test]
async fn pages_of_all_rooms_get_the_files_of_the_application() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.css"), "a {}").unwrap();
    let path = folder.path().to_owned();
    let running = start(Rooms::new(move |room| {
        let server = counter(room);
        server.enable_module(selvedge::Module {
            name: "own".into(),
            serve: [("own".into(), path.clone().into())].into(),
            ..selvedge::Module::default()
        })?;
        Ok(server)
    }))
    .await;
    assert_eq!(request(&running, "GET", "/own/own.css", &[]).await.text(), "a {}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_state_of_a_room_is_kept_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let program = async || {
        let server = Rooms::new(|room| Ok(counter(room))).scope(Scope::Named).server().unwrap();
        let kept = options().keep_state(folder.path().join("counter.kept"));
        server.spawn(kept).await.unwrap()
    };
    let running = program().await;
    let ada = browser(&running).await;
    let mut left = page(&running, &ada, json!({"room": "left"})).await;
    let mut right = page(&running, &ada, json!({"room": "right"})).await;
    assert_eq!(left.trigger("add", json!([5])).await, 5);
    assert_eq!(right.trigger("add", json!([1])).await, 1);
    running.stop().await.unwrap();
    let running = program().await;
    let ada = browser(&running).await;
    let mut left = page(&running, &ada, json!({"room": "left"})).await;
    let mut right = page(&running, &ada, json!({"room": "right"})).await;
    assert_eq!(left.trigger("add", json!([1])).await, 6);
    assert_eq!(right.trigger("add", json!([1])).await, 2);
    running.stop().await.unwrap();
}
