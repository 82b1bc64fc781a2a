use quill_csv::{CsvError, Dialect};
use quill_json::ParseError;
use quill_value::{Table, Value};
use std::fmt;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Tsv,
    JsonLines,
}

impl Format {
    /// By the file's extension; CSV where that says nothing.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json" | "jsonl" | "ndjson") => Format::JsonLines,
            Some("tsv" | "tab") => Format::Tsv,
            _ => Format::Csv,
        }
    }
}

#[derive(Debug)]
pub enum LoadError {
    Csv(CsvError),
    Json(ParseError),
    NoRecord { line: usize },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Csv(error) => error.fmt(f),
            LoadError::Json(error) => error.fmt(f),
            LoadError::NoRecord { line } => write!(f, "line {line} is no object"),
        }
    }
}

impl std::error::Error for LoadError {}

pub fn load(text: &str, format: Format) -> Result<Table, LoadError> {
    match format {
        Format::Csv => quill_csv::read(text, Dialect::default()).map_err(LoadError::Csv),
        Format::Tsv => {
            let dialect = Dialect {
                separator: '\t',
                ..Dialect::default()
            };
            quill_csv::read(text, dialect).map_err(LoadError::Csv)
        }
        Format::JsonLines => json_lines(text),
    }
}

fn json_lines(text: &str) -> Result<Table, LoadError> {
    let mut table = Table::default();
    for (index, value) in quill_json::parse_lines(text).enumerate() {
        match value.map_err(LoadError::Json)? {
            Value::Record(record) => {
                for (name, _) in record.iter() {
                    if !table.columns.contains(name) {
                        table.columns.push(name.clone());
                    }
                }
                table.push(record);
            }
            _ => return Err(LoadError::NoRecord { line: index + 1 }),
        }
    }
    Ok(table)
}
