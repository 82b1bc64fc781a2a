//! Reads JSON. Strings become bytes: a lone surrogate U+DC80…U+DCFF is the byte it stands for.

/// Deeper documents are refused: no reply of a node nests more than four levels.
const MAX_DEPTH: usize = 32;

#[derive(Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// A whole number ≥ 0: the only kind that the protocol uses.
    Count(u64),
    /// Any other number.
    Number,
    Text(Vec<u8>),
    List(Vec<Value>),
    Record(Vec<(Vec<u8>, Value)>),
}

/// The document in `bytes`, or nothing when it is not exactly one.
pub fn parse(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    (reader.at == bytes.len()).then_some(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'{' => self.record(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => self.text().map(Value::Text),
            b't' => self.word(b"true", Value::Bool(true)),
            b'f' => self.word(b"false", Value::Bool(false)),
            b'n' => self.word(b"null", Value::Null),
            _ => self.number(),
        }
    }

    fn record(&mut self, depth: usize) -> Option<Value> {
        let mut members = Vec::new();
        self.at += 1;
        if self.takes(b'}') {
            return Some(Value::Record(members));
        }
        loop {
            self.skip_space();
            let name = self.text()?;
            if !self.takes(b':') {
                return None;
            }
            members.push((name, self.value(depth)?));
            if self.takes(b'}') {
                return Some(Value::Record(members));
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.at += 1;
        if self.takes(b']') {
            return Some(Value::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Some(Value::List(items));
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let from = self.at;
        let negative = self.takes_here(b'-');
        let whole = self.digits()?;
        if whole.len() > 1 && whole[0] == b'0' {
            return None;
        }
        let mut plain = !negative;
        if self.takes_here(b'.') {
            self.digits()?;
            plain = false;
        }
        if self.takes_here(b'e') || self.takes_here(b'E') {
            let _ = self.takes_here(b'+') || self.takes_here(b'-');
            self.digits()?;
            plain = false;
        }
        let written = std::str::from_utf8(&self.bytes[from..self.at]).ok()?;
        match written.parse() {
            Ok(count) if plain => Some(Value::Count(count)),
            _ => Some(Value::Number),
        }
    }

    fn digits(&mut self) -> Option<&[u8]> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then(|| &self.bytes[from..self.at])
    }

    fn text(&mut self) -> Option<Vec<u8>> {
        if !self.takes_here(b'"') {
            return None;
        }
        let (text, used) = crate::escapes::read_string(&self.bytes[self.at..])?;
        self.at += used;
        Some(text)
    }

    fn word(&mut self, word: &[u8], value: Value) -> Option<Value> {
        self.bytes[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.takes_here(byte)
    }

    fn takes_here(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}
