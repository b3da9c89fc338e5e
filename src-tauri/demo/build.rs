//! On Windows, the program's file has an icon and a version.

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
