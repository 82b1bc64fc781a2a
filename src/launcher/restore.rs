//! A hit: the outputs of one compile appear together, or none of them does.

use crate::copy::Copier;
use crate::reply::{Op, Source};
use crate::signals::Blocked;
use crate::stat::{describe, path_of};
use std::fs::{hard_link, metadata, remove_file, symlink_metadata, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Performs `ops` in their order and returns the stat of each target. A signal waits until that
/// is over, so that Ctrl-C leaves nothing half done.
///
/// # Errors
/// One sentence for the node. What was put in place before is gone again.
pub fn restore(ops: &[Op], umask: u32) -> std::result::Result<Vec<Option<String>>, String> {
    let _quiet = Blocked::all();
    let mut restorer = Restorer {
        copier: Copier::new(),
        umask,
        folder: None,
    };
    let mut made = Vec::with_capacity(ops.len());
    for (index, op) in ops.iter().enumerate() {
        match restorer.perform(op) {
            Ok(stat) => made.push(Some(stat)),
            Err(error) => {
                for op in &ops[..index] {
                    let _ = remove_file(path_of(&op.to));
                }
                return Err(format!("{}: {error}", path_of(&op.to).display()));
            }
        }
    }
    Ok(made)
}

struct Restorer {
    copier: Copier,
    umask: u32,
    /// The directory of the last target, and the group that it gives to its files.
    folder: Option<(PathBuf, Option<u32>)>,
}

impl Restorer {
    fn perform(&mut self, op: &Op) -> Result<String> {
        let to = path_of(&op.to);
        let (found, size) = match &op.source {
            Source::Link { from, size } => (self.link(path_of(from), to, *size, op.mode)?, *size),
            Source::Copy { from, size } => {
                self.copier.copy(path_of(from), to, *size, op.mode)?;
                (symlink_metadata(to)?, *size)
            }
            Source::Text(text) => {
                self.copier.write(text, to, op.mode)?;
                (symlink_metadata(to)?, text.len() as u64)
            }
        };
        if !found.is_file() || found.size() != size {
            let _ = remove_file(to);
            return Err(wrong_size(found.size(), size));
        }
        Ok(describe(&found))
    }

    /// Shares the inode of `from`, and never touches it: its times and rights belong to every
    /// target directory that shares it. Where these would be wrong here, `to` is a copy.
    fn link(&mut self, from: &Path, to: &Path, size: u64, mode: u32) -> Result<Metadata> {
        match link_over(from, to) {
            Ok(()) => {
                let found = symlink_metadata(to)?;
                if found.size() != size || self.fits(&found, to, mode) {
                    return Ok(found);
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
            // EXDEV, EMLINK, EPERM, EACCES, or a file system without links: a copy may do.
            Err(_) => {}
        }
        self.copier.copy(from, to, size, mode)?;
        symlink_metadata(to)
    }

    /// Whether the shared inode is what a new file would be: the caller's umask, the group of a
    /// setgid directory.
    fn fits(&mut self, found: &Metadata, to: &Path, mode: u32) -> bool {
        let group = self
            .group_of(to.parent().unwrap_or(to))
            .unwrap_or(found.gid());
        found.mode() & 0o7777 == mode & !self.umask && found.gid() == group
    }

    fn group_of(&mut self, folder: &Path) -> Option<u32> {
        if let Some((known, group)) = &self.folder {
            if known == folder {
                return *group;
            }
        }
        const SETGID: u32 = 0o2000;
        let group = metadata(folder)
            .ok()
            .filter(|it| it.mode() & SETGID != 0)
            .map(|it| it.gid());
        self.folder = Some((folder.to_path_buf(), group));
        group
    }
}

/// A rename between two names of one inode does nothing, so the old name goes first.
fn link_over(from: &Path, to: &Path) -> Result<()> {
    match hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            remove_file(to)?;
            hard_link(from, to)
        }
        other => other,
    }
}

pub fn wrong_size(found: u64, expected: u64) -> Error {
    Error::other(format!("{found} bytes where {expected} were expected"))
}
