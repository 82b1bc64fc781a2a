//! Runs the built program. It is found beside this test rather than by `env!`, which would bake
//! the target directory into the test program.

use std::path::PathBuf;
use std::process::{Command, Output};

fn quill(arguments: &[&str]) -> Output {
    let mut path: PathBuf = std::env::current_exe().expect("a test knows where it is");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    Command::new(path.join(format!("quill{}", std::env::consts::EXE_SUFFIX)))
        .args(arguments)
        .output()
        .expect("cargo built the program")
}

#[test]
fn answers_a_query() {
    let output = quill(&["select count() as n"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("500"));
}

#[test]
fn says_what_is_wrong() {
    let output = quill(&["select prize"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        message,
        "quill: at 0: no column `prize`; did you mean `price`?\n"
    );
}

#[test]
fn a_panic_names_its_source_file() {
    let output = quill(&["panic"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("crates/quill/src/main.rs:"), "{message}");
}
