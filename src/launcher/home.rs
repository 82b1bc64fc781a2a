//! Where the node of this user listens, and what launchers leave there for each other.

use crate::fallback::Reason;
use crate::sys;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Longer paths do not fit a socket address on every platform, or would be cut short silently.
const MAX_SOCKET_PATH: usize = 103;
/// How long launchers leave a node alone that one of them found silent.
const HUNG_FOR: Duration = Duration::from_secs(30);
/// The node reads and empties the list; without a node it must not grow for ever.
const MAX_FALLBACKS_BYTES: u64 = 64 * 1024;

pub struct Home {
    home: PathBuf,
    run: PathBuf,
    /// A node was silent once, long enough ago to try it again.
    was_hung: bool,
}

impl Home {
    /// `$VRIFT_HOME`, or `.vrift` in the user's home. A relative one would be another directory
    /// for every package, so it is none.
    pub fn find() -> Option<Home> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = match set("VRIFT_HOME") {
            Some(home) => PathBuf::from(home),
            None => Path::new(&set("HOME")?).join(".vrift"),
        };
        home.is_absolute().then(|| Home {
            run: home.join("run"),
            home,
            was_hung: false,
        })
    }

    /// The socket, when its directory can be trusted and its node was not silent just now. The
    /// directory is the guard: whoever could replace the socket could choose what this user runs.
    pub fn socket(&mut self) -> Result<Vec<u8>, Reason> {
        if !self.is_private()? {
            return Err(Reason::UnsafeDir);
        }
        let path = self.run.join("node.sock").into_os_string().into_vec();
        if path.len() > MAX_SOCKET_PATH {
            return Err(Reason::LongPath);
        }
        if let Ok(marker) = fs::symlink_metadata(self.marker()) {
            // A time in the future says nothing, so it must not shut the node out for ever.
            let age = marker
                .modified()
                .ok()
                .and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age < HUNG_FOR) {
                return Err(Reason::Hung);
            }
            self.was_hung = true;
        }
        Ok(path)
    }

    fn is_private(&self) -> Result<bool, Reason> {
        match fs::symlink_metadata(&self.run) {
            Ok(run) => Ok(run.is_dir() && is_private(&run) && self.is_in_private_home()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Reason::NoNode),
            Err(_) => Ok(false),
        }
    }

    /// Whoever can write to the home could put another directory in place of `run`.
    fn is_in_private_home(&self) -> bool {
        fs::metadata(&self.home).is_ok_and(|home| is_private(&home))
    }

    /// Tells the launchers of the next seconds not to wait for this node.
    pub fn mark_hung(&self) {
        let _ = self
            .open_for_notes(&self.marker(), false)
            .and_then(|mut file| file.write_all(b"\n"));
    }

    /// The node answered.
    pub fn clear_hung(&mut self) {
        if std::mem::take(&mut self.was_hung) {
            let _ = fs::remove_file(self.marker());
        }
    }

    /// Leaves one line for `vrift stats`. Nothing depends on it, so every error is ignored.
    pub fn record(&self, reason: Reason) {
        let ours = fs::symlink_metadata(&self.run).is_ok_and(|run| run.is_dir() && is_ours(&run));
        if !ours {
            return;
        }
        let Ok(mut file) = self.open_for_notes(&self.run.join("fallbacks"), true) else {
            return;
        };
        // In a directory that others can write, the name may be a trap: only a plain file of our
        // own with one name is written to.
        let safe = file.metadata().is_ok_and(|found| {
            found.is_file()
                && is_ours(&found)
                && found.nlink() == 1
                && found.len() < MAX_FALLBACKS_BYTES
        });
        if safe {
            let _ = file.write_all(format!("{}\n", reason.word()).as_bytes());
        }
    }

    fn open_for_notes(&self, path: &Path, append: bool) -> std::io::Result<fs::File> {
        fs::OpenOptions::new()
            .write(true)
            .append(append)
            .create(true)
            .mode(0o600)
            .custom_flags(sys::O_NOFOLLOW | sys::O_NONBLOCK)
            .open(path)
    }

    fn marker(&self) -> PathBuf {
        self.run.join("hung")
    }
}

fn is_ours(found: &fs::Metadata) -> bool {
    // SAFETY: cannot fail.
    found.uid() == unsafe { sys::geteuid() }
}

/// Ours, and nobody else can write to it.
fn is_private(found: &fs::Metadata) -> bool {
    is_ours(found) && found.mode() & 0o022 == 0
}

/// `VRIFT_DISABLE` is set, and not to `0`.
pub fn is_disabled() -> bool {
    std::env::var_os("VRIFT_DISABLE").is_some_and(|value| !matches!(value.as_bytes(), b"" | b"0"))
}
