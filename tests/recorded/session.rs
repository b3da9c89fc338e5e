//! A recorded session, as stored.

use std::{collections::HashMap, fs, path::Path};

use rmpv::Value as Msgpack;
use serde_json::{Value, json};

/// Number of bytes before the content of each frame.
const HEADER: usize = 12;

/// Number of bytes of a binary value that the recording keeps.
const KEPT_BYTES: usize = 32;

/// Maximum time from a frame to the drop of the connection that it caused, in milliseconds.
const AT_ONCE: u64 = 20;

/// Placeholder for text that differs between runs, for [`matches`].
pub const CLIENT_ID: &str = "(a client id)";
/// Placeholder for arbitrary text, for [`matches`].
pub const SENTENCE: &str = "(a sentence)";

pub struct Session {
    pub name: String,
    pub events: Vec<Event>,
}

pub struct Event {
    pub time: u64,
    pub connection: String,
    pub what: What,
}

pub enum What {
    /// The client sends a binary message.
    Send(Vec<u8>),
    /// The client sends a text message.
    SendText(String),
    /// The server sends a message; this is its content.
    Receive(Value),
    /// The client closes the connection.
    Close,
    /// The server closes it because of what the client sent.
    Closed(u16),
}

impl Session {
    pub fn read(name: &str) -> Session {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wire/{name}.json"));
        let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let recorded = file["events"].as_array().unwrap();
        let messages = chunked_messages(recorded);
        let mut last_sent = HashMap::new();
        let mut events = Vec::new();
        for event in recorded {
            let time = event["t_ms"].as_u64().unwrap();
            let connection = event["conn"].as_str().unwrap_or_default().to_owned();
            let what = match event["kind"].as_str().unwrap() {
                "frame" if event["dir"] == "c2s" => {
                    last_sent.insert(connection.clone(), time);
                    match event["data"].as_str() {
                        Some(text) => Some(What::SendText(text.to_owned())),
                        None => Some(What::Send(sent_bytes(event, &messages))),
                    }
                }
                "frame" => received(event).map(What::Receive),
                "close" => match event["code"].as_u64() {
                    Some(1000) => Some(What::Close),
                    Some(code) if time - last_sent[&connection] <= AT_ONCE => {
                        Some(What::Closed(code as u16))
                    }
                    // The recorder had stopped the server.
                    _ => None,
                },
                _ => None,
            };
            events.extend(what.map(|what| Event { time, connection, what }));
        }
        Session { name: name.to_owned(), events }
    }
}

/// The content of client messages in several frames, by the id in the header.
fn chunked_messages(events: &[Value]) -> HashMap<u64, Vec<u8>> {
    let mut messages = HashMap::new();
    for event in events {
        let header = &event["header"];
        if event["dir"] == "c2s"
            && header["total"].as_u64() != content_length(event)
            && event["complete"] == true
        {
            messages.insert(header["id"].as_u64().unwrap(), encode(&event["payload"]));
        }
    }
    messages
}

fn content_length(event: &Value) -> Option<u64> {
    event["frame_bytes"].as_u64()?.checked_sub(HEADER as u64)
}

fn sent_bytes(event: &Value, messages: &HashMap<u64, Vec<u8>>) -> Vec<u8> {
    let header = &event["header"];
    let id = header["id"].as_u64().unwrap_or_default();
    let Some(chunk) = (match messages.get(&id) {
        Some(message) => {
            let offset = header["offset"].as_u64().unwrap() as usize;
            let length = content_length(event).unwrap() as usize;
            Some(message[offset..offset + length].to_vec())
        }
        None if event["hex"].is_string() => None,
        None => Some(encode(&event["payload"])),
    }) else {
        return from_hex(event["hex"].as_str().unwrap());
    };
    let bytes = [from_hex(event["header_hex"].as_str().unwrap()), chunk].concat();
    assert_eq!(Some(bytes.len() as u64), event["frame_bytes"].as_u64(), "{event}");
    bytes
}

/// Returns the content of a server message; `None` if the frame does not complete one.
fn received(event: &Value) -> Option<Value> {
    if event["complete"] != true {
        return None;
    }
    let whole = event["chunks"] == 1 && event["hex"].is_string();
    Some(if whole {
        decode(&from_hex(event["hex"].as_str().unwrap())[HEADER..])
    } else {
        event["payload"].clone()
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Encodes a message as msgpack. Bytes that the recording cut off are all equal.
fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &to_msgpack(value)).unwrap();
    bytes
}

fn to_msgpack(value: &Value) -> Msgpack {
    if let Some(count) = value["$bytes"].as_u64() {
        let kept = from_hex(value["hex"].as_str().unwrap().trim_end_matches('…'));
        assert!(kept.iter().all(|byte| *byte == kept[0]), "{value}");
        return Msgpack::Binary(vec![kept[0]; count as usize]);
    }
    match value {
        Value::Array(items) => Msgpack::Array(items.iter().map(to_msgpack).collect()),
        Value::Object(entries) => Msgpack::Map(
            entries.iter().map(|(key, value)| (key.as_str().into(), to_msgpack(value))).collect(),
        ),
        plain => rmpv::ext::to_value(plain).unwrap(),
    }
}

/// Converts a message to JSON, in the format of the recording.
pub fn decode(message: &[u8]) -> Value {
    let mut rest = message;
    let value = rmpv::decode::read_value(&mut rest).unwrap();
    assert!(rest.is_empty(), "bytes follow a message");
    to_json(&value)
}

fn to_json(value: &Msgpack) -> Value {
    match value {
        Msgpack::Binary(bytes) => {
            let kept = &bytes[..bytes.len().min(KEPT_BYTES)];
            let mut hex: String = kept.iter().map(|byte| format!("{byte:02x}")).collect();
            if bytes.len() > KEPT_BYTES {
                hex.push('…');
            }
            json!({"$bytes": bytes.len(), "hex": hex})
        }
        Msgpack::F64(number) if number.is_infinite() => json!({"$float": "Infinity"}),
        Msgpack::Array(items) => items.iter().map(to_json).collect(),
        Msgpack::Map(pairs) => {
            let key = |key: &Msgpack| match key.as_str() {
                Some(text) => text.to_owned(),
                None => key.to_string(),
            };
            let entries = pairs.iter().map(|(name, value)| (key(name), to_json(value)));
            Value::Object(entries.collect())
        }
        plain => rmpv::ext::from_value(plain.clone()).unwrap(),
    }
}

/// Returns whether a message is the expected one.
pub fn matches(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::String(free), Value::String(text)) if free == CLIENT_ID => {
            let digits = text.strip_prefix('c').unwrap_or_default();
            digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        (Value::String(free), Value::String(text)) if free == SENTENCE => {
            !text.is_empty() && !text.contains('\n')
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(one, other)| matches(one, other))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            expected.len() == actual.len()
                && expected
                    .iter()
                    .all(|(key, one)| actual.get(key).is_some_and(|other| matches(one, other)))
        }
        _ => expected == actual,
    }
}
