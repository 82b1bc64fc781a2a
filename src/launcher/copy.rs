//! The content of new files: shared with its source, or copied, as cheaply as can be.

use crate::restore::wrong_size;
use crate::temporary::Temporary;
use std::fs::File;
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub struct Copier {
    /// Whether this process may still find a file system that shares extents.
    reflink: bool,
    serial: u32,
}

impl Copier {
    pub fn new() -> Copier {
        Copier {
            reflink: true,
            serial: 0,
        }
    }

    /// Makes `to` a copy of `from`, modified now.
    pub fn copy(&mut self, from: &Path, to: &Path, size: u64, mode: u32) -> Result<()> {
        self.duplicate(from, to, size, mode)?.become_file(to)
    }

    /// The same, without a moment in which nothing is at `to`.
    pub fn copy_over(&mut self, from: &Path, to: &Path, size: u64, mode: u32) -> Result<()> {
        self.duplicate(from, to, size, mode)?.replace(to)
    }

    fn duplicate(&mut self, from: &Path, to: &Path, size: u64, mode: u32) -> Result<Temporary> {
        let source = File::open(from)?;
        let found = source.metadata()?.size();
        if found != size {
            return Err(wrong_size(found, size));
        }
        let temporary = Temporary::beside(to, mode, &mut self.serial)?;
        if !self.shares_extents(&source, &temporary.file) {
            copy_bytes(&source, &temporary.file, size)?;
        }
        Ok(temporary)
    }

    /// Makes `to` the `size` bytes of `from` that begin at `offset`.
    pub fn slice(
        &mut self,
        from: &Path,
        offset: u64,
        size: u64,
        to: &Path,
        mode: u32,
    ) -> Result<()> {
        let mut source = File::open(from)?;
        source.seek(SeekFrom::Start(offset))?;
        let temporary = Temporary::beside(to, mode, &mut self.serial)?;
        copy_bytes(&source, &temporary.file, size)?;
        temporary.become_file(to)
    }

    pub fn write(&mut self, text: &[u8], to: &Path, mode: u32) -> Result<()> {
        let temporary = Temporary::beside(to, mode, &mut self.serial)?;
        (&temporary.file).write_all(text)?;
        temporary.become_file(to)
    }

    #[cfg(target_os = "linux")]
    fn shares_extents(&mut self, source: &File, target: &File) -> bool {
        use std::os::fd::AsRawFd;
        const FICLONE: std::ffi::c_ulong = 0x4004_9409;
        // SAFETY: both descriptors are open files; the request reads nothing else.
        self.reflink = self.reflink
            && unsafe { crate::sys::ioctl(target.as_raw_fd(), FICLONE, source.as_raw_fd()) } == 0;
        self.reflink
    }

    #[cfg(not(target_os = "linux"))]
    fn shares_extents(&mut self, _source: &File, _target: &File) -> bool {
        false
    }
}

/// Copies the next `size` bytes, and fails when there are fewer.
fn copy_bytes(source: &File, mut target: &File, size: u64) -> Result<()> {
    let mut copied = copy_in_kernel(source, target, size)?;
    if copied == size {
        return Ok(());
    }
    let mut rest = source.take(size - copied);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) if copied == size => return Ok(()),
            Ok(0) => return Err(wrong_size(copied, size)),
            Ok(count) => {
                target.write_all(&buffer[..count])?;
                copied += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// How many bytes the kernel copied before it had all or declined. Both offsets have moved, so
/// that reading on finds what is left.
#[cfg(target_os = "linux")]
fn copy_in_kernel(source: &File, target: &File, size: u64) -> Result<u64> {
    use std::os::fd::AsRawFd;
    use std::ptr::null_mut;
    const ENOSPC: i32 = 28;
    const EDQUOT: i32 = 122;
    let (from, to) = (source.as_raw_fd(), target.as_raw_fd());
    let mut copied = 0;
    while copied < size {
        let left = (size - copied).min(1 << 30) as usize;
        // SAFETY: null offsets mean the descriptors' own.
        let count =
            unsafe { crate::sys::copy_file_range(from, null_mut(), to, null_mut(), left, 0) };
        match count {
            1.. => copied += count as u64,
            0 => return Ok(copied),
            _ => match std::io::Error::last_os_error() {
                full if matches!(full.raw_os_error(), Some(ENOSPC | EDQUOT)) => return Err(full),
                _ => return Ok(copied),
            },
        }
    }
    Ok(copied)
}

#[cfg(not(target_os = "linux"))]
fn copy_in_kernel(_source: &File, _target: &File, _size: u64) -> Result<u64> {
    Ok(0)
}
