//! When things happened in this process, for whoever set VRIFT_TRACE: the node writes it down.

use crate::sys;
use crate::text::push_number;

/// Nanoseconds of the clock that the node has too, in the order in which they were taken.
pub struct Marks(Option<Vec<u64>>);

impl Marks {
    /// Takes none, unless VRIFT_TRACE is set.
    pub fn wanted() -> Marks {
        let wanted = std::env::var_os("VRIFT_TRACE").is_some_and(|value| !value.is_empty());
        Marks(wanted.then(Vec::new))
    }

    pub fn take(&mut self) {
        if let Some(list) = &mut self.0 {
            list.push(clock(sys::CLOCK_MONOTONIC));
        }
    }

    /// Forgets those that nobody was told of, and takes one.
    pub fn restart(&mut self) {
        if let Some(list) = &mut self.0 {
            list.clear();
        }
        self.take();
    }

    /// Processor time of this process up to now, most of which went before its first line.
    pub fn take_used(&mut self) {
        if let Some(list) = &mut self.0 {
            list.push(clock(sys::CLOCK_PROCESS_CPUTIME_ID));
        }
    }

    /// Adds `"at":[…]` to an object that is not yet closed, and starts anew.
    pub fn push(&mut self, json: &mut Vec<u8>) {
        let Some(list) = &mut self.0 else {
            return;
        };
        json.extend_from_slice(br#","at":["#);
        for (index, mark) in list.drain(..).enumerate() {
            if index > 0 {
                json.push(b',');
            }
            push_number(json, mark);
        }
        json.push(b']');
    }
}

fn clock(which: sys::ClockId) -> u64 {
    let mut time = [0_i64; 2];
    // SAFETY: writes two numbers of the size of `long`, of which there are two.
    unsafe { sys::clock_gettime(which, &mut time) };
    time[0] as u64 * 1_000_000_000 + time[1] as u64
}
