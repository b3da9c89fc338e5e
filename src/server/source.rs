//! Assets from the program's sources: part of a release, and read from their folder while the program is developed.

use std::{borrow::Cow, fs, path::PathBuf, sync::Arc};

use super::{Assets, EmbeddedFiles};

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
///     serve: [("look".into(), selvedge::assets!("src", ["lib.rs", "server/source.rs"]))].into(),
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
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder, "/", $file)) as &[u8],
            )),+],
            if cfg!(debug_assertions) {
                Some(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder))
            } else {
                None
            },
        )
    };
}

/// A module from a manifest of the program's sources, with the files that it serves, as a `Result<`[`Module`](crate::Module)`>`.
///
/// The path is relative to the folder of the program's `Cargo.toml`, and folders in the manifest to the manifest itself. Manifest
/// and files are part of the program, which needs none of them where it runs. In a debug build the files come from their
/// folders, if these are there, and pages follow them with [`StartOptions::hot_reload`](crate::StartOptions::hot_reload). A
/// file that is new in a folder is seen when the program is compiled again.
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.enable_module(selvedge::module!("tests/module/charts.json")?)?;
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Manifest`](crate::Error::Manifest) when it is no manifest, for instance since it has a field of another name. A
/// manifest or a folder that does not exist is an error of the compiler.
#[macro_export]
macro_rules! module {
    ($path:literal) => {
        $crate::embedded_module!($crate, $path)
    };
}

impl Assets {
    /// Files that are part of the program, and the folder that they come from. See [`assets!`](crate::assets!).
    #[doc(hidden)]
    pub fn with_source(
        files: &'static [(&'static str, &'static [u8])],
        folder: Option<&'static str>,
    ) -> Self {
        // A program that was copied to another machine has its files.
        let source = folder.map(PathBuf::from).filter(|folder| folder.is_dir());
        let folder = source.clone();
        let get = move |path: &str| {
            let (_, content) = files.iter().find(|(name, _)| *name == path)?;
            let newest = folder.as_ref().and_then(|folder| fs::read(folder.join(path)).ok());
            Some(newest.map_or(Cow::Borrowed(*content), Cow::Owned))
        };
        Assets::Embedded(EmbeddedFiles { get: Arc::new(get), source })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Module, server::module::Modules};

    use super::*;

    #[test]
    fn sources_come_from_their_folder_or_from_the_program() {
        const FILES: &[(&str, &[u8])] = &[("a.css", b"built")];
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.css"), "newest").unwrap();
        fs::write(folder.path().join("b.css"), "not listed").unwrap();
        let path: &'static str = folder.path().to_str().unwrap().to_owned().leak();
        for (source, expected) in
            [(Some(path), "newest"), (None, "built"), (Some("no/such/folder"), "built")]
        {
            let Assets::Embedded(files) = Assets::with_source(FILES, source) else {
                panic!("it is a folder");
            };
            assert_eq!(files.get("a.css").unwrap(), expected.as_bytes());
            assert_eq!(files.get("b.css"), None);
            let mut modules = Modules::default();
            let serve = [("x".to_owned(), Assets::Embedded(files))].into();
            modules.add(&Module { serve, ..Module::default() });
            assert_eq!(modules.folders().len(), usize::from(expected == "newest"));
        }
    }
}
