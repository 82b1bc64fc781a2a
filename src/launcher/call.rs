//! The call that this process stands for: of the compiler, or of a build script.

use crate::marks::Marks;
use crate::sys::{self, Handler, SIGPIPE};
use crate::text::{push_number, push_string};
use std::ffi::{c_char, c_int, CStr};
use std::fs::{metadata, File};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

extern "C" {
    static environ: *const *const c_char;
}

#[derive(Clone, Copy)]
pub struct Call {
    /// The program and its arguments as the kernel handed them over, ended by a null pointer.
    argv: *const *const c_char,
    /// What to execute, where argv[0] names our own file: the script of a front.
    program: Option<&'static CStr>,
    /// What SIGPIPE did before it was ignored here.
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
        Call::of(argv.add(1), None)
    }

    /// Takes all of `argv`, for `program`.
    ///
    /// # Safety
    /// As for `claim`.
    pub unsafe fn claim_front(argv: *const *const c_char, program: &'static CStr) -> Call {
        Call::of(argv, Some(program))
    }

    unsafe fn of(argv: *const *const c_char, program: Option<&'static CStr>) -> Call {
        Call {
            argv,
            program,
            sigpipe: sys::signal(SIGPIPE, sys::SIG_IGN),
        }
    }

    /// What to execute, where argv[0] does not say it.
    pub fn program(&self) -> Option<&'static [u8]> {
        self.program.map(CStr::to_bytes)
    }

    pub fn arguments(&self) -> impl Iterator<Item = &'static [u8]> {
        // SAFETY: `claim` promises this.
        unsafe { strings(self.argv) }
    }

    /// The first frame of the conversation (`CallFrame` or `ScriptFrame` in src/wire/launcher.ts),
    /// without length.
    pub fn describe(&self, marks: &mut Marks) -> io::Result<Vec<u8>> {
        let cwd = std::env::current_dir()?;
        let mut json = Vec::with_capacity(16 * 1024);
        match self.program() {
            None => json.extend_from_slice(br#"{"kind":"call","v":1"#),
            Some(program) => {
                json.extend_from_slice(br#"{"kind":"script","v":1,"program":"#);
                push_string(&mut json, program);
            }
        }
        json.extend_from_slice(br#","argv":["#);
        push_list(&mut json, self.arguments());
        json.extend_from_slice(br#"],"cwd":"#);
        push_string(&mut json, cwd.as_os_str().as_bytes());
        json.extend_from_slice(br#","env":["#);
        push_list(&mut json, environment());
        json.extend_from_slice(br#"],"umask":"#);
        push_number(&mut json, u64::from(current_umask()));
        if self.arguments().any(|word| word == b"-") && reads_nothing() {
            json.extend_from_slice(br#","readsNothing":true"#);
        }
        json.extend_from_slice(br#","pid":"#);
        push_number(&mut json, u64::from(std::process::id()));
        marks.take();
        marks.push(&mut json);
        json.push(b'}');
        Ok(json)
    }

    /// Becomes the compiler or the script, with everything as this process found it.
    pub fn exec(&self) -> ! {
        // SAFETY: `argv` is null-terminated and its first member exists (main checked it).
        unsafe {
            sys::signal(SIGPIPE, self.sigpipe);
            sys::execvp(self.program.map_or(*self.argv, CStr::as_ptr), self.argv);
        }
        let error = io::Error::last_os_error();
        let program = self.program().or_else(|| self.arguments().next());
        crate::say(&[
            b"error: could not execute `",
            program.unwrap_or_default(),
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

/// Whether standard input is the null device, as for the questions that cargo asks.
fn reads_nothing() -> bool {
    // SAFETY: only looked at, and not closed.
    let stdin = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    let (Ok(stdin), Ok(null)) = (stdin.metadata(), metadata("/dev/null")) else {
        return false;
    };
    stdin.file_type().is_char_device() && stdin.rdev() == null.rdev()
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
