use crate::{ConvertError, Schema, Value};
use quill_arena::{Arena, Id, RunMap};
use std::fmt;

/// Named values in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    fields: RunMap<String, Value>,
}

impl Record {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn set(&mut self, name: impl Into<String>, value: Value) -> &mut Self {
        self.fields.insert(name.into(), value);
        self
    }

    /// `Null` where there is no such field.
    pub fn get(&self, name: &str) -> &Value {
        static NULL: Value = Value::Null;
        self.fields.get(name).unwrap_or(&NULL)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&String, &Value)> {
        self.fields.iter()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{name}: {value}")?;
        }
        f.write_str("}")
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Record {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        let mut record = Self::new();
        for (name, value) in fields {
            record.set(name, value.into());
        }
        record
    }
}

/// Rows with the columns that they are shown in.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub columns: Vec<String>,
    rows: Arena<Record>,
}

impl Table {
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Arena::new(),
        }
    }

    pub fn of<T: Schema>(items: &[T]) -> Self {
        let mut table = Self::new(T::COLUMNS.iter().copied());
        for item in items {
            table.push(item.to_record());
        }
        table
    }

    pub fn push(&mut self, row: Record) -> Id<Record> {
        self.rows.insert(row)
    }

    pub fn remove(&mut self, id: Id<Record>) -> Option<Record> {
        self.rows.remove(id)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn rows(&self) -> impl Iterator<Item = &Record> {
        self.rows.iter().map(|(_, row)| row)
    }

    pub fn read<T: Schema>(&self) -> Result<Vec<T>, ConvertError> {
        self.rows().map(T::from_record).collect()
    }
}
