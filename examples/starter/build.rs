//! On Windows, the program's file has its icon and version.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(windows)]
    tauri_build::build();
}
