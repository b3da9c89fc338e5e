//! Assets from the program's sources: embedded in a release, read from their folder in development.

use std::{borrow::Cow, fs, path::PathBuf, sync::Arc};

use super::{Assets, EmbeddedFiles};

/// Embeds files of a source folder as [`Assets`](crate::files::Assets) of a module.
///
/// The folder is relative to the folder of the program's `Cargo.toml`. The listed files are
/// embedded in the program, so that a release needs no files on disk. A debug build reads them from
/// the folder if it exists, and with [`StartOptions::hot_reload`](crate::StartOptions::hot_reload)
/// pages follow their changes.
///
/// ```
/// use selvedge::{Module, Server};
///
/// let server = Server::new("doc");
/// server.enable_module(Module {
///     name: "look".into(),
///     serve: [("look".into(), selvedge::assets!("src", ["lib.rs", "pages/assets_macro.rs"]))].into(),
///     styles: vec!["look/lib.rs".into()], // a style sheet, usually
///     ..Module::default()
/// })?;
/// # Ok::<(), selvedge::Error>(())
/// ```
#[macro_export]
macro_rules! assets {
    ($folder:literal, [$($file:literal),+ $(,)?]) => {
        $crate::files::Assets::with_source(
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

/// Embeds a module: a manifest from the program's sources and the files that it serves. Returns a
/// `Result<`[`Module`](crate::Module)`>`.
///
/// The path is relative to the folder of the program's `Cargo.toml`, and folders in the manifest
/// are relative to the manifest. Manifest and files are embedded in the program, which needs no
/// files on disk. A debug build reads the files from their folders if these exist, and with
/// [`StartOptions::hot_reload`](crate::StartOptions::hot_reload) pages follow their changes. A file
/// that is added to a folder is served after the next compilation.
///
/// ```
/// let server = selvedge::Server::new("doc");
/// server.enable_module(selvedge::module!("tests/module/charts.json")?)?;
/// # Ok::<(), selvedge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Manifest`](crate::Error::Manifest) if the manifest is invalid, for instance because of
/// an unknown field. A manifest or folder that does not exist is a compile error.
#[macro_export]
macro_rules! module {
    ($path:literal) => {
        $crate::embedded_module!($crate, $path)
    };
}

impl Assets {
    /// Returns files that are embedded in the program, with their source folder. See
    /// [`assets!`](crate::assets!).
    #[doc(hidden)]
    pub fn with_source(
        files: &'static [(&'static str, &'static [u8])],
        folder: Option<&'static str>,
    ) -> Self {
        // The folder does not exist if the program was copied to another machine.
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
    use crate::{Module, pages::module::Modules};

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
