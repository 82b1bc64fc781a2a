//! What the node may answer (`NodeReply` in src/wire/launcher.ts).

use crate::json::Value;
use crate::unmap::Unmapping;

pub enum Reply {
    Wait,
    Pass { note: Option<Vec<u8>> },
    Hit(Hit),
    Run(Run),
}

pub struct Hit {
    pub ops: Vec<Op>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Puts one thing in place.
pub struct Op {
    pub kind: Kind,
    pub to: Vec<u8>,
}

pub enum Kind {
    File {
        source: Source,
        mode: u32,
    },
    /// The front of a build script: this program.
    Front,
    /// A directory, if none is there.
    Folder {
        mode: u32,
    },
    Symlink {
        target: Vec<u8>,
    },
    /// A directory with nothing in it.
    Empty,
}

pub enum Source {
    /// May share the inode of the file named.
    Link {
        from: Vec<u8>,
        size: u64,
    },
    Copy {
        from: Vec<u8>,
        size: u64,
    },
    /// A part of the file named.
    Slice {
        from: Vec<u8>,
        offset: u64,
        size: u64,
    },
    Text(Vec<u8>),
}

pub struct Run {
    pub argv: Vec<Vec<u8>>,
    /// `NAME=value` each, to set in the child.
    pub env: Vec<Vec<u8>>,
    pub unmap: Vec<Unmapping>,
    pub stat: Vec<Vec<u8>>,
    pub mkdirs: Vec<Vec<u8>>,
    /// How long the node may take, after the report, to make safe what was made. 0: no wait.
    pub ack_ms: u64,
    pub observe: Option<Observe>,
    pub front: Option<Front>,
}

/// A library to preload into the compiler, and the file that it appends to.
pub struct Observe {
    pub library: Vec<u8>,
    pub log: Vec<u8>,
}

/// A build script that the compiler makes, and the place that it has behind its front.
pub struct Front {
    pub program: Vec<u8>,
    pub real: Vec<u8>,
}

impl Reply {
    /// Members that are not known are ignored, so that an older launcher stays usable.
    pub fn read(frame: Value) -> Option<Reply> {
        let mut frame = Record::of(frame)?;
        match frame.text("act")?.as_slice() {
            b"wait" => Some(Reply::Wait),
            b"pass" => Some(Reply::Pass {
                note: frame.text("note"),
            }),
            b"hit" => Some(Reply::Hit(Hit {
                ops: frame.list("ops", read_op)?,
                stdout: frame.text("stdout")?,
                stderr: frame.text("stderr")?,
            })),
            b"run" => {
                let run = Run {
                    argv: frame.list("argv", read_text)?,
                    env: frame.list("env", read_text).unwrap_or_default(),
                    unmap: frame.list("unmap", read_unmapping)?,
                    stat: frame.list("stat", read_text)?,
                    mkdirs: frame.list("mkdirs", read_text)?,
                    ack_ms: frame.count("ackMs").unwrap_or(0),
                    observe: frame.take("observe").and_then(read_observe),
                    front: frame.take("front").and_then(read_front),
                };
                (!run.argv.is_empty()).then_some(Reply::Run(run))
            }
            _ => None,
        }
    }
}

fn read_op(value: Value) -> Option<Op> {
    let mut record = Record::of(value)?;
    let kind = match record.text("op")?.as_slice() {
        b"front" => Kind::Front,
        b"dir" => Kind::Folder {
            mode: record.mode()?,
        },
        b"symlink" => Kind::Symlink {
            target: record.text("target")?,
        },
        b"empty" => Kind::Empty,
        name => Kind::File {
            source: read_source(name, &mut record)?,
            mode: record.mode()?,
        },
    };
    Some(Op {
        kind,
        to: record.text("to")?,
    })
}

fn read_source(name: &[u8], record: &mut Record) -> Option<Source> {
    match name {
        b"link" => Some(Source::Link {
            from: record.text("from")?,
            size: record.count("size")?,
        }),
        b"copy" => Some(Source::Copy {
            from: record.text("from")?,
            size: record.count("size")?,
        }),
        b"slice" => Some(Source::Slice {
            from: record.text("from")?,
            offset: record.count("offset")?,
            size: record.count("size")?,
        }),
        b"write" => record.text("text").map(Source::Text),
        _ => None,
    }
}

fn read_observe(value: Value) -> Option<Observe> {
    let mut record = Record::of(value)?;
    Some(Observe {
        library: record.text("library")?,
        log: record.text("log")?,
    })
}

fn read_front(value: Value) -> Option<Front> {
    let mut record = Record::of(value)?;
    Some(Front {
        program: record.text("program")?,
        real: record.text("real")?,
    })
}

fn read_unmapping(value: Value) -> Option<Unmapping> {
    let Value::List(pair) = value else {
        return None;
    };
    let [mapped, real] = <[Value; 2]>::try_from(pair).ok()?;
    Some(Unmapping {
        mapped: read_text(mapped)?,
        real: read_text(real)?,
    })
}

fn read_text(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

struct Record(Vec<(Vec<u8>, Value)>);

impl Record {
    fn of(value: Value) -> Option<Record> {
        match value {
            Value::Record(members) => Some(Record(members)),
            _ => None,
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let (_, value) = self.0.iter_mut().find(|(key, _)| key == name.as_bytes())?;
        Some(std::mem::replace(value, Value::Null))
    }

    fn text(&mut self, name: &str) -> Option<Vec<u8>> {
        self.take(name).and_then(read_text)
    }

    fn count(&mut self, name: &str) -> Option<u64> {
        match self.take(name)? {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    fn mode(&mut self) -> Option<u32> {
        Some(u32::try_from(self.count("mode")?).ok()? & 0o7777)
    }

    fn list<T>(&mut self, name: &str, read: impl Fn(Value) -> Option<T>) -> Option<Vec<T>> {
        match self.take(name)? {
            Value::List(items) => items.into_iter().map(read).collect(),
            _ => None,
        }
    }
}
