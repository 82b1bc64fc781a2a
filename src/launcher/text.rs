//! Bytes as JSON strings. A byte that is no valid UTF-8 becomes the lone surrogate U+DC80…U+DCFF,
//! written as an escape, so that nothing is lost (src/wire/bytes.ts has the way back).

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `bytes` as a JSON string with its quotes.
pub fn push_string(json: &mut Vec<u8>, mut bytes: &[u8]) {
    json.push(b'"');
    loop {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                push_escaped(json, text);
                break;
            }
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                push_escaped(json, &String::from_utf8_lossy(valid));
                let (invalid, rest) = rest.split_at(error.error_len().unwrap_or(rest.len()));
                for byte in invalid {
                    push_unit(json, 0xdc00 | u16::from(*byte));
                }
                bytes = rest;
            }
        }
    }
    json.push(b'"');
}

/// Appends text as it stands between the quotes of a JSON string.
pub fn push_escaped(json: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        json.extend_from_slice(&bytes[copied..index]);
        copied = index + 1;
        match byte {
            b'"' | b'\\' => json.extend_from_slice(&[b'\\', *byte]),
            b'\n' => json.extend_from_slice(b"\\n"),
            b'\r' => json.extend_from_slice(b"\\r"),
            b'\t' => json.extend_from_slice(b"\\t"),
            _ => push_unit(json, u16::from(*byte)),
        }
    }
    json.extend_from_slice(&bytes[copied..]);
}

pub fn push_number(json: &mut Vec<u8>, number: u64) {
    json.extend_from_slice(number.to_string().as_bytes());
}

fn push_unit(json: &mut Vec<u8>, unit: u16) {
    json.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        json.push(HEX[usize::from(unit >> shift & 0xf)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{parse, Value};

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255)
            .chain(*b"\xf0\x9f\xa6\x80\xf0\x9f\xed\xa0\x80\xc3")
            .collect();
        let mut json = Vec::new();
        push_string(&mut json, &bytes);
        assert!(json.is_ascii() || std::str::from_utf8(&json).is_ok());
        assert!(matches!(parse(&json), Some(Value::Text(text)) if text == bytes));
    }
}
