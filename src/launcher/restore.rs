//! A hit: the outputs of one compile appear together, or none of them does.

use crate::copy::Copier;
use crate::folder;
use crate::front;
use crate::marks::Marks;
use crate::reply::{Kind, Op, Source};
use crate::signals::Blocked;
use crate::stat::{describe, path_of};
use std::fs::{hard_link, metadata, remove_file, symlink_metadata, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{symlink, MetadataExt};
use std::path::{Path, PathBuf};

/// Performs `ops` in their order and returns the stat of each target. A signal waits until that
/// is over, so that Ctrl-C leaves nothing half done.
///
/// # Errors
/// One sentence for the node. What was put in place before is gone again; directories stay.
pub fn restore(
    ops: &[Op],
    umask: u32,
    marks: &mut Marks,
) -> std::result::Result<Vec<Option<String>>, String> {
    let _quiet = Blocked::all();
    let mut restorer = Restorer {
        copier: Copier::new(),
        umask,
        folder: None,
    };
    let mut made = Vec::with_capacity(ops.len());
    for (index, op) in ops.iter().enumerate() {
        match restorer.perform(op) {
            Ok(stat) => {
                made.push(Some(stat));
                marks.take();
            }
            Err(error) => {
                ops[..index].iter().for_each(undo);
                return Err(format!("{}: {error}", path_of(&op.to).display()));
            }
        }
    }
    Ok(made)
}

fn undo(op: &Op) {
    // Removing what stands at the name of a directory could only meet a link to it.
    if !matches!(op.kind, Kind::Folder { .. } | Kind::Empty) {
        let _ = remove_file(path_of(&op.to));
    }
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
        match &op.kind {
            Kind::File { source, mode } => return self.place(source, to, *mode),
            Kind::Front => front::put(&mut self.copier, to)?,
            Kind::Folder { mode } => folder::make(to, *mode)?,
            Kind::Symlink { target } => symlink_over(path_of(target), to)?,
            Kind::Empty => folder::empty(to)?,
        }
        symlink_metadata(to).map(|found| describe(&found))
    }

    fn place(&mut self, source: &Source, to: &Path, mode: u32) -> Result<String> {
        let (found, size) = match source {
            Source::Link { from, size } => (self.link(path_of(from), to, *size, mode)?, *size),
            Source::Copy { from, size } => {
                self.copier.copy(path_of(from), to, *size, mode)?;
                (symlink_metadata(to)?, *size)
            }
            Source::Slice { from, offset, size } => {
                let from = path_of(from);
                self.copier.slice(from, *offset, *size, to, mode)?;
                (symlink_metadata(to)?, *size)
            }
            Source::Text(text) => {
                self.copier.write(text, to, mode)?;
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
pub fn link_over(from: &Path, to: &Path) -> Result<()> {
    in_place_of(to, || hard_link(from, to))
}

fn symlink_over(target: &Path, to: &Path) -> Result<()> {
    in_place_of(to, || symlink(target, to))
}

/// Makes the file `to`, and removes the one that is in the way.
fn in_place_of(to: &Path, make: impl Fn() -> Result<()>) -> Result<()> {
    match make() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            remove_file(to)?;
            make()
        }
        other => other,
    }
}

pub fn wrong_size(found: u64, expected: u64) -> Error {
    Error::other(format!("{found} bytes where {expected} were expected"))
}
