//! The compiler call that this process stands for.

use crate::sys::{self, Handler, SIGPIPE};
use crate::text::{push_number, push_string};
use std::ffi::{c_char, c_int, CStr};
use std::io;
use std::os::unix::ffi::OsStrExt;

extern "C" {
    static environ: *const *const c_char;
}

#[derive(Clone, Copy)]
pub struct Call {
    /// The compiler and its arguments as the kernel handed them over, ended by a null pointer.
    argv: *const *const c_char,
    /// What SIGPIPE did before `claim` ignored it.
    pub sigpipe: Handler,
}

// SAFETY: argv is written before main and never again.
unsafe impl Send for Call {}
unsafe impl Sync for Call {}

impl Call {
    /// Takes `argv` behind our own name. SIGPIPE is ignored from here on, so that a reader that
    /// went away is an error to handle and not the end of this process.
    ///
    /// # Safety
    /// `argv` is what `main` was given: null-terminated, valid for the whole process.
    pub unsafe fn claim(argv: *const *const c_char) -> Call {
        Call {
            argv: argv.add(1),
            sigpipe: sys::signal(SIGPIPE, sys::SIG_IGN),
        }
    }

    pub fn arguments(&self) -> impl Iterator<Item = &'static [u8]> {
        // SAFETY: `claim` promises this.
        unsafe { strings(self.argv) }
    }

    /// The first frame of the conversation (`CallFrame` in src/wire/launcher.ts), without length.
    pub fn describe(&self) -> io::Result<Vec<u8>> {
        let cwd = std::env::current_dir()?;
        let mut json = Vec::with_capacity(16 * 1024);
        json.extend_from_slice(br#"{"kind":"call","v":1,"argv":["#);
        push_list(&mut json, self.arguments());
        json.extend_from_slice(br#"],"cwd":"#);
        push_string(&mut json, cwd.as_os_str().as_bytes());
        json.extend_from_slice(br#","env":["#);
        push_list(&mut json, environment());
        json.extend_from_slice(br#"],"umask":"#);
        push_number(&mut json, u64::from(current_umask()));
        json.extend_from_slice(br#","pid":"#);
        push_number(&mut json, u64::from(std::process::id()));
        json.push(b'}');
        Ok(json)
    }

    /// Becomes the compiler, with everything as this process found it.
    pub fn exec(&self) -> ! {
        // SAFETY: `argv` is null-terminated and its first member exists (main checked it).
        unsafe {
            sys::signal(SIGPIPE, self.sigpipe);
            sys::execvp(*self.argv, self.argv);
        }
        let error = io::Error::last_os_error();
        let program = self.arguments().next().unwrap_or_default();
        crate::say(&[
            b"error: could not execute `",
            program,
            b"`: ",
            error.to_string().as_bytes(),
        ]);
        let code: c_int = if error.kind() == io::ErrorKind::NotFound {
            127
        } else {
            126
        };
        // SAFETY: ends the process; nothing is buffered.
        unsafe { sys::_exit(code) }
    }
}

/// Our own environment, as the caller gave it.
pub fn environment() -> impl Iterator<Item = &'static [u8]> {
    // SAFETY: nothing in this program changes the environment before a child has it.
    unsafe { strings(environ) }
}

/// # Safety
/// `list` is null-terminated and, like its strings, lives and stays unchanged to the end.
unsafe fn strings(list: *const *const c_char) -> impl Iterator<Item = &'static [u8]> {
    let mut next = list;
    std::iter::from_fn(move || {
        let string = *next;
        if string.is_null() {
            return None;
        }
        next = next.add(1);
        Some(CStr::from_ptr(string).to_bytes())
    })
}

fn push_list(json: &mut Vec<u8>, items: impl Iterator<Item = &'static [u8]>) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            json.push(b',');
        }
        push_string(json, item);
    }
}

/// The kernel only tells the mask while setting one; this process has one thread at this point.
pub fn current_umask() -> u32 {
    // SAFETY: neither call can fail.
    unsafe {
        let mask = sys::umask(0);
        sys::umask(mask);
        mask as u32
    }
}
