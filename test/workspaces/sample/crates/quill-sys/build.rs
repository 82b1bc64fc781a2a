//! Compiles the C sources with `cc` and `ar` directly, as small -sys crates do.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: [&str; 2] = ["adler.c", "base64.c"];

fn main() {
    println!("cargo:rerun-if-changed=c");
    for variable in ["CC", "AR", "CFLAGS"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let objects: Vec<PathBuf> = SOURCES.iter().map(|source| compile(source, &out)).collect();

    let archive = out.join("libquillc.a");
    // `ar` adds to an archive that exists.
    let _ = std::fs::remove_file(&archive);
    run(Command::new(program("AR", "ar"))
        .arg("crs")
        .arg(&archive)
        .args(&objects));

    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=quillc");
    println!("cargo:sources={}", SOURCES.len());
}

fn compile(source: &str, out: &Path) -> PathBuf {
    let object = out.join(source).with_extension("o");
    let optimise = match env::var("OPT_LEVEL").as_deref() {
        Ok("0") => "-O1",
        _ => "-O2",
    };
    let mut command = Command::new(program("CC", "cc"));
    command.args([
        "-std=c99",
        "-Wall",
        "-fPIC",
        "-ffunction-sections",
        optimise,
    ]);
    if let Ok(flags) = env::var("CFLAGS") {
        command.args(flags.split_whitespace());
    }
    run(command
        .arg("-c")
        .arg(Path::new("c").join(source))
        .arg("-o")
        .arg(&object));
    object
}

fn program(variable: &str, default: &str) -> String {
    env::var(variable).unwrap_or_else(|_| default.to_string())
}

fn run(command: &mut Command) {
    let status = command
        .status()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
