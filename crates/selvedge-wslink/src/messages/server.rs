//! Requests, replies, errors and publishes: the RPC envelope of wslink 2.
//!
//! A request is a map of `id`, `method`, `args` and `kwargs`. Its id is echoed unchanged. The stock
//! JavaScript client drops answers whose id is not three parts joined by colons, the middle one of
//! words joined by dots, so topics and client ids consist of letters, digits and underscores.

use bytes::{BufMut, Bytes, BytesMut};
use indexmap::IndexMap;

use crate::{
    chunk::Outgoing,
    error::{Error, Result},
    extent::extent,
    lists_and_maps::{map, put, put_map, put_str},
    outgoing::Draft,
    packed::Packed,
    scan::{Head, Scanner},
    storage::{MAX_VALUES, SHARED},
    words::ErrorCode,
};

/// A call from a client.
#[derive(Debug)]
pub struct Request {
    /// Echoed in the answer.
    pub id: Packed,
    /// The name of the method.
    pub method: String,
    /// The arguments by position.
    pub args: Vec<Packed>,
    /// The arguments by name.
    pub kwargs: IndexMap<String, Packed>,
}

/// A complete message, parsed.
#[derive(Debug)]
pub enum Incoming {
    /// A call.
    Request(Request),
    /// A map with an id but no method.
    Invalid {
        /// The id, which the answer carries.
        id: Packed,
    },
    /// Well-formed, but nothing that needs an answer.
    Ignored,
}

impl Incoming {
    /// Parses a message.
    ///
    /// # Errors
    /// [`Error::Protocol`] if it is not exactly one msgpack value.
    pub fn parse(message: Bytes) -> Result<Self> {
        parse(message).map_err(|reason| Error::Protocol(format!("a message in which {reason}")))
    }
}

const TRAILING: &str = "bytes follow the value";

fn parse(message: Bytes) -> Result<Incoming, &'static str> {
    let mut scanner = Scanner::new(message.clone());
    let Head::Map(pairs) = scanner.enter()? else {
        return match extent(&message)? == message.len() {
            true => Ok(Incoming::Ignored),
            false => Err(TRAILING),
        };
    };
    let (mut id, mut method, mut args, mut kwargs) = (None, None, Vec::new(), IndexMap::new());
    for _ in 0..pairs {
        match scanner.text()? {
            Some("id") => id = Some(scanner.value()?),
            Some("method") => method = scanner.text()?.map(str::to_owned),
            Some("args") => args = list(&mut scanner)?,
            Some("kwargs") => kwargs = map(&mut scanner)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    if !scanner.at_end() {
        return Err(TRAILING);
    }
    Ok(match (id, method) {
        (Some(id), Some(method)) => {
            let whole = message.len();
            let args = args.into_iter().map(|value| value.apart_from(whole)).collect();
            let kwargs = kwargs.into_iter().map(|(name, value)| (name, value.apart_from(whole)));
            let kwargs = kwargs.collect();
            Incoming::Request(Request { id: id.apart_from(whole), method, args, kwargs })
        }
        (Some(id), None) => Incoming::Invalid { id },
        (None, _) => Incoming::Ignored,
    })
}

/// Reads the items of a list; any other value counts as an empty list, as in wslink.
fn list(scanner: &mut Scanner) -> Result<Vec<Packed>, &'static str> {
    match scanner.enter()? {
        Head::Array(items) => (0..items).map(|_| scanner.value()).collect(),
        Head::Map(pairs) => {
            for _ in 0..u64::from(pairs) * 2 {
                scanner.value()?;
            }
            Ok(Vec::new())
        }
        Head::Other => scanner.value().map(|_| Vec::new()),
    }
}

/// Writes the answer to a call.
pub fn reply(id: &Packed, result: &Packed, max_frame: usize) -> Outgoing {
    let mut message = envelope(id.as_bytes(), copied(result));
    put_str(message.out(), "result");
    message.put_value(result);
    message.finish(max_frame)
}

/// Writes the answer to a call that failed.
pub fn error(
    id: &Packed,
    code: ErrorCode,
    text: &str,
    data: Option<&Packed>,
    max_frame: usize,
) -> Outgoing {
    let mut message = envelope(id.as_bytes(), text.len() + 64);
    let out = message.out();
    put_str(out, "error");
    put_map(out, if data.is_some() { 3 } else { 2 });
    put_str(out, "code");
    put(out, |out| rmp::encode::write_sint(out, code as i64).map(drop));
    put_str(out, "message");
    put_str(out, text);
    if let Some(data) = data {
        put_str(out, "data");
        message.put_value(data);
    }
    message.finish(max_frame)
}

/// Writes a message to all clients that listen to a topic.
pub fn publish(topic: &str, data: &Packed, max_frame: usize) -> Outgoing {
    let mut message = publish_envelope(topic, copied(data));
    message.put_value(data);
    message.finish(max_frame)
}

/// Splits entries into as few groups as possible that fit into one message each, which has 4 GiB at
/// most. Nothing is one group as well: a push of no values is still a push.
pub fn fitting<T: AsRef<str>>(entries: &[(T, Packed)]) -> impl Iterator<Item = &[(T, Packed)]> {
    let mut rest = Some(entries);
    std::iter::from_fn(move || {
        let entries = rest.take()?;
        let mut size = 0;
        let fits = |(key, value): &&(T, Packed)| {
            size += size_of_key(key.as_ref()) + value.storage().size();
            size <= MAX_VALUES
        };
        let count = entries.iter().take_while(fits).count().max(1).min(entries.len());
        let (group, others) = entries.split_at(count);
        rest = (!others.is_empty()).then_some(others);
        Some(group)
    })
}

/// Writes a message on a topic whose data is a map of these entries, which are [`fitting`].
pub fn publish_map<'a>(
    topic: &str,
    entries: impl ExactSizeIterator<Item = (&'a str, &'a Packed)> + Clone,
    max_frame: usize,
) -> Outgoing {
    let mut message = publish_envelope(topic, size_of_entries(entries.clone()));
    put_entries(&mut message, entries);
    message.finish(max_frame)
}

/// Writes the answer to a call whose result is a map of these entries, or an error if they are too
/// large for one message.
pub fn reply_map<'a>(
    id: &Packed,
    entries: impl ExactSizeIterator<Item = (&'a str, &'a Packed)> + Clone,
    max_frame: usize,
) -> Outgoing {
    let size = entries.clone().map(|(key, value)| size_of_key(key) + value.storage().size()).sum();
    if size > MAX_VALUES {
        return too_large(id, size, max_frame);
    }
    let mut message = envelope(id.as_bytes(), size_of_entries(entries.clone()));
    put_str(message.out(), "result");
    put_entries(&mut message, entries);
    message.finish(max_frame)
}

/// Writes the answer to a call whose result is the snapshot of a state: a map of the state's name
/// and a map of its entries, or an error if they are too large for one message. `entries` are the
/// parts from [`encode_entries`], `count` is the number of entries in them.
pub fn reply_state<'a>(
    id: &Packed,
    name: &str,
    count: u32,
    entries: impl Iterator<Item = &'a Bytes> + Clone,
    max_frame: usize,
) -> Outgoing {
    let sizes = entries.clone().map(Bytes::len);
    let size = sizes.clone().sum();
    if size > MAX_VALUES {
        return too_large(id, size, max_frame);
    }
    let copied = sizes.filter(|size| *size < SHARED).sum::<usize>();
    let mut message = envelope(id.as_bytes(), copied + name.len() + 32);
    let out = message.out();
    put_str(out, "result");
    put_map(out, 2);
    put_str(out, "name");
    put_str(out, name);
    put_str(out, "state");
    put_map(out, count);
    entries.for_each(|part| message.put_part(part));
    message.finish(max_frame)
}

fn too_large(id: &Packed, size: usize, max_frame: usize) -> Outgoing {
    let text = format!("the values have {size} bytes together, and a message has 4 GiB at most");
    error(id, ErrorCode::Unserializable, &text, None, max_frame)
}

/// Encodes entries of the state, to be sent any number of times with [`reply_state`]. Returns the
/// encoding in parts: large values are parts of their own.
pub fn encode_entries<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Packed)> + Clone,
) -> Vec<Bytes> {
    let mut parts = Draft::without_header(size_of_entries(entries.clone()));
    put_each(&mut parts, entries);
    // The parts are kept, and so is the room in those that were not filled.
    let exact = |part: Bytes| match part.len() < SHARED {
        true => Bytes::copy_from_slice(&part),
        false => part,
    };
    parts.into_parts().into_iter().map(exact).collect()
}

/// Returns how many bytes of a value are copied into a message.
fn copied(value: &Packed) -> usize {
    let sizes = value.storage().slices().map(<[u8]>::len);
    sizes.filter(|size| *size < SHARED).sum()
}

/// Returns an upper bound for the number of bytes of entries that are copied into a message.
fn size_of_entries<'a>(entries: impl Iterator<Item = (&'a str, &'a Packed)>) -> usize {
    entries.map(|(key, value)| size_of_key(key) + copied(value)).sum()
}

/// Returns an upper bound for the number of bytes of an encoded key.
fn size_of_key(key: &str) -> usize {
    key.len() + 5
}

fn put_entries<'a>(
    message: &mut Draft,
    entries: impl ExactSizeIterator<Item = (&'a str, &'a Packed)>,
) {
    put_map(message.out(), entries.len() as u32);
    put_each(message, entries);
}

fn put_each<'a>(message: &mut Draft, entries: impl Iterator<Item = (&'a str, &'a Packed)>) {
    for (key, value) in entries {
        put_str(message.out(), key);
        message.put_value(&value.filtered());
    }
}

/// Starts an answer: a map of three entries, of which the last is still to be written.
fn envelope(id: &[u8], capacity: usize) -> Draft {
    let mut message = Draft::new(capacity + id.len() + 40);
    let out = message.out();
    put_map(out, 3);
    put_str(out, "wslink");
    put_str(out, "1.0");
    put_str(out, "id");
    out.put_slice(id);
    message
}

fn publish_envelope(topic: &str, capacity: usize) -> Draft {
    let mut id = BytesMut::with_capacity(topic.len() + 16);
    put_str(&mut id, &format!("publish:{topic}:0"));
    let mut message = envelope(&id, capacity);
    put_str(message.out(), "result");
    message
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chunk::HEADER;

    fn pack(value: Value) -> Bytes {
        Bytes::copy_from_slice(Packed::encode(&value).unwrap().as_bytes())
    }

    fn content(outgoing: &Outgoing) -> Value {
        let frame = outgoing.frames()[0].to_bytes().slice(HEADER..);
        Packed::from_checked(frame).decode().unwrap()
    }

    /// Whether a value is a slice of these bytes, and so keeps them in memory.
    fn is_piece(value: &Packed, whole: &Bytes) -> bool {
        whole.as_ptr_range().contains(&value.as_bytes().as_ptr())
    }

    #[test]
    fn small_values_are_copied_out_of_a_large_message_and_large_ones_are_shared() {
        let large = "x".repeat(1 << 20);
        let message = pack(json!({
            "id": "rpc:c0:1", "method": "trame.state.update",
            "args": [[{"key": "small", "value": 5}, {"key": "large", "value": large}], [7]],
            "kwargs": {"a": "b"},
        }));
        let Incoming::Request(request) = Incoming::parse(message.clone()).unwrap() else {
            panic!()
        };
        let [changes, other] = &request.args[..] else { panic!() };
        assert!(is_piece(changes, &message));
        assert!(!is_piece(other, &message) && !is_piece(&request.id, &message));
        assert!(!is_piece(&request.kwargs["a"], &message));
        let values: Vec<Packed> = changes
            .items()
            .unwrap()
            .iter()
            .map(|change| change.entries().unwrap().swap_remove("value").unwrap())
            .collect();
        assert!(!is_piece(&values[0], &message) && is_piece(&values[1], &message));
        assert_eq!(values[0].decode::<i64>().unwrap(), 5);
        assert_eq!(values[1].decode::<String>().unwrap(), large);
        let little = pack(json!({"id": "a", "method": "b", "args": [1, "x".repeat(100)]}));
        let Incoming::Request(request) = Incoming::parse(little.clone()).unwrap() else { panic!() };
        assert!(is_piece(&request.args[1], &little), "not worth a copy");
    }

    #[test]
    fn values_that_are_too_large_together_are_sent_apart_or_refused() {
        // The same memory many times.
        let part = Bytes::from(vec![0; 1 << 20]);
        let value = || Packed::from_parts(vec![part.clone(); 1500]);
        let entries = ["a", "b", "c", "d", "e"].map(|key| (key, value()));
        let groups: Vec<usize> = fitting(&entries).map(<[_]>::len).collect();
        assert_eq!(groups, [2, 2, 1]);
        assert!(fitting::<&str>(&[]).eq([&[][..]]));
        let id = Packed::encode("rpc:c0:7").unwrap();
        let by_reference = || entries.iter().map(|(key, value)| (*key, value));
        let encoded = encode_entries(by_reference());
        for answer in [
            reply_map(&id, by_reference(), 1000),
            reply_state(&id, "demo", 5, encoded.iter(), 1000),
        ] {
            assert_eq!(content(&answer)["error"]["code"], -32002);
        }
        assert!(reply_map(&id, by_reference().take(2), 1 << 31).size() > 3_000 << 20);
    }

    #[test]
    fn a_request_keeps_its_arguments_encoded() {
        let message = pack(json!({
            "wslink": "1.0", "id": "rpc:c0:1", "method": "add", "args": [1, {"a": 2}], "kwargs": {"b": 3}
        }));
        let Incoming::Request(request) = Incoming::parse(message).unwrap() else { panic!() };
        assert_eq!(request.method, "add");
        assert_eq!(request.id.decode::<String>().unwrap(), "rpc:c0:1");
        assert_eq!(request.args.len(), 2);
        assert_eq!(request.args[1].decode::<Value>().unwrap(), json!({"a": 2}));
        assert_eq!(request.kwargs["b"].decode::<i64>().unwrap(), 3);
    }

    #[test]
    fn arguments_of_a_wrong_type_count_as_missing() {
        for args in [json!("text"), json!({"a": 1}), json!(null)] {
            let message = pack(json!({"id": 1, "method": "m", "args": args, "kwargs": [1, 2]}));
            let Incoming::Request(request) = Incoming::parse(message).unwrap() else { panic!() };
            assert!(request.args.is_empty() && request.kwargs.is_empty());
        }
    }

    #[test]
    fn messages_that_are_no_requests_are_ignored_or_named() {
        let kind = |value| format!("{:?}", Incoming::parse(pack(value)).unwrap());
        assert_eq!(kind(json!([1, 2])), "Ignored");
        assert_eq!(kind(json!({"method": "m"})), "Ignored");
        assert!(kind(json!({"id": "x"})).starts_with("Invalid"));
        assert!(kind(json!({"id": "x", "method": 5})).starts_with("Invalid"));
        assert!(Incoming::parse(Bytes::from_static(&[0x80, 0xc0])).is_err());
        assert!(Incoming::parse(Bytes::from_static(&[0x81, 0xa2, b'i'])).is_err());
        assert!(Incoming::parse(Bytes::from_static(&[0xc1])).is_err());
        assert!(Incoming::parse(Bytes::from_static(&[0x91; 5000])).is_err());
        assert!(Incoming::parse(Bytes::from_static(&[0x90, 0xc0])).is_err());
    }

    #[test]
    fn answers_have_the_envelope_of_wslink() {
        let id = Packed::encode("rpc:c0:7").unwrap();
        assert_eq!(
            content(&reply(&id, &Packed::nil(), 1000)),
            json!({"wslink": "1.0", "id": "rpc:c0:7", "result": null})
        );
        let data = Packed::encode("nope").unwrap();
        assert_eq!(
            content(&error(
                &id,
                ErrorCode::Unknown,
                "Unregistered method called",
                Some(&data),
                1000
            )),
            json!({"wslink": "1.0", "id": "rpc:c0:7", "error":
                {"code": -32601, "message": "Unregistered method called", "data": "nope"}})
        );
        let value = Packed::encode(&1).unwrap();
        assert_eq!(
            content(&publish_map("trame.state.topic", [("a", &value)].into_iter(), 1000)),
            json!({"wslink": "1.0", "id": "publish:trame.state.topic:0", "result": {"a": 1}})
        );
        let entries = encode_entries([("a", &value)].into_iter());
        assert_eq!(
            content(&reply_state(&id, "demo", 1, entries.iter(), 1000))["result"],
            json!({"name": "demo", "state": {"a": 1}})
        );
    }
}
