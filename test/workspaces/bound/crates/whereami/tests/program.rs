use std::process::Command;

#[test]
fn prints_the_directory_that_it_was_built_in() {
    let output = Command::new(env!("CARGO_BIN_EXE_whereami"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let here = env!("CARGO_MANIFEST_DIR").replace("whereami", "anchor");
    assert_eq!(lines[0], here);
    assert_eq!(lines[1], "anchor");
    assert_eq!(lines[2], format!("{:016x}", anchor::fingerprint(&here)));
    assert!(std::path::Path::new(lines[3]).is_file());
}
