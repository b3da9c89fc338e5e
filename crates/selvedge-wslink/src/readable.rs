//! Values as JSON for logs, with words for what JSON does not have.

use rmpv::Value as Msgpack;
use serde_json::{Value, json};

use crate::{
    packed::Packed,
    timestamp::{TIMESTAMP, Timestamp},
};

impl Packed {
    /// Returns the value as JSON for logs, with words for what JSON does not have.
    pub fn readable(&self) -> Value {
        match rmpv::decode::read_value(&mut self.as_bytes()) {
            Ok(value) => to_json(&value),
            Err(error) => json!(format!("(not msgpack: {error})")),
        }
    }
}

fn to_json(value: &Msgpack) -> Value {
    match value {
        Msgpack::Binary(bytes) => json!(format!("(bytes: {})", bytes.len())),
        Msgpack::Ext(TIMESTAMP, body) => match Timestamp::from_body(body) {
            Some(time) => json!(time.to_string()),
            None => json!("(malformed date)"),
        },
        Msgpack::Ext(kind, bytes) => json!(format!("(extension {kind}: {} bytes)", bytes.len())),
        Msgpack::Array(items) => items.iter().map(to_json).collect(),
        Msgpack::Map(pairs) => {
            let name = |key: &Msgpack| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            let entry = |(key, value): &(Msgpack, Msgpack)| (name(key), to_json(value));
            Value::Object(pairs.iter().map(entry).collect())
        }
        Msgpack::F64(number) if !number.is_finite() => json!(format!("({number})")),
        Msgpack::F32(number) if !number.is_finite() => json!(format!("({number})")),
        plain => rmpv::ext::from_value(plain.clone()).unwrap_or_else(|_| json!(plain.to_string())),
    }
}
