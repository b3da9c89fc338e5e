//! Tests jobs: work that goes on without the page that started it.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use selvedge::{
    Ctx, Error, Failure, Lifecycle, Result, Server,
    jobs::{Cancelled, Job, JobState, JobStatus, PastRun, WhenBusy},
    trame::Translator,
    window::{WindowChange, WindowControl, WindowProgress, WindowState},
};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::support::{Client, start, to_json};

/// Waits until the page's value of a key fits.
async fn shown(client: &mut Client, key: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let mut value = client.snapshot().await[key].clone();
    client.take_inbox(); // older than the snapshot
    while !fits(&value) {
        if let Some(new) = client.pushed().await.get(key) {
            value = new.clone();
        }
    }
    value
}

fn is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |job| job["state"] == state
}

async fn refused(client: &mut Client, trigger: &str) -> String {
    let error = client.call("trame.trigger", json!([trigger, [], {}])).await.unwrap_err();
    to_json(&error)["data"]["exception"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_job_goes_on_while_its_page_reloads() {
    let server = Server::new("jobs");
    let steps = Arc::new(Semaphore::new(0));
    let step = Arc::clone(&steps);
    server.job("render", move |job: Job, size: u32| {
        let step = Arc::clone(&step);
        async move {
            for done in 1..=50 {
                step.acquire().await.unwrap().forget();
                job.progress(f64::from(done) / 50.0, format!("row {done}"));
                job.log(format!("did row {done}"));
            }
            size * 2
        }
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.trigger("render", json!([21])).await, json!(1));
    for row in 1..=50 {
        drop(client);
        client = Client::connect(&running).await;
        steps.add_permits(1);
        let message = format!("row {row}");
        let job = shown(&mut client, "render", |job| job["message"] == message).await;
        assert!(row == 50 || job["state"] == "running", "{job}");
        assert_eq!(job["progress"], json!(f64::from(row) / 50.0));
    }
    let job = shown(&mut client, "render", is("done")).await;
    assert_eq!(
        (&job["result"], &job["run"], &job["title"]),
        (&json!(42), &json!(1), &json!("Render"))
    );
    let log = shown(&mut client, "render_log", |log| log.as_array().unwrap().len() == 50).await;
    assert_eq!(log[49], "did row 50");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_plain_function_computes_beside_the_server_and_pages_see_its_cancellation_at_once() {
    let server = Server::new("jobs");
    let (done, ended) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (done, released) = (Mutex::new(done), Mutex::new(released));
    server.job("solve", move |job: Job| -> Result<(), Failure> {
        job.progress(f64::NAN, "solving");
        released.lock().unwrap().recv()?;
        let checked = job.check();
        job.message("too late");
        done.lock().unwrap().send(checked)?;
        Ok(checked?)
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.trigger("solve", json!([])).await;
    let job = shown(&mut client, "solve", |job| job["message"] == "solving").await;
    assert_eq!((&job["state"], &job["progress"]), (&json!("running"), &Value::Null));
    assert!(refused(&mut client, "solve").await.starts_with("Solve is running already."));

    client.trigger("solve_cancel", json!([])).await;
    let job = shown(&mut client, "solve", is("cancelled")).await;
    assert_eq!((&job["running"], &job["message"]), (&json!(1), &json!("solving")));
    assert_eq!(client.trigger("solve", json!([])).await, json!(2));
    shown(&mut client, "solve", is("queued")).await;

    release.send(()).unwrap();
    assert_eq!(ended.recv().unwrap(), Err(Cancelled));
    let job = shown(&mut client, "solve", is("running")).await;
    assert_eq!(job["run"], 2);
    release.send(()).unwrap();
    shown(&mut client, "solve", is("done")).await;
    let history: Vec<PastRun> = server.state().get("solve_history").unwrap();
    let states: Vec<_> = history.iter().map(|past| (past.run, past.state)).collect();
    assert_eq!(states, [(2, JobState::Done), (1, JobState::Cancelled)]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn errors_panics_and_wrong_arguments_fail_a_run_and_are_reported() {
    let server = Server::new("jobs");
    let texts = Arc::new(Mutex::new(Vec::new()));
    let reported = Arc::clone(&texts);
    server
        .on(Lifecycle::Exception, move |_: Ctx, text: String| reported.lock().unwrap().push(text));
    let divide = server.job("divide", |_: Job, by: i64| -> Result<i64, Failure> {
        if by < 0 {
            return Err(Failure::msg("only positive numbers"));
        }
        Ok(10 / by)
    });
    let running = start(&server).await;
    assert_eq!(divide.start(5).unwrap().result::<i64>().await.unwrap(), 2);
    for (arguments, expected) in [
        (json!([-1]), "only positive numbers"),
        (json!([0]), "panicked: attempt to divide by zero"),
        (json!([]), "argument 1 of job `divide` is not an i64: it was not given"),
    ] {
        let failure = divide.start(arguments).unwrap().result::<i64>().await.unwrap_err();
        assert_eq!(failure.to_string(), expected);
        let JobStatus { state, error, .. } = divide.status();
        assert_eq!((state, error.as_str()), (JobState::Failed, expected));
    }
    running.stop().await.unwrap();
    assert_eq!(texts.lock().unwrap().len(), 3);
    assert!(matches!(divide.start(1), Err(Error::NotRunning)));
}

#[tokio::test]
async fn a_run_that_takes_too_long_fails_and_an_async_one_is_dropped() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let server = Server::new("jobs");
    let dropped = Arc::new(Notify::new());
    let tell = Arc::clone(&dropped);
    let job = server.job("wait", move |_: Job| {
        let guard = Dropped(Arc::clone(&tell));
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    });
    let job = job.deadline(Duration::from_millis(5));
    let running = start(&server).await;
    let failure = job.start(()).unwrap().result::<()>().await.unwrap_err();
    assert_eq!(failure.to_string(), "it took longer than 5ms");
    dropped.notified().await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn runs_queue_or_replace_each_other() {
    let server = Server::new("jobs");
    let gate = Arc::new(Semaphore::new(0));
    let wait = |gate: &Arc<Semaphore>| {
        let gate = Arc::clone(gate);
        move |_: Job, number: u32| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                number
            }
        }
    };
    let queued = server.job("queued", wait(&gate)).when_busy(WhenBusy::Queue(1));
    let latest = server.job("latest", wait(&gate)).when_busy(WhenBusy::Replace).title("Newest");
    let running = start(&server).await;
    let (first, second) = (queued.start(1).unwrap(), queued.start(2).unwrap());
    let error = queued.start(3).unwrap_err().to_string();
    assert!(error.starts_with("Queued is running already, and 1 more wait."), "{error}");
    gate.add_permits(2);
    assert_eq!(first.result::<u32>().await.unwrap(), 1);
    assert_eq!(second.result::<u32>().await.unwrap(), 2);

    let (old, new) = (latest.start(1).unwrap(), latest.start(2).unwrap());
    assert!(old.result::<u32>().await.unwrap_err().to_string().contains("cancelled"));
    assert_eq!(server.unfinished_jobs(), ["Newest"]);
    gate.add_permits(1);
    // The first one's code is given up only after a while, and takes the permit if it is faster.
    let waiting = new.result::<u32>();
    gate.add_permits(1);
    assert_eq!(waiting.await.unwrap(), 2);
    assert!(server.unfinished_jobs().is_empty());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_cancels_jobs_and_the_next_run_starts_anew() {
    let server = Server::new("jobs");
    let work = server.job("work", |job: Job| -> Result<(), Failure> {
        while !job.is_cancelled() {
            std::thread::yield_now();
        }
        job.check().map_err(Failure::from)
    });
    for _ in 0..2 {
        let running = start(&server).await;
        let run = work.start(()).unwrap();
        running.stop().await.unwrap();
        assert!(run.result::<()>().await.unwrap_err().to_string().contains("cancelled"));
        assert_eq!((work.status().state, work.status().running), (JobState::Cancelled, 0));
    }
}

#[tokio::test]
async fn pages_cannot_change_a_job_and_a_child_has_its_own() {
    let server = Server::new("jobs");
    let child = server.create_child_server(Translator::with_prefix("left_"));
    let shared = server.create_child_server(Translator::with_prefix("right_").add("own", "shared"));
    shared.job("own", |_: Job| ());
    for key in ["shared", "shared_log", "shared_history"] {
        assert!(server.state().has(key), "{key}");
    }
    child.job("sum", |job: Job, a: i64| {
        job.state().set("last", a);
        a + 1
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.trigger("left_sum", json!([4])).await;
    assert_eq!(shown(&mut client, "left_sum", is("done")).await["result"], 5);
    assert_eq!(server.state().get::<i64>("left_last").unwrap(), 4);
    for key in ["left_sum", "left_sum_log", "left_sum_history"] {
        assert!(client.set(json!({key: 1})).await.is_err(), "{key}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_it_begins_does_not_run() {
    let server = Server::new("jobs");
    let (began, begun) = mpsc::channel();
    let began = Mutex::new(began);
    let job = server.job("work", move |_: Job, number: u32| began.lock().unwrap().send(number));
    let running = start(&server).await;
    // On this runtime no task begins before the next await.
    let first = job.start(1).unwrap();
    first.cancel();
    let second = job.start(2).unwrap();
    assert!(first.result::<()>().await.is_err());
    second.result::<()>().await.unwrap();
    assert_eq!(begun.try_iter().collect::<Vec<_>>(), [2]);
    let history: Vec<PastRun> = server.state().get("work_history").unwrap();
    assert!(history.iter().any(|past| past.run == 1 && past.began.is_none()));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_job_that_is_registered_again_replaces_the_old_one() {
    let server = Server::new("jobs");
    let (release, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, tell) = (Arc::clone(&release), Arc::clone(&told));
    let old = server.job("work", move |job: Job| {
        let (wait, tell) = (Arc::clone(&wait), Arc::clone(&tell));
        async move {
            tell.notify_one();
            wait.notified().await;
            assert!(job.is_cancelled());
            tell.notify_one();
        }
    });
    let running = start(&server).await;
    let run = old.start(()).unwrap();
    told.notified().await;
    server.state().set("work_log", ["old"]);
    let new = server.job("work", |_: Job| "new").title("New");
    assert!(server.state().get::<Vec<String>>("work_log").unwrap().is_empty());
    assert!(matches!(old.start(()), Err(Error::JobReplaced(_))));
    assert!(run.result::<()>().await.is_err());
    assert_eq!(new.start(()).unwrap().result::<String>().await.unwrap(), "new");
    release.notify_one();
    told.notified().await;
    let status: JobStatus = server.state().get("work").unwrap();
    assert_eq!((status.title.as_str(), status.state), ("New", JobState::Done));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_window_shows_the_progress() {
    struct Window(mpsc::Sender<WindowChange>);
    impl WindowControl for Window {
        fn state(&self) -> Result<WindowState> {
            Ok(WindowState::default())
        }
        fn change(&self, change: WindowChange) -> Result<()> {
            drop(self.0.send(change));
            Ok(())
        }
    }
    let server = Server::new("jobs");
    let gate = Arc::new(Notify::new());
    let wait = Arc::clone(&gate);
    let job = server.job("render", move |job: Job| {
        let wait = Arc::clone(&wait);
        async move {
            job.progress(0.25, "");
            wait.notified().await;
        }
    });
    let running = start(&server).await;
    let (changes, seen) = mpsc::channel();
    server.set_window_control(Arc::new(Window(changes)));
    let run = job.start(()).unwrap();
    let next = |seen: mpsc::Receiver<WindowChange>| async {
        tokio::task::spawn_blocking(move || (seen.recv().unwrap(), seen)).await.unwrap()
    };
    let (mut change, mut seen) = next(seen).await;
    if change == WindowChange::Progress(WindowProgress::Unknown) {
        (change, seen) = next(seen).await;
    }
    assert_eq!(change, WindowChange::Progress(WindowProgress::Part(0.25)));
    gate.notify_one();
    run.result::<()>().await.unwrap();
    assert_eq!(next(seen).await.0, WindowChange::Progress(WindowProgress::Hidden));
    running.stop().await.unwrap();
}
