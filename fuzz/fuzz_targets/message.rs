//! What a peer sends, from its frames to the arguments of its calls: no bytes may panic, hang or take more memory than
//! they are worth.
//!
//! `cargo +nightly fuzz run message -- -max_total_time=60 -rss_limit_mb=512`
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use selvedge_wslink::{
    Packed, Timestamp,
    chunk::Assembler,
    messages::server::{self as messages, Incoming, Request},
};

/// Bytes of the largest message, which the peer may announce without sending it.
const MAX_MESSAGE: usize = 1 << 30;

fuzz_target!(|input: &[u8]| {
    let mut assembler = Assembler::new(MAX_MESSAGE);
    for frame in frames(input) {
        match assembler.accept(frame) {
            Ok(Some(message)) => receive(message),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    receive(Bytes::copy_from_slice(input));
});

/// The input as frames, each with its length in two bytes before it.
fn frames(mut input: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let [low, high, rest @ ..] = input {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        frames.push(Bytes::copy_from_slice(&rest[..length]));
        input = &rest[length..];
    }
    frames
}

fn receive(message: Bytes) {
    let Ok(Incoming::Request(request)) = Incoming::parse(message) else {
        return;
    };
    answer(&request);
    request
        .args
        .iter()
        .chain(request.kwargs.values())
        .for_each(look_at);
}

/// The answer to a request can be read as one.
fn answer(request: &Request) {
    let result = Packed::encode_map(&request.kwargs);
    let answer = messages::reply(&request.id, &result, 1 << 20);
    let mut assembler = Assembler::new(MAX_MESSAGE);
    let mut whole = None;
    for frame in answer.frames() {
        whole = assembler
            .accept(frame.clone())
            .expect("frames that were cut here");
    }
    let whole = whole.expect("the last frame completes the message");
    match Incoming::parse(whole) {
        Ok(Incoming::Invalid { id }) => assert_eq!(id, request.id),
        other => panic!("an answer is a map with an id: {other:?}"),
    }
}

/// Everything that is done with a value that a client sent.
fn look_at(value: &Packed) {
    for item in value.items().into_iter().flatten() {
        drop(item.decode::<String>());
    }
    drop(value.entries());
    drop(value.decode::<serde_json::Value>());
    drop(value.decode::<Packed>());
    drop(value.decode::<Timestamp>());
    drop(format!("{value:?}"));
    let once = value.filtered();
    assert_eq!(once.filtered().as_ref(), once.as_ref());
    if let Ok(fitting) = value.clone().fitting() {
        assert!(Packed::encode(&fitting).is_ok());
        assert_eq!(fitting.clone().fitting().as_ref(), Ok(&fitting));
    }
}
