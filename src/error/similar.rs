//! Known names that look like one that is not known.

/// Characters of a name that are compared. Names from clients may have any length.
const COMPARED: usize = 64;

/// Names that are proposed at most.
const PROPOSED: usize = 3;

/// The known names that look most like `name`, the nearest first.
pub(crate) fn similar<'a>(known: impl Iterator<Item = &'a str>, name: &str) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = known
        .map(|known| (edit_distance(known, name), known))
        .filter(|(distance, known)| {
            let longest = known.chars().count().max(name.chars().count()).min(COMPARED);
            *distance <= longest / 2
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(PROPOSED).map(|(_, known)| known.to_owned()).collect()
}

/// How many characters must be added, removed or replaced to get from one name to the other.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(COMPARED).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().take(COMPARED).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
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
