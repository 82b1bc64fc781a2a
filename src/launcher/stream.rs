//! What the compiler prints: passed on as it comes, and kept for the report.

use crate::child::{Child, Ending};
use crate::fd;
use crate::signals::Relay;
use crate::sys::{PollFd, POLLIN, SIGCHLD};
use crate::unmap::Unmapper;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// More than this is passed on but not kept; the report says so.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;
/// How long an incomplete line may wait for its end.
const HOLD: Duration = Duration::from_millis(50);
/// How long a descendant of the compiler may be silent and yet keep a pipe open.
const GRACE: Duration = Duration::from_secs(1);

pub struct Stream {
    from: Option<OwnedFd>,
    to: RawFd,
    unmapper: Unmapper,
    held_since: Option<Instant>,
    pub kept: Vec<u8>,
    pub truncated: bool,
}

impl Stream {
    pub fn new(from: OwnedFd, to: RawFd, unmapper: Unmapper) -> Stream {
        let kept = Vec::new();
        Stream {
            from: Some(from),
            to,
            unmapper,
            held_since: None,
            kept,
            truncated: false,
        }
    }

    fn entry(&self) -> PollFd {
        let fd = self.from.as_ref().map_or(-1, |from| from.as_raw_fd());
        PollFd {
            fd,
            events: POLLIN,
            revents: 0,
        }
    }

    /// Takes what is there, without waiting for more.
    fn pump(&mut self, chunk: &mut [u8], now: Instant) {
        let Some(from) = &self.from else { return };
        match fd::read(from.as_raw_fd(), chunk) {
            Ok(0) => self.close(),
            Ok(count) => {
                self.keep(&chunk[..count]);
                let out = self.unmapper.push(&chunk[..count]);
                self.pass_on(&out);
                self.held_since = self.unmapper.holds_words().then_some(now);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.close(),
        }
    }

    fn flush_if_due(&mut self, now: Instant) {
        if self
            .held_since
            .is_some_and(|since| now.duration_since(since) >= HOLD)
        {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let out = self.unmapper.flush();
        self.pass_on(&out);
        self.held_since = None;
    }

    fn close(&mut self) {
        self.flush();
        self.from = None;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT_BYTES - self.kept.len();
        self.truncated |= bytes.len() > room;
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// A reader that went away is no reason to stop the compiler.
    fn pass_on(&mut self, bytes: &[u8]) {
        if self.to >= 0 && fd::write_all(self.to, bytes, None).is_err() {
            self.to = -1;
        }
    }
}

/// Passes both streams on, and signals to the child, until the child has ended and its pipes have
/// too. Returns how and when the child ended.
pub fn follow(child: &Child, streams: &mut [Stream; 2], relay: &Relay) -> (Ending, Instant) {
    let mut chunk = vec![0; 64 * 1024];
    let mut ending: Option<(Ending, Instant)> = None;
    let mut last_word = Instant::now();
    loop {
        let now = Instant::now();
        if let Some(ended) = ending {
            let all_read = streams.iter().all(|stream| stream.from.is_none());
            if all_read || now.duration_since(last_word) >= GRACE {
                streams.iter_mut().for_each(Stream::close);
                return ended;
            }
        }
        let wake = streams
            .iter()
            .filter_map(|stream| stream.held_since.map(|since| since + HOLD));
        let wake = wake.chain(ending.map(|_| last_word + GRACE)).min();
        let timeout = wake.map(|wake| wake.saturating_duration_since(now));

        let signals = PollFd {
            fd: relay.fd(),
            events: POLLIN,
            revents: 0,
        };
        let mut entries = [streams[0].entry(), streams[1].entry(), signals];
        if fd::poll(&mut entries, timeout).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let now = Instant::now();
        for (stream, entry) in streams.iter_mut().zip(&entries) {
            if entry.revents != 0 {
                stream.pump(&mut chunk, now);
                last_word = now;
            }
            stream.flush_if_due(now);
        }
        for signal in if entries[2].revents != 0 {
            relay.take()
        } else {
            Vec::new()
        } {
            if ending.is_none() && signal == SIGCHLD {
                ending = child.ending().map(|ending| (ending, now));
                last_word = now;
            } else if ending.is_none() {
                child.send(signal);
            }
        }
    }
}
