//! Hands the desktop program's configuration, which lies at the root of the repository, to Tauri.

fn main() {
    // There are no capabilities. Where the pattern is left to Tauri, it has cargo wait for their folder, and a folder that
    // does not exist makes every build one of this package.
    let attributes = tauri_build::Attributes::new()
        .config_path("../tauri.conf.json")
        .capabilities_path_pattern("capabilities/*");
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error=the configuration of the desktop program: {error:#}");
    }
}
