//! `cargo bench`: rows per second through the parts, without a benchmark crate.

use quill::pens;
use quill_csv::Dialect;
use quill_json::{parse, to_string};
use quill_value::Value;
use std::hint::black_box;
use std::time::Instant;

fn measure(name: &str, rows: usize, mut work: impl FnMut()) {
    // `cargo test` runs benchmarks once, only to see that they work.
    let rounds = if std::env::args().any(|argument| argument == "--bench") {
        20
    } else {
        1
    };
    let start = Instant::now();
    for _ in 0..rounds {
        work();
    }
    let per_second = (rows * rounds) as f64 / start.elapsed().as_secs_f64();
    println!("{name:<12} {per_second:>12.0} rows/s");
}

fn main() {
    let table = pens::table(2000);
    let rows = table.len();
    let csv = quill_csv::write(&table, &[], Dialect::default()).expect("all columns exist");
    let json: Vec<String> = table
        .rows()
        .map(|row| to_string(&Value::Record(row.clone())))
        .collect();

    measure("csv read", rows, || {
        drop(black_box(quill_csv::read(&csv, Dialect::default())))
    });
    measure("json read", rows, || {
        json.iter().for_each(|line| drop(black_box(parse(line))))
    });
    measure("query", rows, || {
        drop(black_box(quill_query::run(
            "where price > 50 order by name",
            &table,
        )));
    });
    measure("archive", rows, || {
        drop(black_box(quill::archive(&table, "number")))
    });
}
