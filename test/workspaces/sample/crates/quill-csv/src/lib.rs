//! CSV (RFC 4180, with any separator) to tables and back.

use quill_text::closest;
use quill_value::{Record, Table, Value};
use std::fmt;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    pub separator: char,
    pub quote: char,
    pub header: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            separator: ',',
            quote: '"',
            header: true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvError {
    OpenQuote {
        line: usize,
    },
    AfterQuote {
        line: usize,
        found: char,
    },
    Cells {
        line: usize,
        expected: usize,
        found: usize,
    },
    NoColumn {
        name: String,
        suggestion: Option<String>,
    },
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CsvError::OpenQuote { line } => write!(f, "line {line}: a quote is never closed"),
            CsvError::AfterQuote { line, found } => {
                write!(f, "line {line}: {found:?} after a closing quote")
            }
            CsvError::Cells {
                line,
                expected,
                found,
            } => {
                write!(
                    f,
                    "line {line}: {found} cells where the header has {expected}"
                )
            }
            CsvError::NoColumn {
                name,
                suggestion: Some(near),
            } => {
                write!(f, "no column `{name}`; did you mean `{near}`?")
            }
            CsvError::NoColumn {
                name,
                suggestion: None,
            } => write!(f, "no column `{name}`"),
        }
    }
}

impl std::error::Error for CsvError {}

/// Rows of cells, lazily.
pub struct Rows<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    dialect: Dialect,
    line: usize,
}

impl<'a> Rows<'a> {
    pub fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            rest: text.chars().peekable(),
            dialect,
            line: 1,
        }
    }

    fn quoted(&mut self, cell: &mut String) -> Result<(), CsvError> {
        let opened = self.line;
        loop {
            match self.rest.next() {
                None => return Err(CsvError::OpenQuote { line: opened }),
                Some(c) if c == self.dialect.quote => {
                    if self.rest.peek() != Some(&self.dialect.quote) {
                        return Ok(());
                    }
                    self.rest.next();
                    cell.push(self.dialect.quote);
                }
                Some(c) => {
                    self.line += usize::from(c == '\n');
                    cell.push(c);
                }
            }
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<(usize, Vec<String>), CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest.peek()?;
        let line = self.line;
        let mut cells = Vec::new();
        let mut cell = String::new();
        loop {
            match self.rest.next() {
                Some(c) if c == self.dialect.quote && cell.is_empty() => {
                    if let Err(error) = self.quoted(&mut cell) {
                        return Some(Err(error));
                    }
                    match self.rest.peek() {
                        None | Some('\n' | '\r') => {}
                        Some(c) if *c == self.dialect.separator => {}
                        Some(c) => {
                            let (line, found) = (self.line, *c);
                            self.rest.by_ref().for_each(drop);
                            return Some(Err(CsvError::AfterQuote { line, found }));
                        }
                    }
                }
                Some(c) if c == self.dialect.separator => cells.push(std::mem::take(&mut cell)),
                Some('\r') if self.rest.peek() == Some(&'\n') => {}
                Some('\n') | None => {
                    self.line += 1;
                    cells.push(cell);
                    return Some(Ok((line, cells)));
                }
                Some(c) => cell.push(c),
            }
        }
    }
}

/// Reads a whole file into a table; cells become numbers and dates where they look like it.
///
/// ```
/// let table = quill_csv::read("pen,price\nA,2.5\nB,3\n", Default::default()).unwrap();
/// assert_eq!(table.columns, ["pen", "price"]);
/// assert_eq!(table.len(), 2);
/// ```
pub fn read(text: &str, dialect: Dialect) -> Result<Table, CsvError> {
    let mut rows = Rows::new(text, dialect).peekable();
    let columns: Vec<String> = match rows.peek() {
        None => return Ok(Table::default()),
        Some(Err(error)) => return Err(error.clone()),
        Some(Ok((_, first))) if !dialect.header => (1..=first.len())
            .map(|number| format!("column{number}"))
            .collect(),
        Some(Ok((_, first))) => first.iter().map(|cell| cell.trim().to_string()).collect(),
    };
    let mut table = Table::new(columns);
    for row in rows.skip(usize::from(dialect.header)) {
        let (line, cells) = row?;
        if cells.len() == 1 && cells[0].is_empty() {
            continue;
        }
        let (expected, found) = (table.columns.len(), cells.len());
        if expected != found {
            return Err(CsvError::Cells {
                line,
                expected,
                found,
            });
        }
        let named = table
            .columns
            .iter()
            .cloned()
            .zip(cells.iter().map(|cell| Value::guess(cell)));
        let record: Record = named.collect();
        table.push(record);
    }
    Ok(table)
}

/// Writes the named columns, or all.
pub fn write(table: &Table, columns: &[&str], dialect: Dialect) -> Result<String, CsvError> {
    let all: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let columns = if columns.is_empty() { &all } else { columns };
    for name in columns {
        if !all.contains(name) {
            let suggestion = closest(name, all.iter().copied()).map(|near| near.word.to_string());
            return Err(CsvError::NoColumn {
                name: name.to_string(),
                suggestion,
            });
        }
    }
    let mut out = String::new();
    if dialect.header {
        line(
            &mut out,
            columns.iter().map(|name| name.to_string()),
            dialect,
        );
    }
    for row in table.rows() {
        line(
            &mut out,
            columns.iter().map(|name| row.get(name).to_string()),
            dialect,
        );
    }
    Ok(out)
}

fn line(out: &mut String, cells: impl Iterator<Item = String>, dialect: Dialect) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(dialect.separator);
        }
        let special = [dialect.separator, dialect.quote, '\n', '\r'];
        if cell.contains(special) {
            let doubled = format!("{0}{0}", dialect.quote);
            let escaped = cell.replace(dialect.quote, &doubled);
            out.extend([
                dialect.quote.to_string(),
                escaped,
                dialect.quote.to_string(),
            ]);
        } else {
            out.push_str(&cell);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_line_breaks_and_separators_survive() {
        let mut table = Table::new(["a", "b"]);
        for cell in ["plain", "with, comma", "with \"quote\"", "two\nlines"] {
            table.push(Record::from_iter([("a", cell), ("b", "x")]));
        }
        for separator in [',', ';', '\t'] {
            let dialect = Dialect {
                separator,
                ..Dialect::default()
            };
            let text = write(&table, &[], dialect).unwrap();
            let back = read(&text, dialect).unwrap();
            assert!(back.rows().eq(table.rows()), "{separator:?}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let cells = read("a,b\n1,2\n\n1\n", Dialect::default()).unwrap_err();
        assert_eq!(
            cells,
            CsvError::Cells {
                line: 4,
                expected: 2,
                found: 1
            }
        );
        let open = read("a\n\"x\n", Dialect::default()).unwrap_err();
        assert_eq!(open, CsvError::OpenQuote { line: 2 });
        let after = read("a\n\"x\"y\n", Dialect::default()).unwrap_err();
        assert_eq!(
            after,
            CsvError::AfterQuote {
                line: 2,
                found: 'y'
            }
        );
    }

    #[test]
    fn suggests_a_column() {
        let table = read("price,name\n1,a\n", Dialect::default()).unwrap();
        let error = write(&table, &["prise"], Dialect::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no column `prise`; did you mean `price`?"
        );
    }
}
