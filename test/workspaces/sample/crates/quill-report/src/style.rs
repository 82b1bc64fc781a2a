/// How a piece of text looks; plain without the feature `colour`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Heading,
    Dim,
    Accent,
}

impl Style {
    #[cfg(feature = "colour")]
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Style::Plain => return text.to_string(),
            Style::Heading => "1",
            Style::Dim => "2",
            Style::Accent => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    #[cfg(not(feature = "colour"))]
    pub fn paint(self, text: &str) -> String {
        text.to_string()
    }
}

/// The text without what `paint` added.
#[cfg(test)]
pub fn strip(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('m').map_or(rest.len(), |m| at + m + 1);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}
