//! Descriptors: making them, waiting for them, and writing to them without surprises.

use crate::sys::{self, PollFd, POLLNVAL, POLLOUT};
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// A program may be started with 0, 1 or 2 closed. The socket must not become one of them, or a
/// message for the terminal would go to the node.
pub fn fill_standard_descriptors() {
    let mut fds = [0, 1, 2].map(|fd| PollFd {
        fd,
        events: 0,
        revents: 0,
    });
    // SAFETY: `fds` outlives the call; opening takes the lowest free number, which is the gap.
    unsafe {
        if sys::poll(fds.as_mut_ptr(), 3, 0) <= 0 {
            return;
        }
        for closed in fds.iter().filter(|entry| entry.revents & POLLNVAL != 0) {
            let opened = sys::open(c"/dev/null".as_ptr(), 2);
            debug_assert_eq!(opened, closed.fd);
        }
    }
}

/// A pipe whose ends no other program inherits: (read, write).
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [c_int; 2] = [-1, -1];
    // SAFETY: both numbers are fresh descriptors that nobody else owns.
    unsafe {
        #[cfg(target_os = "linux")]
        sys::check(sys::pipe2(ends.as_mut_ptr(), sys::O_CLOEXEC))?;
        #[cfg(not(target_os = "linux"))]
        sys::check(sys::pipe(ends.as_mut_ptr()))?;
        let pair = (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]));
        #[cfg(not(target_os = "linux"))]
        for end in [&pair.0, &pair.1] {
            close_on_exec(end)?;
        }
        Ok(pair)
    }
}

#[cfg(not(target_os = "linux"))]
pub fn close_on_exec(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: F_SETFD (2) with FD_CLOEXEC (1) on a descriptor we own.
    unsafe { sys::check(sys::fcntl(fd.as_raw_fd(), 2, 1 as c_int)) }.map(drop)
}

pub fn never_block(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: F_SETFL (4) on a descriptor we own.
    unsafe { sys::check(sys::fcntl(fd.as_raw_fd(), 4, sys::O_NONBLOCK)) }.map(drop)
}

/// Waits for one event of one descriptor; false when `deadline` passed first. Looks at least
/// once, so that what has arrived while this process was stopped still counts.
pub fn wait_for(fd: RawFd, events: i16, deadline: Instant) -> io::Result<bool> {
    let mut entry = [PollFd {
        fd,
        events,
        revents: 0,
    }];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if poll(&mut entry, Some(left))? > 0 {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}

/// poll(2) that treats an interruption as "nothing yet". `None` waits for ever.
pub fn poll(fds: &mut [PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    let timeout_ms = match timeout {
        None => -1,
        Some(time) => time.as_micros().div_ceil(1000).min(60_000) as c_int,
    };
    // SAFETY: the slice outlives the call.
    let ready = unsafe { sys::poll(fds.as_mut_ptr(), fds.len() as sys::PollCount, timeout_ms) };
    match sys::check(ready) {
        Ok(count) => Ok(count as usize),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            fds.iter_mut().for_each(|entry| entry.revents = 0);
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

/// How many bytes came: 0 is the end of the stream.
pub fn read(fd: RawFd, into: &mut [u8]) -> io::Result<usize> {
    // SAFETY: at most `into.len()` bytes are written into it.
    let count = unsafe { sys::read(fd, into.as_mut_ptr().cast(), into.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Writes everything. A terminal or pipe that someone else made non-blocking is waited for; with
/// `patience`, no longer than that for each step forward.
pub fn write_all(fd: RawFd, mut bytes: &[u8], patience: Option<Duration>) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: reads at most `bytes.len()` bytes of it.
        let count = unsafe { sys::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        if count >= 0 {
            bytes = &bytes[count as usize..];
            continue;
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => {
                let step = patience.unwrap_or(Duration::from_secs(60));
                if !wait_for(fd, POLLOUT, Instant::now() + step)? && patience.is_some() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            _ => return Err(error),
        }
    }
    Ok(())
}
