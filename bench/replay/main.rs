//! The least that a compile cache can do, for comparison: a rustc wrapper that remembers what a
//! command line made, and puts it back without looking at a single input. It is wrong by design
//! and as fast as files can be put in place: rlib and .a by hard link, the rest by copy.
//!
//! `REPLAY_STORE` names the directory that it keeps everything in.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{exit, Command};

fn main() {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let call = Call::of(&args);
    let store = env::var_os("REPLAY_STORE").map(PathBuf::from);
    let (Some(call), Some(store)) = (call, store) else {
        let error = Command::new(&args[0]).args(&args[1..]).exec();
        panic!("{:?}: {error}", args[0]);
    };
    let entry = store.join(key(&args));
    if !entry.join("complete").exists() {
        exit(record(&args, &call, &entry).expect("recording"));
    }
    replay(&call, &entry).expect("replaying");
}

/// Where a compile puts its outputs, and how their names begin.
struct Call {
    out_dir: PathBuf,
    stem: String,
}

impl Call {
    fn of(args: &[OsString]) -> Option<Self> {
        let mut out_dir = None;
        let mut name = None;
        let mut extra = String::new();
        let mut args = args.iter().map(|arg| arg.to_string_lossy());
        while let Some(arg) = args.next() {
            match &*arg {
                "--out-dir" => out_dir = args.next().map(|value| PathBuf::from(&*value)),
                "--crate-name" => name = args.next().map(|value| value.into_owned()),
                "-C" => {
                    if let Some(value) = args.next() {
                        if let Some(suffix) = value.strip_prefix("extra-filename=") {
                            extra = suffix.to_owned();
                        }
                    }
                }
                _ => {}
            }
        }
        Some(Self {
            out_dir: out_dir?,
            stem: format!("{}{extra}", name?),
        })
    }

    fn owns(&self, file: &str) -> bool {
        let file = file
            .strip_prefix("lib")
            .filter(|_| file.starts_with(&format!("lib{}", self.stem)))
            .unwrap_or(file);
        file.strip_prefix(&self.stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn key(args: &[OsString]) -> String {
    let halves: [u64; 2] = [0, 1].map(|seed: u64| {
        let mut hasher = DefaultHasher::new();
        (seed, args, env::current_dir().ok()).hash(&mut hasher);
        hasher.finish()
    });
    format!("{:016x}{:016x}", halves[0], halves[1])
}

fn record(args: &[OsString], call: &Call, entry: &Path) -> io::Result<i32> {
    let output = Command::new(&args[0]).args(&args[1..]).output()?;
    io::stdout().write_all(&output.stdout)?;
    io::stderr().write_all(&output.stderr)?;
    if output.status.success() {
        let files = entry.join("files");
        fs::create_dir_all(&files)?;
        for file in fs::read_dir(&call.out_dir)? {
            let file = file?;
            let name = file.file_name();
            if name.to_str().is_some_and(|name| call.owns(name)) && file.file_type()?.is_file() {
                put(&file.path(), &files.join(name))?;
            }
        }
        fs::write(entry.join("stdout"), output.stdout)?;
        fs::write(entry.join("stderr"), output.stderr)?;
        fs::write(entry.join("complete"), "")?;
    }
    Ok(output.status.code().unwrap_or(1))
}

fn replay(call: &Call, entry: &Path) -> io::Result<()> {
    for file in fs::read_dir(entry.join("files"))? {
        let file = file?;
        put(&file.path(), &call.out_dir.join(file.file_name()))?;
    }
    io::stdout().write_all(&fs::read(entry.join("stdout"))?)?;
    io::stderr().write_all(&fs::read(entry.join("stderr"))?)
}

fn put(from: &Path, to: &Path) -> io::Result<()> {
    let linked = from
        .extension()
        .is_some_and(|extension| extension == "rlib" || extension == "a");
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if linked {
        fs::hard_link(from, to)
    } else {
        fs::copy(from, to).map(drop)
    }
}
