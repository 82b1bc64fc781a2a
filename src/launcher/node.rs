//! The conversation with the node. Nothing here waits longer than the node may be silent.

use crate::fallback::Reason;
use crate::fd;
use crate::json::{parse, Value};
use crate::reply::Reply;
use crate::socket;
use crate::sys::POLLIN;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Six heartbeats. A busy node misses one or two; a stopped one misses all.
const SILENCE: Duration = Duration::from_secs(3);
/// Reports are sent after the compiler is done, when waiting helps nobody.
const REPORT: Duration = Duration::from_secs(2);
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;
const HEADER_BYTES: usize = 4;

pub struct Node {
    socket: OwnedFd,
    received: Vec<u8>,
}

impl Node {
    pub fn connect(path: &[u8]) -> Result<Node, Reason> {
        let socket = socket::connect(path, Instant::now() + SILENCE)?;
        Ok(Node {
            socket,
            received: Vec::new(),
        })
    }

    /// Sends what the node needs before it can answer.
    pub fn ask(&self, json: Vec<u8>) -> Result<(), Reason> {
        self.send(json, SILENCE)
    }

    /// Sends how it went. A node that cannot take that in time learns nothing, and that is all.
    pub fn report(&self, json: Vec<u8>) -> Result<(), Reason> {
        self.send(json, REPORT)
    }

    fn send(&self, mut json: Vec<u8>, patience: Duration) -> Result<(), Reason> {
        if json.len() > MAX_FRAME_BYTES {
            return Err(Reason::Protocol);
        }
        let header = (json.len() as u32).to_be_bytes();
        json.splice(0..0, header);
        fd::write_all(self.socket.as_raw_fd(), &json, Some(patience)).map_err(|error| {
            if error.kind() == std::io::ErrorKind::TimedOut {
                Reason::Timeout
            } else {
                Reason::Died
            }
        })
    }

    /// Waits at most so long for an answer to the report, or for the node to go.
    pub fn await_answer(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience.min(REPORT);
        while let Ok(frame) = self.receive_by(deadline) {
            if !matches!(Reply::read(frame), Some(Reply::Wait)) {
                return;
            }
        }
    }

    /// The next frame; each has the full time of silence to arrive.
    pub fn receive(&mut self) -> Result<Value, Reason> {
        self.receive_by(Instant::now() + SILENCE)
    }

    fn receive_by(&mut self, deadline: Instant) -> Result<Value, Reason> {
        let fd = self.socket.as_raw_fd();
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some(frame) = self.take_frame()? {
                return Ok(frame);
            }
            if !fd::wait_for(fd, POLLIN, deadline).map_err(|_| Reason::Died)? {
                return Err(Reason::Timeout);
            }
            match fd::read(fd, &mut chunk) {
                Ok(0) => return Err(Reason::Died),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Reason::Died),
            }
        }
    }

    fn take_frame(&mut self) -> Result<Option<Value>, Reason> {
        let Some(header) = self.received.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(Reason::Protocol);
        }
        let end = HEADER_BYTES + length;
        let Some(body) = self.received.get(HEADER_BYTES..end) else {
            return Ok(None);
        };
        let frame = parse(body).ok_or(Reason::Protocol)?;
        self.received.drain(..end);
        Ok(Some(frame))
    }
}
