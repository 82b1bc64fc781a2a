//! What the program does, as a library: its tests, example and benchmark use it too.

pub mod pens;
pub mod source;

pub use source::{load, Format, LoadError};

use quill_hash::FnvMap;
use quill_store::{Store, StoreError};
use quill_text::WordCount;
use quill_value::Table;

/// What `quill about` prints.
pub fn about() -> String {
    format!(
        "quill {} (JSON format {}, {} checksum tables)",
        env!("CARGO_PKG_VERSION"),
        quill_json::FORMAT,
        quill_hash::TABLES,
    )
}

/// Where this line is, as a panic message would say it.
pub fn location() -> String {
    format!("{}:{}", file!(), line!())
}

/// Puts a table through sealed segments and back.
pub fn archive(table: &Table, key: &str) -> Result<Table, StoreError> {
    let mut store = Store::keyed_by(key);
    for row in table.rows() {
        store.append(row.clone());
    }
    let mut back = Table::new(table.columns.iter().cloned());
    for row in store.rows() {
        back.push(row?.1);
    }
    Ok(back)
}

/// The most frequent words of one column.
pub fn words(table: &Table, column: &str, count: usize) -> Vec<(String, usize)> {
    let mut words = WordCount::new();
    for row in table.rows() {
        words.feed(&row.get(column).to_string());
    }
    words
        .top(count)
        .into_iter()
        .map(|(word, n)| (word.to_string(), n))
        .collect()
}

/// How many rows there are of each value of a column.
pub fn histogram(table: &Table, column: &str) -> FnvMap<String, usize> {
    let mut counts = FnvMap::default();
    for row in table.rows() {
        *counts.entry(row.get(column).to_string()).or_insert(0) += 1;
    }
    counts
}

fn left_for_later(table: &Table) -> usize {
    // Nothing calls this: the compiler's warning about it has to survive a cache.
    table.len()
}
