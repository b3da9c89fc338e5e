//! Files of the program's sources: part of a release, and read from where they are while the program is developed.

/// A template from a file of the program's sources, as a [`Template`](crate::Template).
///
/// The path is relative to the folder of the program's `Cargo.toml`. The text is part of the program, so that a release needs no
/// file. In a debug build, pages follow the file with [`StartOptions::hot_reload`](crate::StartOptions::hot_reload).
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.template("main", selvedge::template!("src/template/source.rs"));
/// ```
#[macro_export]
macro_rules! template {
    ($path:literal) => {
        $crate::Template::with_source(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)),
            if cfg!(debug_assertions) {
                Some(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
            } else {
                None
            },
        )
    };
}

/// Files of a folder of the program's sources, as [`Assets`](crate::Assets) of a module.
///
/// The folder is relative to that of the program's `Cargo.toml`. The files that are listed are part of the program, so that a
/// release needs none of them. In a debug build they come from the folder, if it is there, and pages follow them with
/// [`StartOptions::hot_reload`](crate::StartOptions::hot_reload).
///
/// ```
/// use selvedge::{Module, Server};
///
/// let server = Server::new("doc");
/// server.enable_module(Module {
///     name: "look".into(),
///     serve: [("look".into(), selvedge::assets!("src", ["lib.rs", "template/source.rs"]))].into(),
///     styles: vec!["look/lib.rs".into()], // a style sheet, usually
///     ..Module::default()
/// })?;
/// # Ok::<(), selvedge::Error>(())
/// ```
#[macro_export]
macro_rules! assets {
    ($folder:literal, [$($file:literal),+ $(,)?]) => {
        $crate::Assets::with_source(
            &[$((
                $file,
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder, "/", $file)),
            )),+],
            if cfg!(debug_assertions) {
                Some(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder))
            } else {
                None
            },
        )
    };
}
