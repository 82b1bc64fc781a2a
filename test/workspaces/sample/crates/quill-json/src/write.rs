use quill_value::Value;
use std::fmt::Write;

/// Writes one line.
///
/// ```
/// use quill_value::Value;
/// let list = Value::List(vec![Value::Null, Value::Text("a\"b".into())]);
/// assert_eq!(quill_json::to_string(&list), r#"[null,"a\"b"]"#);
/// ```
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out, &mut Compact);
    out
}

/// Writes with two spaces of indentation per level.
#[cfg(feature = "pretty")]
pub fn to_string_pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out, &mut Indented { depth: 0 });
    out
}

trait Layout {
    fn open(&mut self, out: &mut String);
    fn item(&mut self, out: &mut String, first: bool);
    fn close(&mut self, out: &mut String, empty: bool);
    fn colon(&self) -> &'static str;
}

struct Compact;

impl Layout for Compact {
    fn open(&mut self, _: &mut String) {}
    fn item(&mut self, out: &mut String, first: bool) {
        if !first {
            out.push(',');
        }
    }
    fn close(&mut self, _: &mut String, _: bool) {}
    fn colon(&self) -> &'static str {
        ":"
    }
}

#[cfg(feature = "pretty")]
struct Indented {
    depth: usize,
}

#[cfg(feature = "pretty")]
impl Indented {
    fn line(&self, out: &mut String) {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(feature = "pretty")]
impl Layout for Indented {
    fn open(&mut self, _: &mut String) {
        self.depth += 1;
    }
    fn item(&mut self, out: &mut String, first: bool) {
        if !first {
            out.push(',');
        }
        self.line(out);
    }
    fn close(&mut self, out: &mut String, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.line(out);
        }
    }
    fn colon(&self) -> &'static str {
        ": "
    }
}

fn write<L: Layout>(value: &Value, out: &mut String, layout: &mut L) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) if number.is_finite() => {
            let _ = write!(out, "{number:?}");
        }
        Value::Float(_) => out.push_str("null"),
        Value::Date(date) => {
            let _ = write!(out, "\"{date}\"");
        }
        Value::Text(text) => write_text(text, out),
        Value::List(items) => {
            out.push('[');
            layout.open(out);
            for (index, item) in items.iter().enumerate() {
                layout.item(out, index == 0);
                write(item, out, layout);
            }
            layout.close(out, items.is_empty());
            out.push(']');
        }
        Value::Record(record) => {
            out.push('{');
            layout.open(out);
            for (index, (name, value)) in record.iter().enumerate() {
                layout.item(out, index == 0);
                write_text(name, out);
                out.push_str(layout.colon());
                write(value, out, layout);
            }
            layout.close(out, record.is_empty());
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_written_reads_back() {
        let texts = [
            r#"{"a":[1,2.5,-3e100],"b":{"c":"\u0001\"\\"},"d":[],"e":{}}"#,
            r#"[null,true,false,"é漢"]"#,
        ];
        for text in texts {
            let value = parse(text).unwrap();
            assert_eq!(parse(&to_string(&value)).unwrap(), value);
        }
    }

    #[cfg(feature = "pretty")]
    #[test]
    fn pretty_is_the_same_value() {
        let value = parse(r#"{"a":[1,{}],"b":[]}"#).unwrap();
        let text = to_string_pretty(&value);
        assert_eq!(text, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
        assert_eq!(parse(&text).unwrap(), value);
    }
}
