//! Tests the testing kit for applications.

use std::time::Duration;

use selvedge::{
    Ctx, Failure, Model, Server, StartOptions,
    run::ServerOptions,
    testing::{Error, Recording, Result, TestApp},
    values::{self, Packed},
    window::{MessageAnswer, MessageRequest, OpenRequest},
};
use serde_json::json;

#[derive(Model)]
struct Pump {
    speed: f64,
    #[model(read_only)]
    pressure: f64,
}

fn pump() -> Server {
    let server = Server::new("pump");
    server.state().add_model::<Pump>().unwrap();
    server.on_change(Pump::SPEED, |cx: Ctx, speed: f64| Pump::PRESSURE.set(&cx, speed / 100.0));
    server.trigger("faster", |cx: Ctx, by: f64| -> selvedge::Result<()> {
        Pump::SPEED.update(&cx, |speed| *speed += by)
    });
    server.trigger("fail", |_: Ctx| -> Result<(), Failure> { Err(Failure::msg("it is blocked")) });
    server
}

#[tokio::test]
async fn a_user_sees_what_listeners_set_when_a_call_returns() -> Result {
    let app = TestApp::start(&pump()).await?;
    let (user, other) = (app.user().await?, app.user().await?);
    user.set(Pump::SPEED, 300.0).await?;
    assert_eq!(user.get(Pump::PRESSURE)?, 3.0);
    user.trigger("faster", [100.0]).await?;
    assert_eq!(user.get::<f64>("pressure")?, 4.0);
    assert_eq!(other.wait_for(Pump::PRESSURE, |bar| *bar > 3.5).await?, 4.0);
    app.stop().await
}

#[tokio::test]
async fn a_user_is_refused_what_a_page_is() -> Result {
    let app = TestApp::start(&pump()).await?;
    let user = app.user().await?;
    let refused = |error: Error| match error {
        Error::Server(selvedge::Error::Wslink(values::Error::Refused { message, .. })) => message,
        other => panic!("{other}"),
    };
    let message = refused(user.set(Pump::PRESSURE, 1.0).await.unwrap_err());
    assert!(message.contains("`pressure` was not set"), "{message}");
    assert_eq!(user.get(Pump::PRESSURE)?, 0.0);
    let message = refused(user.trigger("fail", ()).await.unwrap_err());
    assert!(message.contains("it is blocked"), "{message}");
    app.stop().await
}

#[tokio::test]
async fn names_that_do_not_exist_are_errors_with_the_nearest() -> Result {
    let app = TestApp::start(&pump()).await?;
    let user = app.user().await?.patience(Duration::from_millis(50));
    let unknown = user.trigger("fastr", ()).await.unwrap_err().to_string();
    assert_eq!(unknown, "there is no trigger named `fastr`. Did you mean faster?");
    let unknown = user.get::<f64>("presure").unwrap_err().to_string();
    assert_eq!(unknown, "there is no key of the state named `presure`. Did you mean pressure?");
    let late = user.wait_for("sped", |_: &f64| true).await.unwrap_err().to_string();
    assert_eq!(late, "there is no key of the state named `sped`. Did you mean speed?");
    let late = user.wait_for("speed", |speed: &f64| *speed > 1.0).await.unwrap_err().to_string();
    assert!(late.starts_with("`speed` did not have the awaited value after 50ms"), "{late}");
    assert!(late.contains("it is 0.0"), "{late}");
    app.stop().await
}

#[tokio::test(start_paused = true)]
async fn timers_run_as_fast_as_they_can_while_time_is_paused() -> Result {
    let server = Server::new("clock");
    server.state().set("hours", 0);
    server.every(Duration::from_secs(3600), |cx: Ctx| {
        cx.state().update("hours", |hours: &mut u32| *hours += 1)
    });
    let app = TestApp::start(&server).await?;
    let user = app.user().await?.patience(Duration::from_secs(7 * 86_400));
    assert_eq!(user.wait_for("hours", |hours: &u32| *hours == 100).await?, 100);
    app.stop().await
}

#[tokio::test]
async fn a_test_answers_native_dialogs() -> Result {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("points.csv");
    std::fs::write(&path, "1,2").unwrap();
    let server = Server::new("dialogs");
    server.state().set("table", "").set("said", "");
    server.trigger("load", async |cx: Ctx| -> Result<(), Failure> {
        if let Some(mut file) = cx.open_file(OpenRequest::new()).await? {
            cx.state().set("table", String::from_utf8(file.content(1000).await?)?);
        }
        let answer = cx.show_message(MessageRequest::info("Loaded")).await?;
        cx.state().set("said", format!("{answer:?}"));
        Ok(())
    });
    let app = TestApp::start(&server).await?;
    let user = app.user().await?;
    user.trigger("load", ()).await?;
    assert_eq!(user.get::<String>("table")?, "", "cancelled");
    app.dialogs().choose([&path]);
    app.dialogs().answer(MessageAnswer::Yes);
    user.trigger("load", ()).await?;
    assert_eq!(user.get::<String>("table")?, "1,2");
    assert_eq!(user.get::<String>("said")?, "Yes");
    assert_eq!(app.dialogs().shown().len(), 4);
    app.stop().await
}

#[tokio::test]
async fn a_test_answers_calls_into_the_page() -> Result {
    let server = Server::new("page");
    server.trigger("width", async |cx: Ctx| -> Result<f64, Failure> {
        Ok(cx.js_call("plot", "width", [2]).await?.decode()?)
    });
    let app = TestApp::start(&server).await?;
    let user = app.user().await?;
    user.trigger("width", ()).await.unwrap_err();
    user.answer_page_calls(|call| match (call.element.as_str(), call.method.as_str()) {
        ("plot", "width") => Ok(json!(call.args[0].decode::<f64>().unwrap() * 1.5)),
        _ => Err("there is no such element".to_owned()),
    })
    .await?;
    assert_eq!(user.trigger("width", ()).await?.decode::<f64>().unwrap(), 3.0);
    app.stop().await
}

#[tokio::test]
async fn a_page_that_is_loaded_again_has_the_whole_state() -> Result {
    let server = pump();
    let app = TestApp::start(&server).await?;
    let mut user = app.user().await?;
    user.set(Pump::SPEED, 500.0).await?;
    user.reload().await?;
    assert_eq!(user.get(Pump::PRESSURE)?, 5.0);
    assert_eq!(server.client_count(), 1);
    user.leave().await?;
    assert_eq!(server.client_count(), 0);
    app.stop().await
}

#[tokio::test]
async fn an_application_that_stops_ends_its_users() -> Result {
    let app = TestApp::start_with(&pump(), StartOptions::new()).await?;
    let user = app.user().await?;
    app.stop().await?;
    user.trigger("faster", [1.0]).await.unwrap_err();
    Ok(())
}

fn counting(log: Option<&std::path::Path>, factor: i64) -> Server {
    let options = ServerOptions::new();
    let options = log.map_or(options.clone(), |log| options.log_network(log));
    let server = Server::with_options("counting", options);
    server.state().set("count", 0).set("doubled", 0).set("began", json!(null));
    server.on_change("count", move |cx: Ctx, count: i64| cx.set("doubled", count * factor));
    server.trigger("begin", |cx: Ctx| cx.set("began", format!("{:?}", std::time::Instant::now())));
    server.trigger("sum", async |cx: Ctx, to: i64| {
        for step in 1..=to {
            tokio::task::yield_now().await;
            let _ = cx.state().update("count", |count: &mut i64| *count += step);
        }
    });
    server
}

#[tokio::test]
async fn a_recording_is_repeated_and_names_what_differs() -> Result {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("first.log");
    let app = TestApp::start(&counting(Some(&log), 2)).await?;
    let (user, other) = (app.user().await?, app.user().await?);
    user.trigger("begin", ()).await?;
    user.set("count", 5).await?;
    other.trigger("sum", [3]).await?;
    other.set("float", 0.1 + 0.2).await?;
    app.stop().await?;

    let recording = Recording::read(&log)?.patience(Duration::from_millis(300));
    let app = TestApp::start(&counting(None, 2)).await?;
    recording.clone().ignoring(["began"]).replay(&app).await?;
    app.stop().await?;

    let app = TestApp::start(&counting(None, 3)).await?;
    let Err(Error::Different(differences)) = recording.replay(&app).await else {
        panic!("the factor and the time differ");
    };
    let found: Vec<_> = differences.iter().map(|found| found.key.as_str()).collect();
    assert_eq!(found, ["began", "doubled"]);
    assert_eq!((&differences[1].recorded, &differences[1].replayed), (&json!(10), &json!(15)));
    app.stop().await
}

#[tokio::test]
async fn all_kinds_of_values_reach_a_test() -> Result {
    let server = Server::new("values");
    server.trigger("echo", |_: Ctx, value: Packed| value);
    let app = TestApp::start(&server).await?;
    let user = app.user().await?;
    let big = vec![7_u8; 3_000_000];
    let bytes = values::Attachment::from(big.clone());
    let echoed: values::Attachment = user.trigger("echo", [bytes]).await?.decode().unwrap();
    assert_eq!(&echoed.0[..], &big[..]);
    app.stop().await
}

#[tokio::test]
async fn hooks_hear_of_pages_that_come_and_go() -> Result {
    let server = Server::new("hooks");
    server.state().set("events", [""; 0]);
    for (event, name) in [
        (selvedge::Lifecycle::ClientConnected, "connected"),
        (selvedge::Lifecycle::ClientExited, "exited"),
    ] {
        server.on(event, move |cx: Ctx| {
            cx.state().update("events", |events: &mut Vec<String>| events.push(name.to_owned()))
        });
    }
    let app = TestApp::start(&server).await?;
    let mut user = app.user().await?;
    assert_eq!(user.get::<Vec<String>>("events")?, ["connected"]);
    user.reload().await?;
    user.leave().await?;
    assert_eq!(server.client_count(), 0);
    let events: Vec<String> = server.state().get("events").unwrap();
    assert_eq!(events, ["connected", "exited", "connected", "exited"]);
    app.stop().await
}

#[tokio::test]
async fn refused_edits_and_jobs_are_repeated() -> Result {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("first.log");
    let app = |log: Option<&std::path::Path>| {
        let options = ServerOptions::new();
        let options = log.map_or(options.clone(), |log| options.log_network(log));
        let server = Server::with_options("jobs", options);
        server.state().set("speed", 300).set("cleared", false);
        server.state().validate("speed", |speed: i64| match speed {
            0..=1500 => Ok(()),
            _ => Err(Failure::msg("too fast")),
        });
        server.job("work", async |job: selvedge::jobs::Job, steps: u32| {
            for step in 0..steps {
                job.progress(f64::from(step) / f64::from(steps), "works");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            steps
        });
        server.trigger("clear", |cx: Ctx| -> Result<(), Failure> {
            let status: selvedge::jobs::JobStatus = cx.state().get("work")?;
            cx.set("cleared", status.state == selvedge::jobs::JobState::Done);
            Ok(())
        });
        server
    };
    let first = TestApp::start(&app(Some(&log))).await?;
    let user = first.user().await?;
    user.set("speed", 2000).await.unwrap_err();
    user.trigger("work", [5]).await?;
    user.wait_for("work", |status: &serde_json::Value| status["state"] == "done").await?;
    user.trigger("clear", ()).await?;
    assert!(user.get::<bool>("cleared")?);
    first.stop().await?;
    let second = TestApp::start(&app(None)).await?;
    Recording::read(&log)?.replay(&second).await?;
    second.stop().await
}
