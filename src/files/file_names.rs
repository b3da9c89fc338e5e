//! Names and types of files.

use std::path::Path;

/// Returns the last part of an untrusted path or name, which cannot lead to another folder. Never
/// empty.
pub(crate) fn plain_name(name: &str) -> String {
    const LONGEST: usize = 255; // bytes, what file systems allow
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut plain: String = last.chars().filter(|c| !c.is_control()).collect();
    while plain.len() > LONGEST {
        plain.pop();
    }
    match plain.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// Returns the media type of a file by its name.
pub(crate) fn media_type_of(path: &Path) -> String {
    mime_guess::from_path(path).first_or_octet_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_other_programs_cannot_leave_the_folder() {
        for (name, plain) in [
            ("a.csv", "a.csv"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\x.txt", "x.txt"),
            ("..", "file"),
            ("a/..", "file"),
            ("", "file"),
            (" \n", "file"),
            ("tab\tand\0nul", "tabandnul"),
            ("Größe 5.png", "Größe 5.png"),
        ] {
            assert_eq!(plain_name(name), plain, "{name:?}");
        }
        assert_eq!(plain_name(&"ü".repeat(300)).len(), 254);
    }
}
