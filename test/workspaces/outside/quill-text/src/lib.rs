//! Text for terminals: display width, wrapping, alignment, edit distance.
//!
//! This crate stands outside the workspace on purpose: cargo hashes its absolute path into file
//! names, so a cache that shares it between developers has to look through that.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

mod distance;
mod wrap;

pub use distance::{closest, distance, Suggestion};
pub use wrap::{wrap, Wrapped};

/// Columns that a character takes on a terminal.
///
/// ```
/// assert_eq!(quill_text::char_width('a'), 1);
/// assert_eq!(quill_text::char_width('漢'), 2);
/// assert_eq!(quill_text::char_width('\u{301}'), 0);
/// ```
pub fn char_width(c: char) -> usize {
    let code = c as u32;
    match code {
        0 => 0,
        0x01..=0x1f | 0x7f..=0x9f => 0,
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f => 2,
        0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns that a text takes when it holds no line break.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Align {
    #[default]
    Left,
    Right,
    Centre,
}

/// Pads to `columns`; text that is wider already comes back as it is.
pub fn pad(text: &str, columns: usize, align: Align) -> Cow<'_, str> {
    let have = width(text);
    if have >= columns {
        return Cow::Borrowed(text);
    }
    let missing = columns - have;
    let (before, after) = match align {
        Align::Left => (0, missing),
        Align::Right => (missing, 0),
        Align::Centre => (missing / 2, missing - missing / 2),
    };
    Cow::Owned(format!(
        "{}{}{}",
        " ".repeat(before),
        text,
        " ".repeat(after)
    ))
}

/// Cuts to `columns`, marking the cut with an ellipsis.
pub fn truncate(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        if used + char_width(c) + 1 > columns {
            break;
        }
        used += char_width(c);
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

/// How often each word occurs, case-folded; for summaries and completion.
#[derive(Clone, Debug, Default)]
pub struct WordCount {
    counts: BTreeMap<String, usize>,
    total: usize,
}

impl WordCount {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn feed(&mut self, text: &str) -> &mut Self {
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            if word.is_empty() {
                continue;
            }
            *self.counts.entry(word.to_lowercase()).or_insert(0) += 1;
            self.total += 1;
        }
        self
    }

    pub fn total(&self) -> usize {
        self.total
    }

    /// The most frequent words first; equal ones by alphabet.
    pub fn top(&self, count: usize) -> Vec<(&str, usize)> {
        let mut all: Vec<_> = self.counts.iter().map(|(w, n)| (w.as_str(), *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        all.truncate(count);
        all
    }
}

impl<'a> Extend<&'a str> for WordCount {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, texts: I) {
        for text in texts {
            self.feed(text);
        }
    }
}

impl fmt::Display for WordCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, count) in self.top(usize::MAX) {
            writeln!(f, "{count:>6} {word}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_wide_characters_by_columns() {
        assert_eq!(pad("漢字", 6, Align::Right), "  漢字");
        assert_eq!(pad("ab", 5, Align::Centre), " ab  ");
    }

    #[test]
    fn truncates_to_columns() {
        assert_eq!(truncate("measure", 5), "meas…");
        assert_eq!(truncate("five!", 5), "five!");
    }

    #[test]
    fn counts_words_without_case() {
        let mut words = WordCount::new();
        words.feed("Quill and quill").feed("ink");
        assert_eq!(words.total(), 4);
        assert_eq!(words.top(1), [("quill", 2)]);
    }
}
