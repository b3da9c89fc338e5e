//! Draws the icon in all its sizes from `src-tauri/icons/icon.svg`, with Tauri's command line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, Failure, Result},
    project, tauri_cli,
};

const SOURCE: &str = "src-tauri/icons/icon.svg";

/// Sizes of the hicolor theme that `tauri.conf.json` names.
const SIZES: &str = "16,24,32,48,64,128,256,512";

/// The icon files of Windows and macOS.
const CONTAINERS: [&str; 2] = ["icon.ico", "icon.icns"];

/// The page's copy of the icon.
const PAGE: &str = "ui/public/favicon.svg";

/// A file of the repository, and the content that it should have.
struct Drawn {
    file: PathBuf,
    bytes: Vec<u8>,
}

/// Draws all sizes.
pub(crate) fn draw() -> Result {
    for Drawn { file, bytes } in drawn()? {
        fs::write(&file, bytes).map_err(|error| Failure::at(&file, &error))?;
        println!("{}", file.display());
    }
    Ok(())
}

/// Checks that all sizes match the source.
#[cfg(target_os = "linux")]
pub(crate) fn check() -> Result {
    for Drawn { file, bytes } in drawn()? {
        let there = fs::read(&file).unwrap_or_default();
        // The order of the parts of an .icns file differs each time.
        let same = match file.extension().is_some_and(|end| end == "icns") {
            true => there.len() == bytes.len(),
            false => there == bytes,
        };
        if !same {
            let file = file.display();
            let advice = format!("{file} is not {SOURCE} at its size: run `cargo xtask icons`");
            return Err(Failure::new(advice));
        }
    }
    Ok(())
}

fn drawn() -> Result<Vec<Drawn>> {
    let scratch = project::target().join("icons");
    let _ = fs::remove_dir_all(&scratch);
    let (pngs, containers) = (scratch.join("pngs"), scratch.join("containers"));
    let drawing = |folder: &Path, more: &[&str]| {
        let mut cli = tauri_cli::program()?;
        cli.args(["icon", SOURCE, "--output"]).arg(folder).args(more);
        let output = command::output(&mut cli)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Failure::new(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    };
    drawing(&pngs, &["--png", SIZES])?;
    drawing(&containers, &[])?;

    let read = |path: &Path| fs::read(path).map_err(|error| Failure::at(path, &error));
    let icons = project::root().join("src-tauri/icons");
    let png = |size: &str| format!("{size}x{size}.png");
    let sources = SIZES.split(',').map(|size| (pngs.join(png(size)), icons.join(png(size))));
    let sources = sources.chain(CONTAINERS.map(|name| (containers.join(name), icons.join(name))));
    let page = (project::root().join(SOURCE), project::root().join(PAGE));
    sources.chain([page]).map(|(from, file)| Ok(Drawn { file, bytes: read(&from)? })).collect()
}
