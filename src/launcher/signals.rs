//! Signals: held back for a moment, or passed on to the compiler.

use crate::fd;
use crate::sys::{self, Handler, SignalSet, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// No signal reaches this process while this lives; those that came do afterwards.
pub struct Blocked {
    before: SignalSet,
}

impl Blocked {
    pub fn all() -> Blocked {
        let mut everything = SignalSet::EMPTY;
        let mut before = SignalSet::EMPTY;
        // SAFETY: both sets are large enough for any platform.
        unsafe {
            sys::sigfillset(&mut everything);
            sys::sigprocmask(sys::SIG_SETMASK, &everything, &mut before);
        }
        Blocked { before }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` came from the same call.
        unsafe { sys::sigprocmask(sys::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}

static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// Leaves the signal's number in the pipe that `Relay` reads.
extern "C" fn take_note(signal: c_int) {
    let byte = signal as u8;
    // SAFETY: write is async-signal-safe; errno is put back for whoever was interrupted.
    unsafe {
        let errno = *sys::errno_location();
        sys::write(
            WRITE_END.load(Ordering::Relaxed),
            std::ptr::addr_of!(byte).cast(),
            1,
        );
        *sys::errno_location() = errno;
    }
}

/// What this process does with signals while the compiler runs. A terminal sends Ctrl-C to
/// both: the compiler dies of it, and this process has to outlive it to report. SIGTERM and
/// SIGHUP may be meant for this process alone: the compiler gets them too.
pub struct Relay {
    read_end: OwnedFd,
    _write_end: OwnedFd,
    before: [(c_int, Handler); 5],
    mask: SignalSet,
}

impl Relay {
    pub fn install() -> io::Result<Relay> {
        let (read_end, write_end) = fd::pipe()?;
        fd::never_block(&read_end)?;
        fd::never_block(&write_end)?;
        WRITE_END.store(write_end.as_raw_fd(), Ordering::Relaxed);
        let note = take_note as extern "C" fn(c_int) as Handler;
        let wanted = [
            (SIGINT, sys::SIG_IGN),
            (SIGQUIT, sys::SIG_IGN),
            (SIGTERM, note),
            (SIGHUP, note),
            (SIGCHLD, note),
        ];
        let before = wanted.map(|(signal, handler)| {
            // SAFETY: the handler is async-signal-safe.
            let was = unsafe { sys::signal(signal, handler) };
            if was == sys::SIG_IGN && signal != SIGCHLD {
                // Whoever started us (nohup, a shell's `&`) wants it ignored.
                unsafe { sys::signal(signal, sys::SIG_IGN) };
            }
            (signal, was)
        });
        // Whoever started us may have blocked what we wait for.
        let mut mask = SignalSet::EMPTY;
        // SAFETY: both sets are large enough for any platform.
        unsafe { sys::sigprocmask(sys::SIG_SETMASK, &SignalSet::EMPTY, &mut mask) };
        Ok(Relay {
            read_end,
            _write_end: write_end,
            before,
            mask,
        })
    }

    /// Readable when a signal came.
    pub fn fd(&self) -> RawFd {
        self.read_end.as_raw_fd()
    }

    /// The signals that came since the last call.
    pub fn take(&self) -> Vec<c_int> {
        let mut numbers = [0; 64];
        let count = fd::read(self.fd(), &mut numbers).unwrap_or(0);
        numbers[..count]
            .iter()
            .map(|number| c_int::from(*number))
            .collect()
    }

    /// Puts everything back as it was. Async-signal-safe: the child calls it before exec.
    pub fn undo(&self) {
        for (signal, was) in self.before {
            // SAFETY: `was` is what this signal did before.
            unsafe { sys::signal(signal, was) };
        }
        // SAFETY: `mask` came from the same call.
        unsafe { sys::sigprocmask(sys::SIG_SETMASK, &self.mask, std::ptr::null_mut()) };
    }
}

/// Ends this process the way the compiler ended, so that cargo sees what happened.
pub fn die_of(signal: c_int) -> ! {
    const RLIMIT_CORE: c_int = 4;
    // SAFETY: nothing of this process is needed any more.
    unsafe {
        sys::setrlimit(RLIMIT_CORE, &[0, 0]);
        sys::signal(signal, sys::SIG_DFL);
        sys::sigprocmask(sys::SIG_SETMASK, &SignalSet::EMPTY, std::ptr::null_mut());
        sys::raise(signal);
        sys::_exit(128 + signal)
    }
}
