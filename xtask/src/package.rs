//! The packages that users install, made by Tauri's bundler from `tauri.conf.json`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    command::{self, Failure, Result},
    project, tauri_cli,
};

/// What the bundler makes on this system by default, apart from [`APPIMAGE`].
const BUNDLES: &[&str] = if cfg!(windows) {
    &["msi", "nsis"]
} else if cfg!(target_os = "macos") {
    &["dmg"]
} else {
    &["deb", "rpm"]
};

/// Made on Linux if the tools for it are there or can be downloaded.
const APPIMAGE: &str = "appimage";

/// File extensions of the packages that users get.
const ENDINGS: [&str; 6] = ["deb", "rpm", "AppImage", "msi", "exe", "dmg"];

/// Cargo options that embed the page in debug builds, too, which otherwise read it from the folder
/// that it was built in.
const WITH_PAGE: [&str; 6] = [
    "--config",
    "profile.dev.package.selvedge.debug-assertions=false",
    "--config",
    "profile.dev.package.rust-embed.debug-assertions=false",
    "--config",
    "profile.dev.package.rust-embed-utils.debug-assertions=false",
];

#[derive(Args)]
pub(crate) struct PackageOptions {
    /// Build quickly, without optimizations
    #[arg(long)]
    debug: bool,
    /// Make only these kinds: deb, rpm and appimage on Linux, msi and nsis on Windows, app and dmg
    /// on macOS
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    bundles: Vec<String>,
}

/// Builds the program and its packages, and prints the results.
pub(crate) fn build(options: &PackageOptions) -> Result {
    let asked = options.bundles.iter().map(String::as_str).collect::<Vec<_>>();
    let chosen = if asked.is_empty() { BUNDLES.to_vec() } else { asked.clone() };
    let appimage = cfg!(target_os = "linux") && (asked.is_empty() || asked.contains(&APPIMAGE));
    let others: Vec<&str> = chosen.into_iter().filter(|kind| *kind != APPIMAGE).collect();

    clear(options.debug)?;
    let mut cli = tauri_cli::ready()?;
    cli.arg("build").args(options.debug.then_some("--debug"));
    match others.is_empty() {
        true => cli.arg("--no-bundle"),
        false => cli.args(["--bundles", &others.join(",")]),
    };
    if options.debug {
        cli.arg("--").args(WITH_PAGE);
    }
    command::run(&mut cli)?;
    let missing = if appimage { appimage_is_missing(options.debug)? } else { None };

    println!("\nBuilt:");
    for file in built(options.debug) {
        let bytes = fs::metadata(&file).map_err(|error| Failure::at(&file, &error))?.len();
        println!("  {:>8.2} MiB  {}", bytes as f64 / f64::from(1 << 20), file.display());
    }
    match missing {
        Some(reason) if asked.is_empty() => println!("\nNo AppImage: {reason}"),
        Some(reason) => return Err(Failure::new(format!("no AppImage: {reason}"))),
        None => {}
    }
    Ok(())
}

/// Makes packages for a test and returns their files. Reuses what other tests have built if it is
/// the same.
#[cfg(target_os = "linux")]
pub(crate) fn quickly(kinds: &str) -> Result<Vec<PathBuf>> {
    clear(true)?;
    let build = ["build", "--locked", "-p", "selvedge-demo", "--bins"];
    command::run(command::cargo(&build).args(WITH_PAGE))?;
    bundle(true, kinds)?;
    Ok(built(true))
}

fn bundle(debug: bool, kinds: &str) -> Result {
    let mut cli = tauri_cli::ready()?;
    // Without the information for an updater in the program, so that the built program stays as it
    // is.
    cli.args(["bundle", "--no-binary-patching", "--bundles", kinds]);
    command::run(cli.args(debug.then_some("--debug")))
}

/// Makes the AppImage. If that fails for lack of tools, returns what is missing.
fn appimage_is_missing(debug: bool) -> Result<Option<String>> {
    let Err(failure) = bundle(debug, APPIMAGE) else {
        return Ok(None);
    };
    let Some(folder) = tools_folder() else {
        return Err(failure);
    };
    let missing: Vec<String> =
        tools().into_iter().filter(|tool| !folder.join(tool).is_file()).collect();
    if missing.is_empty() {
        return Err(failure);
    }
    Ok(Some(format!(
        "{} missing in {}. Tauri downloads them there from its project \"binary-releases\" when there is \
         an internet connection; its message above has the address of the first. Without one, copy that folder from a \
         machine where `cargo xtask package` has made an AppImage.",
        missing.join(", ") + if missing.len() == 1 { " is" } else { " are" },
        folder.display()
    )))
}

/// Returns the folder where Tauri keeps its downloads.
fn tools_folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("tauri"))
}

fn tools() -> Vec<String> {
    let machine = env::consts::ARCH;
    vec![
        format!("AppRun-{machine}"),
        format!("linuxdeploy-{machine}.AppImage"),
        "linuxdeploy-plugin-gtk.sh".into(),
        "linuxdeploy-plugin-gstreamer.sh".into(),
    ]
}

fn folder(debug: bool) -> PathBuf {
    project::target().join(if debug { "debug" } else { "release" }).join("bundle")
}

/// Removes packages of earlier builds, so that only new ones are found afterwards.
fn clear(debug: bool) -> Result {
    let folder = folder(debug);
    match folder.exists() {
        true => fs::remove_dir_all(&folder).map_err(|error| Failure::at(&folder, &error)),
        false => Ok(()),
    }
}

/// Returns the files for users, each in the folder of its kind.
fn built(debug: bool) -> Vec<PathBuf> {
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let for_users = |file: &PathBuf| {
        file.is_file()
            && file.extension().is_some_and(|end| ENDINGS.iter().any(|known| end == *known))
    };
    let kinds = inside(&folder(debug));
    let mut files: Vec<PathBuf> =
        kinds.iter().flat_map(|kind| inside(kind)).filter(for_users).collect();
    files.sort();
    files
}
