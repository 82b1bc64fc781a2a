//! Tables and bar charts for a terminal.

mod chart;
mod style;

pub use chart::{Bar, BarChart};
pub use style::Style;

use quill_query::{run, QueryError};
use quill_text::{pad, truncate, width, Align};
use quill_value::{Kind, Table, Value};
use std::fmt;

/// A table as text; numbers stand right.
///
/// ```
/// use quill_value::{Record, Table};
/// let mut table = Table::new(["pen", "price"]);
/// table.push(Record::from_iter([("pen", "nib")]));
/// let text = quill_report::Grid::new(&table).to_string();
/// assert!(text.contains("price"));
/// ```
#[derive(Clone, Debug)]
pub struct Grid {
    headings: Vec<String>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
    max_width: usize,
}

impl Grid {
    pub fn new(table: &Table) -> Self {
        let headings = table.columns.clone();
        let aligns = headings.iter().map(|name| alignment(table, name)).collect();
        let rows = table
            .rows()
            .map(|row| headings.iter().map(|name| cell(row.get(name))).collect())
            .collect();
        Self {
            headings,
            aligns,
            rows,
            max_width: 40,
        }
    }

    /// Columns that one cell may take.
    pub fn max_width(mut self, columns: usize) -> Self {
        self.max_width = columns.max(1);
        self
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |index: usize| {
            self.rows
                .iter()
                .map(|row| width(&row[index]))
                .max()
                .unwrap_or(0)
        };
        self.headings
            .iter()
            .enumerate()
            .map(|(index, heading)| width(heading).max(widest(index)).min(self.max_width))
            .collect()
    }
}

fn alignment(table: &Table, name: &str) -> Align {
    let mut kinds = table
        .rows()
        .map(|row| row.get(name).kind())
        .filter(|k| *k != Kind::Null);
    match kinds.next() {
        Some(Kind::Number) if kinds.all(|kind| kind == Kind::Number) => Align::Right,
        _ => Align::Left,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Float(number) if number.fract() != 0.0 => format!("{number:.2}"),
        other => other.to_string().replace('\n', " "),
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let line = |cells: &[String], style: Style| -> String {
            let padded: Vec<String> = cells
                .iter()
                .zip(&widths)
                .zip(&self.aligns)
                .map(|((cell, width), align)| {
                    style.paint(&pad(&truncate(cell, *width), *width, *align))
                })
                .collect();
            padded.join("  ").trim_end().to_string()
        };
        writeln!(f, "{}", line(&self.headings, Style::Heading))?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        writeln!(f, "{}", line(&rules, Style::Dim))?;
        for row in &self.rows {
            writeln!(f, "{}", line(row, Style::Plain))?;
        }
        Ok(())
    }
}

/// Answers a query and draws what it says.
#[derive(Clone, Debug)]
pub struct Report {
    pub title: String,
    pub query: String,
    /// The column to draw as bars, when there is one.
    pub bars: Option<(String, String)>,
}

impl Report {
    pub fn render(&self, table: &Table) -> Result<String, QueryError> {
        let answer = run(&self.query, table)?;
        let mut out = format!(
            "{}\n\n{}",
            Style::Heading.paint(&self.title),
            Grid::new(&answer)
        );
        if let Some((label, value)) = &self.bars {
            let mut chart = BarChart::new(30);
            for row in answer.rows() {
                if let Some(number) = row.get(value).as_f64() {
                    chart.push(Bar::new(row.get(label).to_string(), number));
                }
            }
            out.push('\n');
            out.push_str(&chart.to_string());
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quill_value::Record;

    fn table() -> Table {
        let mut table = Table::new(["pen", "price"]);
        for (pen, price) in [("nib", 2.5), ("漢字", 10.0)] {
            let mut row = Record::new();
            row.set("pen", Value::from(pen))
                .set("price", Value::Float(price));
            table.push(row);
        }
        table
    }

    #[test]
    fn numbers_stand_right_and_wide_characters_count_twice() {
        let text = style::strip(&Grid::new(&table()).to_string());
        assert_eq!(text, "pen   price\n────  ─────\nnib    2.50\n漢字     10\n");
    }

    #[test]
    fn a_report_has_bars() {
        let report = Report {
            title: "Pens".into(),
            query: "order by price desc".into(),
            bars: Some(("pen".into(), "price".into())),
        };
        let text = style::strip(&report.render(&table()).unwrap());
        assert!(text.contains(&"█".repeat(30)), "{text}");
    }
}
