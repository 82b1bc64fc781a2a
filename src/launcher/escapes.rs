//! The inside of a JSON string.

/// Reads up to and over the closing quote: the bytes meant, and how many bytes that took.
pub fn read_string(source: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        let plain = source[at..]
            .iter()
            .position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')?;
        text.extend_from_slice(&source[at..at + plain]);
        at += plain;
        match source[at] {
            b'"' => return Some((text, at + 1)),
            b'\\' => at += read_escape(&source[at + 1..], &mut text)? + 1,
            _ => return None,
        }
    }
}

/// Reads what follows a backslash; returns how many bytes that were.
fn read_escape(source: &[u8], text: &mut Vec<u8>) -> Option<usize> {
    let byte = match source.first()? {
        b'"' => b'"',
        b'\\' => b'\\',
        b'/' => b'/',
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return read_unit(&source[1..], text).map(|used| used + 1),
        _ => return None,
    };
    text.push(byte);
    Some(1)
}

fn read_unit(source: &[u8], text: &mut Vec<u8>) -> Option<usize> {
    let unit = hex(source)?;
    if let 0xdc80..=0xdcff = unit {
        text.push((unit - 0xdc00) as u8);
        return Some(4);
    }
    let (code, used) = match (unit, source.get(4..6)) {
        (0xd800..=0xdbff, Some(b"\\u")) => match hex(&source[6..])? {
            low @ 0xdc00..=0xdfff => (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 10),
            _ => (unit, 4),
        },
        _ => (unit, 4),
    };
    // As in JavaScript, a surrogate that stands for nothing is shown as U+FFFD.
    let meant = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
    Some(used)
}

fn hex(source: &[u8]) -> Option<u32> {
    source.get(..4)?.iter().try_fold(0, |number, digit| {
        Some(number << 4 | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use crate::json::{parse, Value};

    fn text(json: &str) -> Option<Vec<u8>> {
        match parse(json.as_bytes()) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn pairs_are_characters_and_lone_low_surrogates_are_bytes() {
        assert_eq!(
            text(r#""\ud83d\ude00\udc80""#),
            Some(b"\xf0\x9f\x98\x80\x80".to_vec())
        );
        assert_eq!(text(r#""\ud83d\udcff""#), Some("\u{1f4ff}".into()));
        assert_eq!(text(r#""\ud83dx\udc7f""#), Some("\u{fffd}x\u{fffd}".into()));
    }

    #[test]
    fn what_is_no_string_is_refused() {
        for broken in [
            r#""\u12"#,
            r#""\x""#,
            "\"\n\"",
            "\"",
            r#""a"b"#,
            r#""\u+123""#,
        ] {
            assert_eq!(text(broken), None, "{broken}");
        }
    }
}
