//! A miss: the compiler runs as our child, and the node hears how it went.

use crate::call::Call;
use crate::child::{Child, Ending};
use crate::environment::environment_for;
use crate::fallback::Reason;
use crate::front;
use crate::marks::Marks;
use crate::node::Node;
use crate::reply::Run;
use crate::signals::{die_of, Relay};
use crate::stat::{describe_path, path_of, push_made};
use crate::stream::{follow, Stream};
use crate::sys;
use crate::text::{push_number, push_string};
use crate::unmap::Unmapper;
use std::io;
use std::time::{Duration, Instant, SystemTime};

/// A node refuses larger frames (src/wire/frame.ts).
const MAX_REPORT_BYTES: usize = 64 * 1024 * 1024;

pub struct Compiled {
    ending: Ending,
    streams: [Stream; 2],
    started: Duration,
    took: Duration,
    _relay: Relay,
}

/// Runs what the node asked for, to its end.
///
/// # Errors
/// When it could not be started (a longer command line may be too long): then this process is as
/// it was before, and can become the compiler itself.
pub fn compile(call: &Call, plan: &Run) -> io::Result<Compiled> {
    for folder in &plan.mkdirs {
        std::fs::create_dir_all(path_of(folder))?;
    }
    let relay = Relay::install()?;
    let started = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let clock = Instant::now();
    let program = call.program().unwrap_or(&plan.argv[0]);
    let environment = environment_for(plan);
    let spawned = Child::spawn(
        program,
        &plan.argv,
        environment.as_deref(),
        call.sigpipe,
        &relay,
    );
    let (child, [stdout, stderr]) = match spawned {
        Ok(spawned) => spawned,
        Err(error) => {
            relay.undo();
            return Err(error);
        }
    };
    let mut streams = [
        Stream::new(stdout, 1, Unmapper::new(&[])),
        Stream::new(stderr, 2, Unmapper::new(&plan.unmap)),
    ];
    let (ending, ended) = follow(&child, &mut streams, &relay);
    if let (Ending::Code(0), Some(front)) = (ending, &plan.front) {
        // Without a front the script just runs every time.
        let _ = front::install(path_of(&front.program), path_of(&front.real));
    }
    Ok(Compiled {
        ending,
        streams,
        started,
        took: ended - clock,
        _relay: relay,
    })
}

impl Compiled {
    /// Tells the node and waits for no answer.
    pub fn report(&self, node: &Node, plan: &Run, marks: &mut Marks) -> Result<(), Reason> {
        let made: Vec<_> = plan.stat.iter().map(|path| describe_path(path)).collect();
        let [stdout, stderr] = &self.streams;
        let truncated = stdout.truncated || stderr.truncated;
        let mut json = self.describe(&stdout.kept, &stderr.kept, &made, truncated);
        if json.len() > MAX_REPORT_BYTES {
            json = self.describe(b"", b"", &made, true);
        }
        json.pop();
        marks.take();
        marks.push(&mut json);
        json.push(b'}');
        node.report(json)
    }

    fn describe(
        &self,
        out: &[u8],
        err: &[u8],
        made: &[Option<String>],
        truncated: bool,
    ) -> Vec<u8> {
        let mut json = Vec::with_capacity(1024 + out.len() + err.len());
        let (code, signal) = match self.ending {
            Ending::Code(code) => (code.to_string(), "null".to_string()),
            Ending::Signal(signal) => ("null".to_string(), signal.to_string()),
        };
        let head = format!(r#"{{"kind":"ran","code":{code},"signal":{signal},"stdout":"#);
        json.extend_from_slice(head.as_bytes());
        push_string(&mut json, out);
        json.extend_from_slice(br#","stderr":"#);
        push_string(&mut json, err);
        push_made(&mut json, made);
        json.extend_from_slice(br#","ms":"#);
        push_number(&mut json, self.took.as_millis() as u64);
        json.extend_from_slice(br#","startedNs":"#);
        push_string(&mut json, self.started.as_nanos().to_string().as_bytes());
        if truncated {
            json.extend_from_slice(br#","truncated":true"#);
        }
        json.push(b'}');
        json
    }

    /// Ends this process as the compiler ended.
    pub fn end(&self) -> ! {
        match self.ending {
            // SAFETY: ends the process; nothing is buffered.
            Ending::Code(code) => unsafe { sys::_exit(code) },
            Ending::Signal(signal) => die_of(signal),
        }
    }
}
