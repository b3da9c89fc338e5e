//! Errors about values and messages.

/// The result of this library's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error about a value or a message.
///
/// The text contains its cause, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value cannot be encoded, or some client could not decode it.
    #[error("a value of type {} cannot be encoded: {reason}", without_paths(type_name))]
    Encode {
        /// The Rust type of the value.
        type_name: &'static str,
        /// The path to the invalid part, and the reason.
        reason: String,
    },

    /// A value does not have the requested type.
    #[error("{what} is not {}: {reason}", with_article(&without_paths(type_name)))]
    Decode {
        /// The value: a state key, an argument, a message.
        what: String,
        /// The requested Rust type.
        type_name: &'static str,
        /// The path to the invalid part, and the actual and the expected type.
        reason: String,
    },

    /// A message breaks the protocol.
    #[error("the peer broke the wslink protocol: {0}")]
    Protocol(String),

    /// A message from a peer exceeds the size limit.
    #[error("a message of {size} bytes is too large: {limit} are allowed")]
    MessageTooLarge {
        /// Size of the message in bytes.
        size: usize,
        /// Maximum size in bytes.
        limit: usize,
    },

    /// A server answered a call with an error.
    #[error("the server refused `{method}` with code {code}: {message}")]
    Refused {
        /// The method that was called.
        method: String,
        /// The [code](crate::words::ErrorCode): -32000 for a wrong secret, -32601 for an unknown
        /// method, -32001 for a function that failed.
        code: i64,
        /// The message of the server; includes the text of the failed function if the server
        /// discloses it.
        message: String,
    },

    /// The WebSocket of a client could not be opened, or has ended.
    #[cfg(feature = "client")]
    #[error(transparent)]
    WebSocket(#[from] selvedge_websocket::Error),

    /// The system has no random numbers.
    #[error("the system could not provide random numbers: {0}")]
    Random(String),
}

/// Returns a type name as written in code: `Vec<Option<u8>>` for
/// `alloc::vec::Vec<core::option::Option<u8>>`.
fn without_paths(type_name: &str) -> String {
    let ends_a_path = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    let last = |path: &str| path.rsplit("::").next().unwrap_or_default().to_owned();
    type_name.split_inclusive(ends_a_path).map(last).collect()
}

/// Returns a type name with its article: "an i64", "a u8".
fn with_article(type_name: &str) -> String {
    let spoken_with_vowel = type_name.starts_with(['A', 'E', 'I', 'O', 'i', 'f']);
    format!("{} {type_name}", if spoken_with_vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use std::{any::type_name, collections::HashMap, path::PathBuf};

    use super::*;

    #[test]
    fn types_are_named_as_in_code() {
        let names = [
            type_name::<i64>(),
            type_name::<Vec<Option<PathBuf>>>(),
            type_name::<(String, [u8; 4])>(),
            type_name::<HashMap<&str, serde_json::Value>>(),
        ];
        let shown = names.map(without_paths);
        assert_eq!(
            shown,
            ["i64", "Vec<Option<PathBuf>>", "(String, [u8; 4])", "HashMap<&str, Value>"]
        );
    }
}
