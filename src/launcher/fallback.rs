//! Why the compiler ran as if vrift were not there.

use crate::call::Call;
use crate::home::Home;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reason {
    /// Nobody listens: no socket, or one that a dead node left behind.
    NoNode,
    /// The socket's directory belongs to someone else, or others can write to it.
    UnsafeDir,
    /// The socket's path is over 103 bytes.
    LongPath,
    /// No word from the node for too long.
    Timeout,
    /// A launcher before this one met silence, a few seconds ago.
    Hung,
    /// The node closed the connection before it decided, or before it had the report.
    Died,
    /// The node sent something that this launcher does not understand.
    Protocol,
    /// The outputs could not be put in place, and no other answer came.
    Restore,
    /// The compiler call that the node asked for could not be started.
    Spawn,
    /// The working directory is gone.
    NoCwd,
}

impl Reason {
    /// As it stands in `VRIFT_HOME/run/fallbacks`, one a line.
    pub fn word(self) -> &'static str {
        match self {
            Reason::NoNode => "no-node",
            Reason::UnsafeDir => "unsafe-dir",
            Reason::LongPath => "long-path",
            Reason::Timeout => "timeout",
            Reason::Hung => "hung",
            Reason::Died => "died",
            Reason::Protocol => "protocol",
            Reason::Restore => "restore",
            Reason::Spawn => "spawn",
            Reason::NoCwd => "no-cwd",
        }
    }
}

/// Runs the original call in place of this process.
pub fn compile_directly(call: &Call, home: Option<&Home>, reason: Reason) -> ! {
    if let Some(home) = home {
        if reason == Reason::Timeout {
            home.mark_hung();
        }
        home.record(reason);
    }
    call.exec()
}
