//! Connecting to a unix socket without ever waiting longer than wanted.

use crate::fallback::Reason;
use crate::fd;
use crate::sys::{self, EAGAIN, EINPROGRESS, POLLOUT};
use std::ffi::c_int;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A non-blocking connection to whoever listens at `path`.
pub fn connect(path: &[u8], deadline: Instant) -> Result<OwnedFd, Reason> {
    let socket = open_socket().map_err(|_| Reason::NoNode)?;
    let address = Address::of(path);
    loop {
        if address.connect(&socket) == 0 {
            return Ok(socket);
        }
        match sys::errno() {
            // The queue of a node that accepts nobody is full. There is nothing to poll for.
            EAGAIN if Instant::now() < deadline => sleep(Duration::from_millis(20)),
            EAGAIN => return Err(Reason::Timeout),
            EINPROGRESS => {
                return match fd::wait_for(socket.as_raw_fd(), POLLOUT, deadline) {
                    Ok(true) => Ok(socket),
                    Ok(false) => Err(Reason::Timeout),
                    Err(_) => Err(Reason::NoNode),
                };
            }
            _ => return Err(Reason::NoNode),
        }
    }
}

/// `sockaddr_un`: Linux has a two-byte family, the BSDs a length and a one-byte family.
#[repr(C)]
struct Address {
    head: [u8; 2],
    path: [u8; 104],
}

impl Address {
    /// `path` has at most 103 bytes (home.rs).
    fn of(path: &[u8]) -> Address {
        const AF_UNIX: u16 = 1;
        let size = std::mem::size_of::<Address>() as u8;
        let head = if cfg!(target_os = "linux") {
            AF_UNIX.to_ne_bytes()
        } else {
            [size, AF_UNIX as u8]
        };
        let mut address = Address {
            head,
            path: [0; 104],
        };
        address.path[..path.len()].copy_from_slice(path);
        address
    }

    fn connect(&self, socket: &OwnedFd) -> c_int {
        let length = std::mem::size_of::<Address>() as u32;
        let start: *const Address = self;
        // SAFETY: the address is `length` bytes long and ended by a zero byte.
        unsafe { sys::connect(socket.as_raw_fd(), start.cast(), length) }
    }
}

/// Non-blocking, and not inherited by the compiler.
fn open_socket() -> std::io::Result<OwnedFd> {
    const AF_UNIX: c_int = 1;
    const SOCK_STREAM: c_int = 1;
    #[cfg(target_os = "linux")]
    let kind = SOCK_STREAM | sys::O_NONBLOCK | sys::O_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let kind = SOCK_STREAM;
    // SAFETY: a fresh descriptor that nobody else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(sys::check(sys::socket(AF_UNIX, kind, 0))?) };
    #[cfg(not(target_os = "linux"))]
    {
        fd::close_on_exec(&socket)?;
        fd::never_block(&socket)?;
    }
    Ok(socket)
}
