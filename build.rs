//! Has the library built again when the page was: `ui/dist` becomes part of the binary.

fn main() {
    println!("cargo::rerun-if-changed=ui/dist");
    println!("cargo::rerun-if-changed=build.rs");
}
