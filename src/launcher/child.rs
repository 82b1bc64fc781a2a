//! Starting the compiler as a child that has everything that cargo gave to us: stdin, jobserver
//! descriptors, process group, terminal, environment and signal dispositions.

use crate::fd;
use crate::signals::{Blocked, Relay};
use crate::sys::{self, Handler, SIGPIPE};
use std::ffi::{c_char, c_int, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

pub struct Child {
    pid: c_int,
}

pub type Spawned = (Child, [OwnedFd; 2]);

#[derive(Clone, Copy)]
pub enum Ending {
    Code(c_int),
    Signal(c_int),
}

extern "C" {
    static mut environ: *const *const c_char;
}

/// A list as `exec` takes it: ended by a null pointer.
struct Strings {
    _owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    fn of(list: &[Vec<u8>]) -> io::Result<Strings> {
        let owned: Vec<CString> = list
            .iter()
            .map(|text| CString::new(&text[..]))
            .collect::<Result<_, _>>()?;
        let mut pointers: Vec<*const c_char> = owned.iter().map(|text| text.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Ok(Strings {
            _owned: owned,
            pointers,
        })
    }
}

impl Child {
    /// Starts `program` as `argv`, with our own environment unless it gets another; with it come
    /// the ends to read its stdout and stderr from.
    ///
    /// # Errors
    /// When the program did not start; then nothing of it exists.
    pub fn spawn(
        program: &[u8],
        argv: &[Vec<u8>],
        environment: Option<&[Vec<u8>]>,
        sigpipe: Handler,
        relay: &Relay,
    ) -> io::Result<Spawned> {
        let program = CString::new(program)?;
        let argv = Strings::of(argv)?;
        let environment = environment.map(Strings::of).transpose()?;
        let (stdout, stdout_end) = fd::pipe()?;
        let (stderr, stderr_end) = fd::pipe()?;
        let (failure, failure_end) = fd::pipe()?;
        let parent = std::process::id() as c_int;

        // A signal between fork and exec waits, so that it meets the child's own dispositions.
        let blocked = Blocked::all();
        // SAFETY: this process has one thread; the child only makes async-signal-safe calls.
        let pid = unsafe { sys::fork() };
        if pid == 0 {
            unsafe {
                die_with(parent);
                sys::signal(SIGPIPE, sigpipe);
                sys::dup2(stdout_end.as_raw_fd(), 1);
                sys::dup2(stderr_end.as_raw_fd(), 2);
                relay.undo();
                if let Some(environment) = &environment {
                    environ = environment.pointers.as_ptr();
                }
                sys::execvp(program.as_ptr(), argv.pointers.as_ptr());
                let errno = sys::errno().to_ne_bytes();
                sys::write(failure_end.as_raw_fd(), errno.as_ptr().cast(), errno.len());
                sys::_exit(127)
            }
        }
        drop(blocked);
        sys::check(pid)?;
        drop(failure_end);
        if let Some(errno) = read_errno(&failure) {
            // SAFETY: reaps the child that could not exec.
            unsafe { sys::waitpid(pid, std::ptr::null_mut(), 0) };
            return Err(io::Error::from_raw_os_error(errno));
        }
        Ok((Child { pid }, [stdout, stderr]))
    }

    /// How the compiler ended, once it has.
    pub fn ending(&self) -> Option<Ending> {
        const WNOHANG: c_int = 1;
        let mut status = 0;
        // SAFETY: our own child, not reaped before.
        match unsafe { sys::waitpid(self.pid, &mut status, WNOHANG) } {
            0 => None,
            found if found == self.pid => Some(match status & 0x7f {
                0 => Ending::Code(status >> 8 & 0xff),
                signal => Ending::Signal(signal),
            }),
            // Nobody else reaps our children, so only an interruption is possible.
            _ if sys::errno() == sys::ECHILD => Some(Ending::Code(1)),
            _ => None,
        }
    }

    /// The child must not have been reaped: its number could be someone else's by then.
    pub fn send(&self, signal: c_int) {
        // SAFETY: affects our own child only.
        unsafe { sys::kill(self.pid, signal) };
    }
}

/// A launcher that is killed leaves no compiler behind. Only Linux can promise that.
unsafe fn die_with(parent: c_int) {
    #[cfg(target_os = "linux")]
    {
        const PR_SET_PDEATHSIG: c_int = 1;
        sys::prctl(PR_SET_PDEATHSIG, sys::SIGKILL as std::ffi::c_ulong);
    }
    if sys::getppid() != parent {
        sys::_exit(127)
    }
}

/// The pipe closes when the exec succeeds.
fn read_errno(failure: &OwnedFd) -> Option<c_int> {
    let mut errno = [0; 4];
    loop {
        match fd::read(failure.as_raw_fd(), &mut errno) {
            Ok(4) => return Some(c_int::from_ne_bytes(errno)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}
