//! Files among the program's sources: embedded in releases, read from disk in development.

/// Embeds a file among the program's sources as a [`Template`](crate::pages::Template).
///
/// The path is relative to the folder of the program's `Cargo.toml`. The text is part of the
/// program, so a release needs no file. In a debug build, pages follow the file with
/// [`StartOptions::hot_reload`](crate::StartOptions::hot_reload).
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.template("main", selvedge::template!("src/pages/template_macro.rs"));
/// ```
#[macro_export]
macro_rules! template {
    ($path:literal) => {
        $crate::pages::Template::with_source(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)),
            if cfg!(debug_assertions) {
                Some(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
            } else {
                None
            },
        )
    };
}
