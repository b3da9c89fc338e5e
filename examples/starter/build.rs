//! Gives the program's file its icon and version on Windows.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(windows)]
    tauri_build::build();
}
