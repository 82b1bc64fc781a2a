use crate::{Date, Record};
use std::cmp::Ordering;
use std::fmt;

/// Everything that a cell can hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Date(Date),
    Text(String),
    List(Vec<Value>),
    Record(Record),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Null,
    Bool,
    Number,
    Date,
    Text,
    List,
    Record,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Null => "null",
            Kind::Bool => "a truth value",
            Kind::Number => "a number",
            Kind::Date => "a date",
            Kind::Text => "a text",
            Kind::List => "a list",
            Kind::Record => "a record",
        })
    }
}

impl Value {
    pub fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::Float(_) => Kind::Number,
            Value::Date(_) => Kind::Date,
            Value::Text(_) => Kind::Text,
            Value::List(_) => Kind::List,
            Value::Record(_) => Kind::Record,
        }
    }

    /// Reads a cell the way a spreadsheet would.
    pub fn guess(text: &str) -> Value {
        match text.trim() {
            "" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            trimmed => {
                if let Ok(number) = trimmed.parse() {
                    return Value::Int(number);
                }
                if let Ok(number) = trimmed.parse::<f64>() {
                    if number.is_finite() {
                        return Value::Float(number);
                    }
                }
                match trimmed.parse() {
                    Ok(date) => Value::Date(date),
                    Err(()) => Value::Text(text.to_string()),
                }
            }
        }
    }

    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Date(_) => true,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Record(record) => !record.is_empty(),
        }
    }

    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// A total order: first by kind, then within it; numbers of both types mix.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::List(a), Value::List(b)) => a
                .iter()
                .zip(b)
                .map(|(a, b)| a.order(b))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len())),
            (Value::Record(a), Value::Record(b)) => a
                .iter()
                .zip(b.iter())
                .map(|((ka, va), (kb, vb))| ka.cmp(kb).then_with(|| va.order(vb)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len())),
            (a, b) => match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => a.kind().cmp(&b.kind()),
            },
        }
    }

    /// Follows `a.b.0` through records and lists.
    pub fn at(&self, path: &str) -> &Value {
        static NULL: Value = Value::Null;
        path.split('.')
            .filter(|step| !step.is_empty())
            .fold(self, |value, step| match value {
                Value::Record(record) => record.get(step),
                Value::List(items) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .unwrap_or(&NULL),
                _ => &NULL,
            })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Float(number) => write!(f, "{number}"),
            Value::Date(date) => write!(f, "{date}"),
            Value::Text(text) => f.write_str(text),
            Value::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_str("]")
            }
            Value::Record(record) => write!(f, "{record}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Value> {
        let cells = ["", "true", "7", "-2.5", "2024-05-01", "ink", "1e400", "NaN"];
        let mut values: Vec<_> = cells.iter().map(|cell| Value::guess(cell)).collect();
        values.push(Value::List(values.clone()));
        values
    }

    #[test]
    fn guesses_kinds() {
        use Kind::{Bool, Date, List, Null, Number, Text};
        let kinds: Vec<_> = samples().iter().map(Value::kind).collect();
        assert_eq!(
            kinds,
            [Null, Bool, Number, Number, Date, Text, Text, Text, List]
        );
    }

    #[test]
    fn the_order_is_total() {
        let values = samples();
        for a in &values {
            assert_eq!(a.order(a), Ordering::Equal);
            for b in &values {
                assert_eq!(a.order(b), b.order(a).reverse());
                for c in &values {
                    if a.order(b).is_le() && b.order(c).is_le() {
                        assert!(a.order(c).is_le(), "{a} {b} {c}");
                    }
                }
            }
        }
    }

    #[test]
    fn follows_paths() {
        let mut record = Record::new();
        record.set(
            "pens",
            Value::List(vec![Value::Int(1), Value::Text("nib".into())]),
        );
        let value = Value::Record(record);
        assert_eq!(value.at("pens.1"), &Value::Text("nib".into()));
        assert_eq!(value.at("pens.9.x"), &Value::Null);
    }
}
