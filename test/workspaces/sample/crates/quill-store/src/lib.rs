//! An append-only table: rows collect in memory and are sealed into segments that carry their
//! own checksums.

use quill_arena::{BitSet, RunMap};
use quill_json::{parse, to_string, ParseError};
use quill_seal::{Envelope, SealError};
use quill_value::{Record, Value};
use std::fmt;

const SEGMENT_ROWS: usize = 64;

#[derive(Debug)]
pub enum StoreError {
    Seal { segment: usize, error: SealError },
    Parse { segment: usize, error: ParseError },
    Shape { segment: usize },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Seal { segment, error } => write!(f, "segment {segment}: {error}"),
            StoreError::Parse { segment, error } => write!(f, "segment {segment}: {error}"),
            StoreError::Shape { segment } => write!(f, "segment {segment} is no list of records"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Rows by number; deleted ones stay in their segment and are masked.
#[derive(Debug, Default)]
pub struct Store {
    sealed: Vec<String>,
    open: Vec<Record>,
    deleted: BitSet,
    key: Option<String>,
    index: RunMap<String, usize>,
}

impl Store {
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows can be found by this column; the last row with a value wins.
    pub fn keyed_by(column: &str) -> Self {
        Self {
            key: Some(column.to_string()),
            ..Self::default()
        }
    }

    /// The number of the new row.
    pub fn append(&mut self, row: Record) -> usize {
        let number = self.sealed.len() * SEGMENT_ROWS + self.open.len();
        if let Some(column) = &self.key {
            if let Some(previous) = self.index.insert(row.get(column).to_string(), number) {
                self.deleted.insert(previous);
            }
        }
        self.open.push(row);
        if self.open.len() == SEGMENT_ROWS {
            self.seal();
        }
        number
    }

    pub fn delete(&mut self, number: usize) -> bool {
        number < self.sealed.len() * SEGMENT_ROWS + self.open.len() && self.deleted.insert(number)
    }

    pub fn find(&self, key: &str) -> Option<usize> {
        self.index
            .get(key)
            .copied()
            .filter(|number| !self.deleted.contains(*number))
    }

    pub fn len(&self) -> usize {
        self.sealed.len() * SEGMENT_ROWS + self.open.len() - self.deleted.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn segments(&self) -> usize {
        self.sealed.len()
    }

    /// Every row that is not deleted, with its number.
    pub fn rows(&self) -> impl Iterator<Item = Result<(usize, Record), StoreError>> + '_ {
        let sealed = (0..self.sealed.len()).flat_map(|segment| match self.unseal(segment) {
            Ok(rows) => rows.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        });
        sealed
            .chain(self.open.iter().cloned().map(Ok))
            .enumerate()
            .filter(|(number, _)| !self.deleted.contains(*number))
            .map(|(number, row)| row.map(|row| (number, row)))
    }

    /// For tests of what a damaged file does.
    pub fn segment_mut(&mut self, segment: usize) -> Option<&mut String> {
        self.sealed.get_mut(segment)
    }

    fn seal(&mut self) {
        let rows: Vec<Value> = self.open.drain(..).map(Value::Record).collect();
        let text = to_string(&Value::List(rows));
        self.sealed
            .push(Envelope::new(text.into_bytes()).to_string());
    }

    fn unseal(&self, segment: usize) -> Result<Vec<Record>, StoreError> {
        let envelope: Envelope = self.sealed[segment]
            .parse()
            .map_err(|error| StoreError::Seal { segment, error })?;
        let text = String::from_utf8_lossy(envelope.content());
        let value = parse(&text).map_err(|error| StoreError::Parse { segment, error })?;
        let Value::List(rows) = value else {
            return Err(StoreError::Shape { segment });
        };
        rows.into_iter()
            .map(|row| match row {
                Value::Record(record) => Ok(record),
                _ => Err(StoreError::Shape { segment }),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, number: i64) -> Record {
        let mut record = Record::new();
        record
            .set("name", Value::from(name))
            .set("number", Value::Int(number));
        record
    }

    #[test]
    fn sealed_rows_come_back() {
        let mut store = Store::new();
        for number in 0..200 {
            store.append(row("pen", number));
        }
        assert_eq!(store.segments(), 3);
        assert!(store.delete(70));
        assert!(!store.delete(70));
        assert_eq!(store.len(), 199);
        let rows: Vec<_> = store.rows().map(|row| row.unwrap().0).collect();
        assert!(rows.iter().copied().eq((0..200).filter(|n| *n != 70)));
    }

    #[test]
    fn the_last_row_of_a_key_wins() {
        let mut store = Store::keyed_by("name");
        store.append(row("ink", 1));
        let second = store.append(row("ink", 2));
        assert_eq!(store.find("ink"), Some(second));
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn damage_is_noticed() {
        let mut store = Store::new();
        for number in 0..64 {
            store.append(row("nib", number));
        }
        let segment = store.segment_mut(0).unwrap();
        let changed = if segment.ends_with('A') { "B" } else { "A" };
        segment.replace_range(40..41, changed);
        let error = store.rows().next().unwrap().unwrap_err();
        assert!(
            matches!(error, StoreError::Seal { segment: 0, .. }),
            "{error}"
        );
    }
}
