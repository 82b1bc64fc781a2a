//! Where a path begins and ends in a line of messages.

/// Whether `mapped` stands at `at` as whole path components. In a `json` line, what comes before may
/// be an escape.
pub fn stands_at(line: &[u8], at: usize, mapped: &[u8], json: bool) -> bool {
    line[at..].starts_with(mapped)
        && !line
            .get(at + mapped.len())
            .is_some_and(|next| continues_name(*next))
        && (!line[..at].last().is_some_and(|last| continues_name(*last))
            || ends_in_escape(&line[..at], json)
            || ends_in_colour(&line[..at], json))
}

/// Whether a byte next to a path makes its last or first component another one.
fn continues_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"_-.+@~%#$&!^".contains(&byte)
}

/// `\n` and its like: the letter belongs to the backslash.
fn ends_in_escape(before: &[u8], json: bool) -> bool {
    let Some((letter, rest)) = before.split_last() else {
        return false;
    };
    let backslashes = rest.iter().rev().take_while(|byte| **byte == b'\\').count();
    json && b"nrtbf".contains(letter) && backslashes % 2 == 1
}

/// `ESC [ 0 m`: the compiler colours file names.
fn ends_in_colour(before: &[u8], json: bool) -> bool {
    let Some(code) = before.strip_suffix(b"m") else {
        return false;
    };
    let digits = code
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b';'))
        .count();
    let escape: &[u8] = if json { b"\\u001b[" } else { b"\x1b[" };
    code[..code.len() - digits].ends_with(escape)
}
