//! What clients learn about errors.
//!
//! The log contains every error in full. A client gets the application's own sentences,
//! [`Failure::msg`], unchanged. Errors propagated with `?` and panics are written for the operator:
//! paths in them are replaced and backtraces are cut off, unless the server was started with
//! `debug`.

use crate::{Error, Failure, app::Server};

/// Replaces a path.
const HIDDEN: &str = "<path>";

/// Replaces the library's own errors about files and ports of the machine.
const OF_THE_MACHINE: &str =
    "the server has a problem with its own files or ports; its log says more";

impl Server {
    /// Returns the text of a failure for a client.
    pub(crate) fn for_clients(&self, failure: &Failure) -> String {
        let text = failure.to_string();
        if failure.is_for_clients() || self.settings().debug {
            return text;
        }
        let is_of_the_machine = failure.is::<selvedge_port::Error>()
            || matches!(
                failure.downcast_ref(),
                Some(Error::ModulePath { .. } | Error::Certificate { .. } | Error::Port(_))
            );
        if is_of_the_machine {
            return OF_THE_MACHINE.to_owned();
        }
        without_paths(without_backtrace(&text))
    }
}

fn without_backtrace(text: &str) -> &str {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let line_is = line.trim().to_ascii_lowercase();
        if line_is.starts_with("stack backtrace:") || line_is.starts_with("backtrace:") {
            return text[..start].trim_end();
        }
        start += line.len();
    }
    text
}

/// Replaces everything that looks like a path from the root, the home folder or the current folder.
fn without_paths(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if starts_path(before, rest) {
            told.push_str(HIDDEN);
            rest = &rest[path_length(before, rest)..];
            before = Some('>');
        } else {
            told.push(first);
            rest = &rest[first.len_utf8()..];
            before = Some(first);
        }
    }
    told
}

fn starts_path(before: Option<char>, rest: &str) -> bool {
    let inside_a_word = before.is_some_and(|c| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '%' | '/' | '\\' | '<' | ')')
    });
    if inside_a_word {
        return false;
    }
    // After `scheme:`, the slashes belong to a URL.
    if before == Some(':') && rest.starts_with("//") {
        return false;
    }
    let prefixes = ["~/", "~\\", "./", ".\\", "../", "..\\", "\\\\", "file:/"];
    if prefixes.iter().any(|prefix| rest.starts_with(prefix)) {
        return true;
    }
    let mut chars = rest.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('/'), Some(next), _) => !next.is_whitespace(),
        (Some(drive), Some(':'), Some('/' | '\\')) => {
            drive.is_ascii_alphabetic() && !rest[2..].starts_with("//")
        }
        _ => false,
    }
}

/// Returns the length in bytes of the path at the start of `rest`. A quoted path ends at the
/// closing quote. Others may contain spaces: they end with the word after the last slash of the
/// clause.
fn path_length(before: Option<char>, rest: &str) -> usize {
    let quoted =
        before.filter(|quote| matches!(quote, '"' | '\'' | '`')).and_then(|quote| rest.find(quote));
    if let Some(end) = quoted {
        return end;
    }
    let stops = rest
        .char_indices()
        .skip(2) // the colon of a drive
        .find(|&(at, c)| match c {
            ':' => rest[at + 1..].chars().next().is_none_or(char::is_whitespace),
            c => {
                matches!(c, '"' | '\'' | '`' | '\n' | ',' | ';' | ')' | ']' | '}' | '<' | '>' | '|')
            }
        });
    let clause = &rest[..stops.map_or(rest.len(), |(at, _)| at)];
    let last_slash = clause.rfind(['/', '\\']).unwrap_or(0);
    let word = clause[last_slash..].find(char::is_whitespace);
    word.map_or(clause.len(), |length| last_slash + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_every_kind_are_hidden() {
        for (text, told) in [
            ("cannot open /etc/app/key.pem: denied", "cannot open <path>: denied"),
            ("/root", "<path>"),
            ("cannot open \"/data/Ada Lovelace/x, y\" now", "cannot open \"<path>\" now"),
            ("open /data/Ada King Lovelace/x.txt: no", "open <path>: no"),
            ("copy /a/b to /c/d", "copy <path>"),
            ("read ~/x and (./y)", "read <path>)"),
            (r"C:\Users\Ada\x.txt is missing", "<path> is missing"),
            ("(d:/data/x)", "(<path>)"),
            (r"\\server\share\x", "<path>"),
            ("see file:///srv/x", "see <path>"),
            ("at:/srv/x", "at:<path>"),
            ("path=/srv/x; more", "path=<path>; more"),
            ("`../secrets/key` is empty", "`<path>` is empty"),
        ] {
            assert_eq!(without_paths(text), told, "{text}");
        }
    }

    #[test]
    fn texts_without_paths_stay() {
        for text in [
            "",
            "invalid digit found in string",
            "10 km/h and/or 3 / 4",
            "see https://example.org/a/b and ws://[::1]:80/ws",
            "<p>text</p>",
            "demo.method: 5 is not a String",
            "größer als 3",
        ] {
            assert_eq!(without_paths(text), text);
        }
    }

    #[test]
    fn backtraces_are_cut_off() {
        let text = "it failed\n\nStack backtrace:\n   0: main\n   at x.rs";
        assert_eq!(without_backtrace(text), "it failed");
        assert_eq!(without_backtrace("no backtrace here"), "no backtrace here");
    }

    #[test]
    fn sentences_of_the_application_and_errors_while_debugging_stay_whole() {
        let server = Server::new("disclosure");
        let sentence = Failure::msg("saved as /data/ada/x");
        assert_eq!(server.for_clients(&sentence), "saved as /data/ada/x");
        let module = || {
            Failure::from(Error::ModulePath { module: "m".to_owned(), path: "relative/x".into() })
        };
        assert_eq!(server.for_clients(&module()), OF_THE_MACHINE);
        server.settings().debug = true;
        assert!(server.for_clients(&module()).contains("relative/x"));
    }
}
