use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let directory = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let code = "pub const GENERATED: &str = \"generated\";\n";
    std::fs::write(Path::new(&directory).join("generated.rs"), code).expect("writable");
}
