//! Messages name the paths that this machine knows, where the compiler was told others.

use crate::boundary::stands_at;
use crate::text::push_escaped;

/// Wherever `mapped` stands as whole path components, `real` is meant.
pub struct Unmapping {
    pub mapped: Vec<u8>,
    pub real: Vec<u8>,
}

/// A mapping as it looks in one kind of line.
struct Rule {
    mapped: Vec<u8>,
    real: Vec<u8>,
}

pub struct Unmapper {
    plain: Vec<Rule>,
    /// For lines that are JSON documents, where paths stand inside strings.
    json: Vec<Rule>,
    /// The incomplete line, as far as it was not passed on.
    held: Vec<u8>,
    /// Whether the beginning of that line was.
    split: bool,
}

/// A JSON line is of no use before it is whole, but memory has an end.
const MAX_HELD_BYTES: usize = 16 * 1024 * 1024;

impl Unmapper {
    pub fn new(unmap: &[Unmapping]) -> Unmapper {
        let mut wanted: Vec<&Unmapping> = unmap.iter().filter(|it| !it.mapped.is_empty()).collect();
        wanted.sort_by_key(|it| std::cmp::Reverse(it.mapped.len()));
        let plain = wanted.iter().map(|it| Rule {
            mapped: it.mapped.clone(),
            real: it.real.clone(),
        });
        let json = wanted.iter().map(|it| Rule {
            mapped: escape(&it.mapped),
            real: escape(&it.real),
        });
        Unmapper {
            plain: plain.collect(),
            json: json.collect(),
            held: Vec::new(),
            split: false,
        }
    }

    /// Takes what the compiler wrote and returns what may be shown by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.plain.is_empty() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        let complete = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => self.held.len() - bytes.len() + newline + 1,
            None => 0,
        };
        let rest = self.held.split_off(complete);
        let lines = std::mem::replace(&mut self.held, rest);
        let mut shown = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.show(line, &mut shown);
            self.split = false;
        }
        if self.held.len() > MAX_HELD_BYTES {
            shown.extend_from_slice(&self.flush());
        }
        shown
    }

    /// Whether a person waits for the rest of a line.
    pub fn holds_words(&self) -> bool {
        !self.held.is_empty() && !self.is_json(&self.held)
    }

    /// The incomplete line, as it is.
    pub fn flush(&mut self) -> Vec<u8> {
        let line = std::mem::take(&mut self.held);
        let mut shown = Vec::with_capacity(line.len());
        self.show(&line, &mut shown);
        self.split |= !line.is_empty();
        shown
    }

    fn is_json(&self, line: &[u8]) -> bool {
        !self.split && line.first() == Some(&b'{')
    }

    fn show(&self, line: &[u8], shown: &mut Vec<u8>) {
        let json = self.is_json(line);
        let rules = if json { &self.json } else { &self.plain };
        let mut at = 0;
        while at < line.len() {
            match rules
                .iter()
                .find(|rule| stands_at(line, at, &rule.mapped, json))
            {
                Some(rule) => {
                    shown.extend_from_slice(&rule.real);
                    at += rule.mapped.len();
                }
                None => {
                    shown.push(line[at]);
                    at += 1;
                }
            }
        }
    }
}

/// As between the quotes of a JSON string. What is no UTF-8 shows as it would from the compiler.
fn escape(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    push_escaped(&mut escaped, &String::from_utf8_lossy(path));
    escaped
}
