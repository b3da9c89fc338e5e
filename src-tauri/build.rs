//! Gives `tauri::generate_context!` a folder for what it generates. There are no capabilities, and no configuration but the one
//! in `context`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
