use crate::Style;
use quill_text::{pad, width, Align};
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    label: String,
    value: f64,
}

impl Bar {
    pub fn new(label: impl Into<String>, value: f64) -> Self {
        Self {
            label: label.into(),
            value: value.max(0.0),
        }
    }
}

/// Horizontal bars in eighths of a column.
#[derive(Clone, Debug)]
pub struct BarChart {
    columns: usize,
    bars: Vec<Bar>,
}

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

impl BarChart {
    pub fn new(columns: usize) -> Self {
        Self {
            columns: columns.max(1),
            bars: Vec::new(),
        }
    }

    pub fn push(&mut self, bar: Bar) -> &mut Self {
        self.bars.push(bar);
        self
    }

    fn draw(&self, value: f64, most: f64) -> String {
        if most == 0.0 {
            return String::new();
        }
        let eighths = (value / most * (self.columns * 8) as f64).round() as usize;
        format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
    }
}

impl fmt::Display for BarChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        let label_width = self
            .bars
            .iter()
            .map(|bar| width(&bar.label))
            .max()
            .unwrap_or(0);
        for bar in &self.bars {
            let label = pad(&bar.label, label_width, Align::Right);
            let drawn = self.draw(bar.value, most);
            writeln!(f, "{label}  {} {}", Style::Accent.paint(&drawn), bar.value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_by_eighths() {
        let mut chart = BarChart::new(4);
        for value in [0.0, 1.0, 31.0, 32.0] {
            chart.push(Bar::new(format!("{value}"), value));
        }
        let text = crate::style::strip(&chart.to_string());
        let drawn: Vec<&str> = text
            .lines()
            .map(|line| line.split("  ").nth(1).unwrap())
            .collect();
        assert_eq!(drawn, [" 0", "▏ 1", "███▉ 31", "████ 32"]);
    }
}
