//! Provides the folder that `tauri::generate_context!` needs for its output. There are no
//! capabilities, and no configuration except that in `context`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
