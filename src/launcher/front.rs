//! The front of a build script: a copy of this program under the script's name. The script itself
//! stands beside it and does the work whenever the node has nothing better.

use crate::call::Call;
use crate::copy::Copier;
use crate::restore::link_over;
use crate::stat::path_of;
use crate::sys;
use std::env::{current_exe, var_os};
use std::ffi::{c_char, CStr, CString, OsStr};
use std::fs::metadata;
use std::io::Result;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is behind the name of a script that has a front.
const SUFFIX: &[u8] = b".vrift";
const HASH_DIGITS: usize = 16;

/// Whether a process of that name stands for a build script.
pub fn is_front(path: &[u8]) -> bool {
    let (_, name) = split(path);
    name.starts_with(b"build-script-") || name.starts_with(b"build_script_")
}

/// Where the script of the front at `path` is. Cargo knows a front by two names, with and without
/// a hash; both have the same script.
pub fn program_beside(path: &[u8]) -> Option<Vec<u8>> {
    let (folder, name) = split(path);
    if !is_front(name) || name.ends_with(SUFFIX) {
        return None;
    }
    let plain: Vec<u8> = without_hash(name)
        .iter()
        .map(|byte| if *byte == b'_' { b'-' } else { *byte })
        .collect();
    Some([folder, &plain, SUFFIX].concat())
}

/// The directory with its slash, and the file name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    path.split_at(slash.map_or(0, |at| at + 1))
}

fn without_hash(name: &[u8]) -> &[u8] {
    let (plain, end) = name.split_at(name.len().saturating_sub(HASH_DIGITS + 1));
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match end.split_first() {
        Some((b'-', hash)) if hash.iter().all(is_digit) => plain,
        _ => name,
    }
}

/// The call that this front stands for. Outside of a build with vrift it becomes the script.
///
/// # Safety
/// As for `Call::claim`; `argv` has a first member.
pub unsafe fn claim(argv: *const *const c_char) -> Call {
    let own = current_exe().map_or_else(
        |_| CStr::from_ptr(*argv).to_bytes().to_vec(),
        |path| path.into_os_string().into_vec(),
    );
    let program = program_beside(&own);
    let found = program
        .clone()
        .filter(|program| path_of(program).is_file())
        .and_then(|program| CString::new(program).ok());
    let Some(found) = found else {
        let missing = program.unwrap_or(own);
        crate::say(&[
            b"error: the build script's program ",
            &missing,
            b" is gone; run cargo clean",
        ]);
        sys::_exit(127)
    };
    let call = Call::claim_front(argv, Box::leak(found.into_boxed_c_str()));
    if !is_in_build() {
        call.exec();
    }
    call
}

/// Whether cargo runs the script, with vrift around the compiler.
fn is_in_build() -> bool {
    let wrapper = var_os("RUSTC_WRAPPER").unwrap_or_default();
    Path::new(&wrapper).file_name() == Some(OsStr::new("vrift-rustc"))
        && ["OUT_DIR", "CARGO_MANIFEST_DIR"]
            .iter()
            .all(|name| var_os(name).is_some())
}

/// Moves a new script from `program` to `real` and puts a front in its place. `program` works at
/// every moment, and stays the script when anything fails.
pub fn install(program: &Path, real: &Path) -> Result<()> {
    let mut copier = Copier::new();
    if link_over(program, real).is_err() {
        let found = metadata(program)?;
        copier.copy(program, real, found.size(), found.mode() & 0o7777)?;
    }
    put(&mut copier, program)
}

/// Makes `to` a front.
pub fn put(copier: &mut Copier, to: &Path) -> Result<()> {
    let own = own_program()?;
    let size = metadata(&own)?.size();
    copier.copy_over(&own, to, size, 0o777)
}

/// This very program, on Linux even when another one has its name by now.
fn own_program() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    current_exe()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(path: &str) -> Option<String> {
        let program = program_beside(path.as_bytes())?;
        Some(String::from_utf8(program).unwrap())
    }

    #[test]
    fn both_names_of_a_front_have_one_program() {
        for (path, program) in [
            (
                "/t/build/a-1/build_script_build-0123456789abcdef",
                "/t/build/a-1/build-script-build.vrift",
            ),
            (
                "/t/build/a-1/build-script-build",
                "/t/build/a-1/build-script-build.vrift",
            ),
            (
                "/t_t/build_script_my_x-0123456789abcdef",
                "/t_t/build-script-my-x.vrift",
            ),
            ("build-script-build", "build-script-build.vrift"),
        ] {
            assert_eq!(beside(path).as_deref(), Some(program), "{path}");
        }
    }

    #[test]
    fn only_sixteen_lowercase_hex_digits_are_a_hash() {
        for (name, program) in [
            (
                "build-script-0123456789abcdeF",
                "build-script-0123456789abcdeF.vrift",
            ),
            (
                "build-script-x-123456789abcdef",
                "build-script-x-123456789abcdef.vrift",
            ),
            (
                "build-script-x_0123456789abcdef",
                "build-script-x-0123456789abcdef.vrift",
            ),
        ] {
            assert_eq!(beside(name).as_deref(), Some(program), "{name}");
        }
    }

    #[test]
    fn other_names_have_none() {
        for path in [
            "/t/vrift-rustc",
            "/build-script-build/main",
            "/t/build-script-build.vrift",
            "/t/build-script-build/",
            "",
        ] {
            assert_eq!(beside(path), None, "{path}");
        }
    }
}
