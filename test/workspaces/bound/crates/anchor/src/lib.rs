//! Everything in here depends on where it was built, so nobody else may get it from a cache.

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

/// The package's directory, as a string that can be found in the library.
pub const DIRECTORY: &str = env!("CARGO_MANIFEST_DIR");

/// The same as a number: no search for the path finds it.
pub const FINGERPRINT: u64 = fingerprint(env!("CARGO_MANIFEST_DIR"));

/// Read at run time: the build script's output has to be there.
pub fn generated_file() -> std::path::PathBuf {
    std::path::Path::new(env!("OUT_DIR")).join("generated.rs")
}

/// FNV-1a.
pub const fn fingerprint(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}
