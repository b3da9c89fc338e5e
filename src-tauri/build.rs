//! Hands the desktop program's configuration, which lies at the root of the repository, to Tauri.

fn main() {
    let attributes = tauri_build::Attributes::new().config_path("../tauri.conf.json");
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error=the configuration of the desktop program: {error:#}");
    }
}
