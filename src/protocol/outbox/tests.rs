//! Tests of what is sent, and in which order.
use futures_util::FutureExt;

use super::*;

fn message(text: &str) -> Outgoing {
    Outgoing::new(text.as_bytes(), 1_000_000)
}

fn keys(names: &[&str]) -> Arc<[KeyName]> {
    names.iter().map(|name| KeyName::from(*name)).collect()
}

/// Returns what is sent at once, as texts, and then what the writer would wait for.
fn drain(outbox: &Outbox) -> Vec<String> {
    let mut out = Vec::new();
    loop {
        let mut batch = Vec::new();
        match outbox.next(&mut batch).now_or_never() {
            Some(Next::Send) => out.extend(
                batch
                    .iter()
                    .map(|frame| String::from_utf8_lossy(&frame.to_bytes()[12..]).into_owned()),
            ),
            Some(Next::CatchUp(keys)) => {
                out.push(format!("catch up {keys:?}"));
            }
            Some(Next::Close(closing)) => {
                out.push(format!("close {}", closing.code));
                return out;
            }
            None => return out,
        }
    }
}

#[test]
fn messages_leave_in_order() {
    let outbox = Outbox::new(1000);
    outbox.send(message("a"));
    outbox.push_state(&message("b"), &keys(&["k"]));
    outbox.reply(message("c"));
    assert_eq!(drain(&outbox), ["a", "b", "c"]);
    outbox.close(CloseFrame { code: 1001, reason: "bye" });
    assert_eq!(drain(&outbox), ["close 1001"]);
}

#[tokio::test]
async fn an_answer_leaves_before_what_its_call_caused() {
    let outbox = Outbox::new(1000);
    outbox.send(message("before"));
    let hold = outbox.hold();
    outbox.push_state(&message("caused"), &keys(&["k"]));
    assert_eq!(drain(&outbox), ["before"]);
    let nested = outbox.hold();
    outbox.send(message("published"));
    outbox.reply(message("answer"));
    outbox.reply(message("answer 2"));
    assert_eq!(drain(&outbox), ["answer", "answer 2"]);
    drop(nested);
    assert!(drain(&outbox).is_empty());
    drop(hold);
    assert_eq!(drain(&outbox), ["caused", "published"]);
    let _hold = outbox.hold();
    outbox.reply(message("answer 3"));
    assert_eq!(drain(&outbox), ["answer 3"]);
}

#[test]
fn a_slow_client_gets_the_latest_values_once_it_reads_again() {
    let outbox = Outbox::new(30);
    outbox.send(message("first"));
    for _ in 0..100 {
        outbox.push_state(&message("change of a"), &keys(&["a"]));
    }
    outbox.push_state(&message("change of b"), &keys(&["b"]));
    assert_eq!(drain(&outbox), ["first", r#"catch up {"a", "b"}"#]);
    outbox.push_state(&message("change of c"), &keys(&["c"]));
    assert_eq!(drain(&outbox), ["change of c"]);
}

#[test]
fn a_mark_never_leaves_before_changes_that_were_folded() {
    let outbox = Outbox::new(30);
    outbox.push_state(&message("change"), &keys(&["a"]));
    outbox.mark(&message("mark"));
    assert_eq!(drain(&outbox), ["change", "mark"]);
    for _ in 0..100 {
        outbox.push_state(&message("change of a"), &keys(&["a"]));
        outbox.mark(&message("mark"));
    }
    let catch_up = outbox.next(&mut Vec::new()).now_or_never();
    assert!(matches!(catch_up, Some(Next::CatchUp(_))));
    outbox.mark(&message("too early"));
    outbox.push_state(&message("latest a"), &keys(&["a"]));
    assert_eq!(drain(&outbox), ["latest a"]);
    outbox.mark(&message("mark"));
    assert_eq!(drain(&outbox), ["mark"]);
}

#[tokio::test]
async fn folding_keeps_answers_and_their_place() {
    let outbox = Outbox::new(40);
    outbox.push_state(&message("change"), &keys(&["a"]));
    let hold = outbox.hold();
    outbox.push_state(&message("change too long for the bound"), &keys(&["b"]));
    outbox.push_state(&message("change"), &keys(&["c"]));
    outbox.reply(message("answer"));
    assert_eq!(drain(&outbox), ["answer"]);
    drop(hold);
    assert_eq!(drain(&outbox), [r#"catch up {"a", "b", "c"}"#]);
}

#[test]
fn a_backlog_that_cannot_be_merged_ends_the_connection() {
    let outbox = Outbox::new(30);
    outbox.send(message("a message that is longer than the bound goes out alone"));
    outbox.send(message("one more"));
    outbox.send(message("lost"));
    assert_eq!(drain(&outbox), ["close 1013"]);
}

#[test]
fn streams_drop_frames_and_give_way() {
    let outbox = Outbox::new(1000);
    let topic: Arc<str> = "field".into();
    for frame in ["frame 1", "frame 2", "frame 3"] {
        outbox.offer(&topic, &message(frame));
    }
    outbox.send(message("state"));
    assert_eq!(drain(&outbox), ["state", "frame 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_long_holds_nothing_back() {
    let outbox = Outbox::new(1000);
    let hold = outbox.hold();
    outbox.push_state(&message("progress"), &keys(&["k"]));
    let mut batch = Vec::new();
    let begin = Instant::now();
    assert_eq!(outbox.next(&mut batch).await, Next::Send);
    assert!(batch.len() == 1 && begin.elapsed() >= HOLD);
    outbox.push_state(&message("more"), &keys(&["k"]));
    outbox.reply(message("answer"));
    drop(hold);
    outbox.send(message("behind"));
    assert_eq!(drain(&outbox), ["more", "answer", "behind"]);
    let _hold = outbox.hold();
    outbox.push_state(&message("held"), &keys(&["k"]));
    assert!(drain(&outbox).is_empty(), "the next call holds again");
}

#[tokio::test]
async fn answers_past_the_bound_make_calls_wait_and_end_nothing() {
    let outbox = Outbox::new(30);
    outbox.answer(message("the whole state, longer than the bound"));
    assert!(!outbox.has_room());
    assert!(outbox.room().now_or_never().is_none());
    outbox.reply(message("a second answer before the first could leave"));
    outbox.send(message("a push"));
    outbox.push_state(&message("change"), &keys(&["a"]));
    let left = drain(&outbox);
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(outbox.has_room() && outbox.room().now_or_never().is_some());
}

#[tokio::test]
async fn control_frames_interrupt_the_wait_and_pass_held_messages() {
    let outbox = Outbox::new(1000);
    let hold = outbox.hold();
    outbox.send(message("held"));
    let mut batch = Vec::new();
    let interrupt = async { outbox.interrupt() };
    let (next, ()) = tokio::join!(outbox.next(&mut batch), interrupt);
    assert_eq!((next, batch.len()), (Next::Send, 0));
    drop(hold);
    assert_eq!(drain(&outbox), ["held"]);
}

#[tokio::test]
async fn what_follows_a_durable_change_waits_until_it_is_stored() {
    let outbox = Outbox::new(1000);
    outbox.send(message("before"));
    let hold = outbox.hold();
    outbox.hold_until_stored(1);
    outbox.push_state(&message("durable"), &keys(&["k"]));
    outbox.hold_until_stored(2);
    outbox.push_state(&message("durable 2"), &keys(&["k"]));
    outbox.reply(message("answer"));
    drop(hold);
    outbox.close(CloseFrame { code: 1001, reason: "bye" });
    assert_eq!(drain(&outbox), ["before"]);
    outbox.stored(1);
    assert!(drain(&outbox).is_empty(), "the answer is to both changes");
    outbox.stored(2);
    assert_eq!(drain(&outbox), ["answer", "durable", "durable 2", "close 1001"]);
}

#[tokio::test]
async fn a_slow_client_is_not_told_values_that_are_not_stored() {
    let outbox = Outbox::new(30);
    outbox.hold_until_stored(1);
    for _ in 0..10 {
        outbox.push_state(&message("change of a"), &keys(&["a"]));
    }
    assert!(drain(&outbox).is_empty());
    outbox.stored(1);
    assert_eq!(drain(&outbox), [r#"catch up {"a"}"#]);
}

#[tokio::test]
async fn a_client_whose_room_is_lost_gets_nothing_that_is_not_stored() {
    let outbox = Outbox::new(1000);
    outbox.send(message("before"));
    outbox.hold_until_stored(1);
    outbox.push_state(&message("durable"), &keys(&["k"]));
    outbox.reply(message("answer"));
    outbox.close_unstored(CloseFrame { code: 1012, reason: "moved" });
    outbox.hold_until_stored(2);
    outbox.reply(message("answer 2"));
    assert_eq!(drain(&outbox), ["before", "close 1012"]);
}

#[tokio::test]
async fn barriers_do_not_pile_up() {
    let outbox = Outbox::new(1000);
    for commit in 1..=10_000 {
        outbox.hold_until_stored(commit);
    }
    outbox.send(message("last"));
    assert!(outbox.queue.lock().items.len() < 100);
    outbox.stored(9_999);
    assert!(drain(&outbox).is_empty());
    outbox.stored(10_000);
    assert_eq!(drain(&outbox), ["last"]);
}
