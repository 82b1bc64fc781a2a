//! Directories that a hit needs.

use std::fs::{create_dir_all, read_dir, remove_dir_all, remove_file, DirBuilder};
use std::io::Result;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Makes the directory and those above it. One that is there keeps its mode; a new one has `mode`
/// as far as the umask allows, and what a setgid parent gives.
pub fn make(to: &Path, mode: u32) -> Result<()> {
    if to.is_dir() {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        create_dir_all(parent)?;
    }
    DirBuilder::new().mode(mode).create(to)
}

/// Leaves an empty directory at `to`. Links in it go, and what they name stays; `to` itself may be
/// a link to the directory.
pub fn empty(to: &Path) -> Result<()> {
    create_dir_all(to)?;
    for entry in read_dir(to)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_dir_all(entry.path())?;
        } else {
            remove_file(entry.path())?;
        }
    }
    Ok(())
}
