//! What a file is, in the words of the protocol.

use crate::text::push_string;
use std::ffi::OsStr;
use std::fs::{symlink_metadata, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// `dev:ino:size:mtimeNs:ctimeNs:mode`, the mode in octal.
pub fn describe(found: &Metadata) -> String {
    format!(
        "{}:{}:{}:{}:{}:{:o}",
        found.dev(),
        found.ino(),
        found.size(),
        nanoseconds(found.mtime(), found.mtime_nsec()),
        nanoseconds(found.ctime(), found.ctime_nsec()),
        found.mode() & 0o7777,
    )
}

/// The same for a path: nothing unless a regular file stands there.
pub fn describe_path(path: &[u8]) -> Option<String> {
    let found = symlink_metadata(path_of(path)).ok()?;
    found.is_file().then(|| describe(&found))
}

/// Appends the `made` list of a report.
pub fn push_made(json: &mut Vec<u8>, made: &[Option<String>]) {
    json.extend_from_slice(br#","made":["#);
    for (index, stat) in made.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        match stat {
            Some(stat) => push_string(json, stat.as_bytes()),
            None => json.extend_from_slice(b"null"),
        }
    }
    json.push(b']');
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}
