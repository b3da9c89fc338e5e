//! The command line: the library's flags, and one more.

use std::ffi::{OsStr, OsString};

/// Removes `--keys K` from a command line. Returns the number, 0 by default, and the remaining
/// arguments for the library.
///
/// # Errors
/// A message for the user if `--keys` is not followed by a number.
pub fn arguments(
    all: impl IntoIterator<Item = OsString>,
) -> Result<(usize, Vec<OsString>), String> {
    let (mut keys, mut rest) = (0, Vec::new());
    let mut all = all.into_iter();
    while let Some(argument) = all.next() {
        if argument == "--keys" {
            keys = number(all.next().as_deref())?;
        } else if let Some(value) = argument.to_str().and_then(|text| text.strip_prefix("--keys="))
        {
            keys = number(Some(value.as_ref()))?;
        } else {
            rest.push(argument);
        }
    }
    Ok((keys, rest))
}

fn number(value: Option<&OsStr>) -> Result<usize, String> {
    value.and_then(OsStr::to_str).and_then(|text| text.parse().ok()).ok_or_else(|| {
        "--keys wants the number of further state keys, for instance --keys 1000".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<(usize, Vec<String>), String> {
        let (keys, rest) = arguments(line.split(' ').map(OsString::from))?;
        let rest = rest.iter().map(|item| item.to_string_lossy().into_owned());
        Ok((keys, rest.collect()))
    }

    #[test]
    fn the_number_of_keys_is_read_at_any_position() {
        let left = vec!["app".to_owned(), "--server".to_owned()];
        assert_eq!(split("app --keys 7 --server"), Ok((7, left.clone())));
        assert_eq!(split("app --server --keys=7"), Ok((7, left.clone())));
        assert_eq!(split("app --server"), Ok((0, left)));
    }

    #[test]
    fn text_that_is_not_a_number_is_refused() {
        for line in ["app --keys", "app --keys many", "app --keys=-1"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
