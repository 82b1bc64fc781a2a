//! The few system calls that std does not offer, declared by hand so that no crate is needed.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::io;

pub type Handler = usize;
pub const SIG_DFL: Handler = 0;
pub const SIG_IGN: Handler = 1;

pub const SIGHUP: c_int = 1;
pub const SIGINT: c_int = 2;
pub const SIGQUIT: c_int = 3;
pub const SIGKILL: c_int = 9;
pub const SIGPIPE: c_int = 13;
pub const SIGTERM: c_int = 15;

pub const EAGAIN: c_int = if cfg!(target_os = "linux") { 11 } else { 35 };
pub const EINPROGRESS: c_int = if cfg!(target_os = "linux") { 115 } else { 36 };
pub const ECHILD: c_int = 10;

#[cfg(target_os = "linux")]
mod numbers {
    use std::ffi::c_int;
    pub const SIGCHLD: c_int = 17;
    pub const SIG_SETMASK: c_int = 2;
    pub const O_NONBLOCK: c_int = 0o4000;
    pub const O_CLOEXEC: c_int = 0o2000000;
    pub const O_NOFOLLOW: c_int = if cfg!(any(target_arch = "aarch64", target_arch = "arm")) {
        0o100000
    } else {
        0o400000
    };
}

#[cfg(not(target_os = "linux"))]
mod numbers {
    use std::ffi::c_int;
    pub const SIGCHLD: c_int = 20;
    pub const SIG_SETMASK: c_int = 3;
    pub const O_NONBLOCK: c_int = 0x4;
    pub const O_NOFOLLOW: c_int = 0x100;
}

pub use numbers::*;

pub type ClockId = c_int;
/// The one that Node's `process.hrtime` reads: on macOS it stands still while the machine sleeps.
pub const CLOCK_MONOTONIC: ClockId = if cfg!(target_os = "linux") { 1 } else { 8 };
pub const CLOCK_PROCESS_CPUTIME_ID: ClockId = if cfg!(target_os = "linux") { 2 } else { 12 };

pub const POLLIN: i16 = 1;
pub const POLLOUT: i16 = 4;
pub const POLLNVAL: i16 = 0x20;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct PollFd {
    pub fd: c_int,
    pub events: i16,
    pub revents: i16,
}

/// Large enough for every platform's `sigset_t`.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct SignalSet(pub [u64; 16]);

impl SignalSet {
    pub const EMPTY: SignalSet = SignalSet([0; 16]);
}

#[cfg(target_os = "linux")]
pub type PollCount = c_ulong;
#[cfg(not(target_os = "linux"))]
pub type PollCount = c_uint;

extern "C" {
    pub fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    pub fn connect(fd: c_int, address: *const c_void, length: c_uint) -> c_int;
    pub fn poll(fds: *mut PollFd, count: PollCount, timeout_ms: c_int) -> c_int;
    #[cfg(not(target_os = "linux"))]
    pub fn pipe(ends: *mut c_int) -> c_int;
    pub fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    pub fn dup2(from: c_int, to: c_int) -> c_int;
    pub fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    pub fn read(fd: c_int, into: *mut c_void, length: usize) -> isize;
    pub fn write(fd: c_int, from: *const c_void, length: usize) -> isize;
    pub fn fork() -> c_int;
    pub fn execvp(program: *const c_char, argv: *const *const c_char) -> c_int;
    pub fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    pub fn getppid() -> c_int;
    pub fn geteuid() -> c_uint;
    pub fn umask(mask: c_uint) -> c_uint;
    pub fn signal(signal: c_int, handler: Handler) -> Handler;
    pub fn kill(pid: c_int, signal: c_int) -> c_int;
    pub fn raise(signal: c_int) -> c_int;
    pub fn sigfillset(set: *mut SignalSet) -> c_int;
    pub fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    /// `time` is a `timespec`: seconds and nanoseconds, two longs where a long has 64 bits.
    pub fn clock_gettime(clock: ClockId, time: *mut [i64; 2]) -> c_int;
    pub fn setrlimit(resource: c_int, limit: *const [u64; 2]) -> c_int;
    pub fn _exit(code: c_int) -> !;
    #[cfg_attr(target_os = "linux", link_name = "__errno_location")]
    #[cfg_attr(not(target_os = "linux"), link_name = "__error")]
    pub fn errno_location() -> *mut c_int;
}

#[cfg(target_os = "linux")]
extern "C" {
    pub fn pipe2(ends: *mut c_int, flags: c_int) -> c_int;
    pub fn prctl(option: c_int, ...) -> c_int;
    pub fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    pub fn copy_file_range(
        from: c_int,
        from_offset: *mut i64,
        to: c_int,
        to_offset: *mut i64,
        length: usize,
        flags: c_uint,
    ) -> isize;
}

pub fn errno() -> c_int {
    // SAFETY: the location belongs to this thread and is always valid.
    unsafe { *errno_location() }
}

/// Turns the -1 of a system call into the error that errno names.
pub fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
