//! Text for errors: suggestions of known names, and short forms of text from peers.

/// Maximum number of characters that are compared. Names from clients may have any length.
const COMPARED: usize = 64;

/// Maximum number of suggested names.
const PROPOSED: usize = 3;

/// Maximum number of characters shown of a text.
pub(crate) const SHOWN_TEXT: usize = 40;

/// Returns the known names that are most similar to `name`, the nearest first.
pub fn similar<'a>(known: impl Iterator<Item = &'a str>, name: &str) -> Vec<String> {
    let name = compared(name);
    let length = name.chars().count();
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|known| {
            let distance = strsim::levenshtein(compared(known), name);
            let longest = compared(known).chars().count().max(length);
            (distance <= longest / 2).then_some((distance, known))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(PROPOSED).map(|(_, known)| known.to_owned()).collect()
}

/// Returns the part of a name that is compared.
fn compared(name: &str) -> &str {
    let end = name.char_indices().nth(COMPARED).map_or(name.len(), |(end, _)| end);
    &name[..end]
}

/// Returns a text for an error: all of it, or its first `limit` characters.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns a text in quotes, shortened, with control characters escaped.
pub fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text, SHOWN_TEXT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &[&str]) {
        assert_eq!(similar(["count", "counts", "name"].into_iter(), name), expected, "{name}");
    }

    #[test]
    fn the_nearest_names_come_first() {
        check("cuont", &["count", "counts"]);
        check("countz", &["count", "counts"]);
        check("nam", &["name"]);
        check("something_else", &[]);
        check("", &[]);
        check(&"x".repeat(10_000_000), &[]);
    }
}
