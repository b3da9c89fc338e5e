//! trame's Python packages in pinned versions, and manifests of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Everything that the result depends on: the packages to install, and the tool.
const REQUIREMENTS: &str = include_str!("trame.txt");
const TOOL: &str = include_str!("../../tools/trame_manifest.py");

const MODULES: [&str; 4] = [
    "trame.modules.www",
    "trame.modules.vuetify3",
    "trame.modules.markdown",
    "trame.modules.plotly",
];

/// Returns the manifests of trame's page and widgets, `www` first. They are downloaded once and
/// kept until a version changes.
pub fn manifests() -> &'static [PathBuf] {
    static MANIFESTS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    MANIFESTS.get_or_init(|| {
        let folder = installed();
        let path = |module: &str| {
            let name = module.rsplit('.').next().unwrap();
            folder.join(format!("modules/{name}.json"))
        };
        MODULES.iter().map(|module| path(module)).collect()
    })
}

fn installed() -> PathBuf {
    let version = REQUIREMENTS
        .bytes()
        .chain(TOOL.bytes())
        .fold(0u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte));
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = place.join(format!("trame-{version:x}"));
    if folder.is_dir() {
        return folder;
    }
    // Another process may do the same: the first one creates the folder, which is never incomplete.
    let fresh = tempfile::tempdir_in(place).unwrap();
    let packages = fresh.path().join("packages");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--require-hashes", "--only-binary=:all:"])
        .args(["--disable-pip-version-check", "--root-user-action=ignore"])
        .arg("--target")
        .arg(&packages)
        .arg("-r")
        .arg(here.join("trame.txt"));
    succeed(&mut pip);
    succeed(
        manifest_tool()
            .env("PYTHONPATH", &packages)
            .arg("--output")
            .arg(fresh.path().join("modules"))
            .arg("--copy")
            .args(MODULES),
    );
    fs::remove_dir_all(&packages).unwrap();
    if fs::rename(fresh.path(), &folder).is_ok() {
        let _moved = fresh.keep();
    }
    assert!(folder.is_dir(), "{} cannot be made", folder.display());
    folder
}

/// Returns the tool that writes manifests.
pub fn manifest_tool() -> Command {
    let mut tool = Command::new("python3");
    tool.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/trame_manifest.py"));
    tool
}

/// Runs a program to its end and returns its output.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
