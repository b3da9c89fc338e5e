//! The client's half of the envelope: writes calls and reads what a server sends.

use bytes::Bytes;

use crate::{
    chunk::Outgoing,
    error::{Error, Result},
    lists_and_maps::{put_map, put_str},
    outgoing::Draft,
    packed::Packed,
    scan::{Head, Scanner},
};

/// Writes a call. `args` must be an encoded list.
pub fn request(id: &str, method: &str, args: &Packed, max_frame: usize) -> Outgoing {
    let mut message = Draft::new(id.len() + method.len() + 48);
    let out = message.out();
    put_map(out, 5);
    for (key, value) in [("wslink", "1.0"), ("id", id), ("method", method)] {
        put_str(out, key);
        put_str(out, value);
    }
    put_str(out, "args");
    message.put_value(args);
    put_str(message.out(), "kwargs");
    put_map(message.out(), 0);
    message.finish(max_frame)
}

/// A message from a server.
#[derive(Debug)]
pub enum Received {
    /// The answer to a call.
    Result {
        /// The id of the call.
        id: String,
        /// What the method returned.
        result: Packed,
    },
    /// The failure of a call.
    Failure {
        /// The id of the call.
        id: String,
        /// The [code](crate::words::ErrorCode).
        code: i64,
        /// The cause, if the answer tells it; else the text of the error.
        message: String,
    },
    /// A message on a topic.
    Published {
        /// The topic.
        topic: String,
        /// The message.
        data: Packed,
    },
    /// A message that a client does not need.
    Ignored,
}

impl Received {
    /// Parses a message.
    ///
    /// # Errors
    /// [`Error::Protocol`] if it is not a map.
    pub fn parse(message: Bytes) -> Result<Self> {
        parse(message).map_err(|reason| Error::Protocol(format!("a message in which {reason}")))
    }
}

fn parse(message: Bytes) -> Result<Received, &'static str> {
    let mut scanner = Scanner::new(message);
    let Head::Map(pairs) = scanner.enter()? else {
        return Err("there is no map");
    };
    let (mut id, mut result, mut error) = (None, None, None);
    for _ in 0..pairs {
        match scanner.text()? {
            Some("id") => id = scanner.text()?.map(str::to_owned),
            Some("result") => result = Some(scanner.value()?),
            Some("error") => error = Some(scanner.value()?),
            _ => {
                scanner.value()?;
            }
        }
    }
    let Some(id) = id else {
        return Ok(Received::Ignored);
    };
    if let Some(topic) = id.strip_prefix("publish:") {
        let topic = topic.rsplit_once(':').map_or(topic, |(topic, _)| topic);
        return Ok(Received::Published {
            topic: topic.to_owned(),
            data: result.unwrap_or(Packed::nil()),
        });
    }
    match error {
        Some(error) => {
            let (code, message) = failure(&error);
            Ok(Received::Failure { id, code, message })
        }
        None => Ok(Received::Result { id, result: result.unwrap_or(Packed::nil()) }),
    }
}

/// Returns the code and the text of an error. Servers in Python put the cause into its data; the message then says
/// only that there is one.
fn failure(error: &Packed) -> (i64, String) {
    let fields = error.entries().unwrap_or_default();
    let code = fields.get("code").and_then(|code| code.decode().ok());
    let text = |value: &Packed| value.decode::<String>().ok();
    let message = fields.get("message").and_then(text).unwrap_or_default();
    let exception =
        fields.get("data").and_then(Packed::entries).and_then(|data| text(data.get("exception")?));
    (code.unwrap_or_default(), exception.filter(|cause| !cause.is_empty()).unwrap_or(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chunk::HEADER,
        messages::server::{Incoming, error, publish, reply},
        words::ErrorCode,
    };

    fn content(outgoing: &Outgoing) -> Bytes {
        outgoing.frames()[0].to_bytes().slice(HEADER..)
    }

    #[test]
    fn a_server_reads_the_request_as_it_was_meant() {
        let args = Packed::encode(&(1, "two")).unwrap();
        let outgoing = request("rpc:c0:3", "app.add", &args, 1000);
        let Incoming::Request(request) = Incoming::parse(content(&outgoing)).unwrap() else {
            panic!("no request")
        };
        assert_eq!(request.method, "app.add");
        assert_eq!(request.id.decode::<String>().unwrap(), "rpc:c0:3");
        assert_eq!(request.args[1].decode::<String>().unwrap(), "two");
    }

    #[test]
    fn answers_failures_and_publishes_are_told_apart() {
        let id = Packed::encode("rpc:c0:3").unwrap();
        let value = Packed::encode(&5).unwrap();
        let parse = |outgoing: Outgoing| Received::parse(content(&outgoing)).unwrap();
        assert!(matches!(
            parse(reply(&id, &value, 1000)),
            Received::Result { id, result } if id == "rpc:c0:3" && result == value
        ));
        let data = Packed::encode(&serde_json::json!({"exception": "no such file"})).unwrap();
        let failed = error(&id, ErrorCode::Raised, "Exception raised", Some(&data), 1000);
        assert!(matches!(
            parse(failed),
            Received::Failure { code: -32001, message, .. } if message == "no such file"
        ));
        assert!(matches!(
            parse(publish("a.b", &value, 1000)),
            Received::Published { topic, data } if topic == "a.b" && data == value
        ));
        assert!(Received::parse(Bytes::from_static(&[0xc1])).is_err());
        assert!(Received::parse(Bytes::from_static(&[0x01])).is_err());
    }
}
