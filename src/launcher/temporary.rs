//! New files: written under a temporary name, whole before they appear.

use std::fs::{remove_file, rename, File, OpenOptions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Removed again unless it became the file that it was made for.
pub struct Temporary {
    path: PathBuf,
    pub file: File,
    placed: bool,
}

impl Temporary {
    /// In the directory of `to`. A name may be left over from a process that was killed, so
    /// `serial` counts on until one is free.
    pub fn beside(to: &Path, mode: u32, serial: &mut u32) -> Result<Temporary> {
        let folder = to.parent().ok_or(ErrorKind::InvalidInput)?;
        for _ in 0..100 {
            *serial += 1;
            let path = folder.join(format!(".vrift-{}-{serial}.tmp", std::process::id()));
            let mut options = OpenOptions::new();
            match options.write(true).create_new(true).mode(mode).open(&path) {
                Ok(file) => {
                    return Ok(Temporary {
                        path,
                        file,
                        placed: false,
                    })
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// The old file goes first: ext4 writes out the new one's data in a rename over an old one.
    pub fn become_file(self, to: &Path) -> Result<()> {
        match remove_file(to) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.replace(to)
    }

    /// The old file is there until the new one is.
    pub fn replace(mut self, to: &Path) -> Result<()> {
        rename(&self.path, to)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.placed {
            let _ = remove_file(&self.path);
        }
    }
}
