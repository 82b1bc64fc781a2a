use crate::width;

/// Lines of a wrapped text, without copying it.
#[derive(Clone, Debug)]
pub struct Wrapped<'a> {
    rest: &'a str,
    columns: usize,
}

/// Breaks at white space; a word wider than a line gets a line of its own.
///
/// ```
/// let lines: Vec<_> = quill_text::wrap("one two three", 7).collect();
/// assert_eq!(lines, ["one two", "three"]);
/// ```
pub fn wrap(text: &str, columns: usize) -> Wrapped<'_> {
    Wrapped {
        rest: text.trim_start(),
        columns: columns.max(1),
    }
}

impl<'a> Iterator for Wrapped<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut end = 0;
        let mut at = 0;
        for word in self.rest.split_inclusive(char::is_whitespace) {
            let candidate = self.rest[..at + word.len()].trim_end();
            if end > 0 && width(candidate) > self.columns {
                break;
            }
            at += word.len();
            end = candidate.len();
            if word.ends_with('\n') {
                break;
            }
        }
        let line = &self.rest[..end];
        self.rest = self.rest[at..].trim_start_matches(' ');
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_line_breaks_and_long_words() {
        let lines: Vec<_> = wrap("a\nincomprehensible b", 4).collect();
        assert_eq!(lines, ["a", "incomprehensible", "b"]);
    }

    #[test]
    fn no_line_is_wider_than_asked_unless_one_word_is() {
        let text = "the quick brown fox jumps over the lazy dog and naps";
        for columns in 5..30 {
            for line in wrap(text, columns) {
                assert!(
                    width(line) <= columns || !line.contains(' '),
                    "{line:?} at {columns}"
                );
            }
        }
    }
}
