use quill_value::{Record, Value};
use std::fmt;

/// Deeper nesting is refused: the reader recurses.
const MAX_DEPTH: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads one document.
///
/// ```
/// let value = quill_json::parse(r#"{"pens": [1, 2.5, null]}"#).unwrap();
/// assert_eq!(value.at("pens.1").as_f64(), Some(2.5));
/// ```
pub fn parse(text: &str) -> Result<Value, ParseError> {
    let mut reader = Reader::new(text);
    let value = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(byte) => reader.fail(format!("expected the end, found {:?}", byte as char)),
    }
}

/// Reads one document per line; empty lines are skipped.
pub fn parse_lines(text: &str) -> impl Iterator<Item = Result<Value, ParseError>> + '_ {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            parse(line).map_err(|error| ParseError {
                line: index + 1,
                ..error
            })
        })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count()
            + 1;
        Err(ParseError {
            line,
            column,
            message: message.into(),
        })
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        if depth > MAX_DEPTH {
            return self.fail("nested too deeply");
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.record(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.text().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => self.fail("expected a value, found the end"),
        }
    }

    fn word(&mut self) -> Result<Value, ParseError> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("expected a value")
    }

    fn record(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.at += 1;
        let mut record = Record::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Record(record));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.fail("expected a name in quotes");
            }
            let name = self.text()?;
            self.skip_space();
            if !self.take(b':') {
                return self.fail("expected `:`");
            }
            let value = self.value(depth + 1)?;
            record.set(name, value);
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Record(record));
            }
            if !self.take(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, ParseError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        if whole == 0 {
            return self.fail("expected a digit");
        }
        let mut is_float = false;
        if self.take(b'.') {
            is_float = true;
            if self.digits() == 0 {
                return self.fail("expected a digit after the point");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_float = true;
            self.at += 1;
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return self.fail("expected a digit in the exponent");
            }
        }
        let digits = &self.text[start..self.at];
        match digits.parse() {
            Ok(number) if !is_float => Ok(Value::Int(number)),
            _ => digits
                .parse()
                .map(Value::Float)
                .or_else(|_| self.fail("not a number")),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn text(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(['"', '\\', '\n']).unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return self.fail("the text has no end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let Some(letter) = self.peek() else {
            return self.fail("the text has no end");
        };
        self.at += 1;
        Ok(match letter {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => letter as char,
            b'u' => return self.unicode(),
            _ => return self.fail("no such escape"),
        })
    }

    fn unicode(&mut self) -> Result<char, ParseError> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).map_or_else(|| self.fail("half a pair"), Ok);
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return self.fail("half a pair");
        }
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            return self.fail("half a pair");
        }
        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        char::from_u32(code).map_or_else(|| self.fail("no such character"), Ok)
    }

    fn hex(&mut self) -> Result<u32, ParseError> {
        let digits = self.text.get(self.at..self.at + 4);
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.fail("expected four hex digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes_and_pairs() {
        let value = parse(r#""\u00e9\ud83d\ude00\n\/""#).unwrap();
        assert_eq!(value, Value::Text("é😀\n/".into()));
    }

    #[test]
    fn says_where_it_is_wrong() {
        let error = parse("{\"a\": 1,\n  \"b\" 2}").unwrap_err();
        assert_eq!((error.line, error.column), (2, 7));
        assert_eq!(error.to_string(), "2:7: expected `:`");
    }

    #[test]
    fn refuses_what_is_no_json() {
        let wrong = [
            "", "{", "[1,]", "01x", "\"a", "\"\\q\"", "1.", "--1", "{1:2}", "[1] 2", "nul",
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&"[".repeat(10_000))
            .unwrap_err()
            .message
            .contains("deeply"));
    }
}
