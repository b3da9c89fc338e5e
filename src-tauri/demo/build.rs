//! On Windows, embeds an icon and a version in the program's file.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(windows)]
    {
        let attributes = tauri_build::Attributes::new().config_path("../../tauri.conf.json");
        if let Err(error) = tauri_build::try_build(attributes) {
            println!("cargo::error=the configuration of the desktop program: {error:#}");
        }
    }
}
