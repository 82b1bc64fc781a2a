//! vrift-rustc stands between cargo and the compiler (`RUSTC_WRAPPER`). It asks the node of this
//! machine what to do with one compiler call, does that, and decides nothing about caching.
//! Without an answer it becomes the compiler: a build never depends on vrift.
//! Under the name of a build script it does the same for one run of that script.

#![cfg_attr(not(test), no_main)]

mod boundary;
mod call;
mod child;
mod copy;
mod environment;
mod escapes;
mod fallback;
mod fd;
mod folder;
mod front;
mod home;
mod json;
mod marks;
mod node;
mod observe;
mod reply;
mod restore;
mod run;
mod signals;
mod socket;
mod stat;
mod stream;
mod sys;
mod temporary;
mod text;
mod unmap;

use call::{current_umask, Call};
use fallback::{compile_directly, Reason};
use home::Home;
use marks::Marks;
use node::Node;
use reply::{Hit, Reply};
use std::ffi::{c_char, c_int, CStr};
use std::time::Duration;

const VERSION: &str = "0.1.0";
const USAGE: &str = "usage: vrift-rustc COMPILER [ARGUMENT…]; \
    let cargo call it: export RUSTC_WRAPPER=vrift-rustc";
/// How often a node may offer outputs that then cannot be put in place.
const MAX_FAILED_HITS: usize = 3;

/// Not Rust's own entry: that would cost time, and change what the compiler inherits.
///
/// # Safety
/// Called once, by the C runtime.
#[cfg_attr(not(test), no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    fd::fill_standard_descriptors();
    if argc > 0 && front::is_front(CStr::from_ptr(*argv).to_bytes()) {
        attend(front::claim(argv));
    }
    if argc < 2 {
        say(&[USAGE.as_bytes()]);
        return 2;
    }
    let call = Call::claim(argv);
    let compiler = call.arguments().next().unwrap_or_default();
    if argc == 2 && matches!(compiler, b"--version" | b"-V") {
        let line = format!("vrift-rustc {VERSION}\n");
        return c_int::from(fd::write_all(1, line.as_bytes(), None).is_err());
    }
    if compiler.is_empty() || compiler.starts_with(b"-") {
        say(&[USAGE.as_bytes()]);
        return 2;
    }
    attend(call)
}

fn attend(call: Call) -> ! {
    // A defect in here must not fail a build either.
    std::panic::set_hook(Box::new(move |_| call.exec()));
    if home::is_disabled() {
        call.exec();
    }
    let Some(mut home) = Home::find() else {
        call.exec()
    };
    let mut marks = Marks::wanted();
    marks.take_used();
    marks.take();
    let Err(reason) = converse(&call, &mut home, &mut marks);
    compile_directly(&call, Some(&home), reason)
}

enum Never {}

/// Returns only when the compiler has to run without the node.
fn converse(call: &Call, home: &mut Home, marks: &mut Marks) -> Result<Never, Reason> {
    let mut node = Node::connect(&home.socket()?)?;
    node.ask(call.describe(marks).map_err(|_| Reason::NoCwd)?)?;
    let mut failed_hits = 0;
    loop {
        // Once a restore has failed, that is why the compiler runs, unless the node is silent.
        let or_restore = |reason| match reason {
            Reason::Timeout => reason,
            _ if failed_hits > 0 => Reason::Restore,
            _ => reason,
        };
        let frame = node.receive().map_err(or_restore)?;
        home.clear_hung();
        let reply = Reply::read(frame).ok_or(Reason::Protocol)?;
        marks.restart();
        match reply {
            Reply::Wait => {}
            Reply::Pass { note } => {
                if let Some(note) = note {
                    say(&[&note]);
                }
                call.exec()
            }
            Reply::Hit(hit) => match restore::restore(&hit.ops, current_umask(), marks) {
                Ok(made) => finish(&node, &hit, &made, marks),
                Err(error) => {
                    failed_hits += 1;
                    let sent = node.ask(describe_failure(&error));
                    if failed_hits == MAX_FAILED_HITS {
                        return Err(Reason::Restore);
                    }
                    sent.map_err(|_| Reason::Restore)?;
                }
            },
            Reply::Run(plan) => {
                let compiled = run::compile(call, &plan).map_err(|_| Reason::Spawn)?;
                marks.take();
                match compiled.report(&node, &plan, marks) {
                    Err(reason) => home.record(reason),
                    Ok(()) if plan.ack_ms > 0 => {
                        node.await_answer(Duration::from_millis(plan.ack_ms));
                    }
                    Ok(()) => {}
                }
                compiled.end()
            }
        }
    }
}

/// Prints what the compiler printed when it made these outputs, and is done.
fn finish(node: &Node, hit: &Hit, made: &[Option<String>], marks: &mut Marks) -> ! {
    let _ = fd::write_all(1, &hit.stdout, None);
    let _ = fd::write_all(2, &hit.stderr, None);
    let mut json = br#"{"kind":"done""#.to_vec();
    stat::push_made(&mut json, made);
    marks.take();
    marks.push(&mut json);
    json.push(b'}');
    let _ = node.report(json);
    // SAFETY: ends the process; nothing is buffered.
    unsafe { sys::_exit(0) }
}

fn describe_failure(error: &str) -> Vec<u8> {
    let mut json = br#"{"kind":"failed","error":"#.to_vec();
    text::push_string(&mut json, error.as_bytes());
    json.push(b'}');
    json
}

/// One line on stderr.
fn say(parts: &[&[u8]]) {
    let mut line = parts.concat();
    line.push(b'\n');
    let _ = fd::write_all(2, &line, None);
}
