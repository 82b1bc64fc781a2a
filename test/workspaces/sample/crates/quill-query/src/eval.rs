use crate::ast::{Expr, Operator};
use quill_value::{Record, Value};
use std::cmp::Ordering;

/// The value of an expression for one row. What makes no sense is null, as in SQL.
pub fn evaluate(expr: &Expr, row: &Record) -> Value {
    match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Column(name) => match row.get(name) {
            Value::Null => nested(name, row),
            value => value.clone(),
        },
        Expr::Not(inner) => Value::Bool(!evaluate(inner, row).is_truthy()),
        Expr::Negate(inner) => match evaluate(inner, row) {
            Value::Int(number) => number.checked_neg().map_or(Value::Null, Value::Int),
            Value::Float(number) => Value::Float(-number),
            _ => Value::Null,
        },
        Expr::Binary(op, left, right) => binary(*op, left, right, row),
        Expr::Call(name, arguments) => {
            let values: Vec<Value> = arguments.iter().map(|a| evaluate(a, row)).collect();
            scalar(name, &values)
        }
    }
}

fn nested(path: &str, row: &Record) -> Value {
    match path.split_once('.') {
        Some((first, rest)) => row.get(first).at(rest).clone(),
        None => Value::Null,
    }
}

fn binary(op: Operator, left: &Expr, right: &Expr, row: &Record) -> Value {
    let left = evaluate(left, row);
    match op {
        Operator::And if !left.is_truthy() => return Value::Bool(false),
        Operator::Or if left.is_truthy() => return Value::Bool(true),
        _ => {}
    }
    let right = evaluate(right, row);
    let order = || left.order(&right);
    match op {
        Operator::And | Operator::Or => Value::Bool(right.is_truthy()),
        Operator::Equal => Value::Bool(order().is_eq()),
        Operator::NotEqual => Value::Bool(order().is_ne()),
        Operator::Less => compare(&left, &right, Ordering::is_lt),
        Operator::LessEqual => compare(&left, &right, Ordering::is_le),
        Operator::Greater => compare(&left, &right, Ordering::is_gt),
        Operator::GreaterEqual => compare(&left, &right, Ordering::is_ge),
        Operator::Matches => {
            let (text, part) = (
                left.to_string().to_lowercase(),
                right.to_string().to_lowercase(),
            );
            Value::Bool(glob(&text, &part))
        }
        Operator::Add => match (&left, &right) {
            (Value::Text(a), b) => Value::Text(format!("{a}{b}")),
            _ => arithmetic(&left, &right, i64::checked_add, |a, b| a + b),
        },
        Operator::Subtract => match (&left, &right) {
            (Value::Date(a), Value::Date(b)) => Value::Int(i64::from(a.days() - b.days())),
            _ => arithmetic(&left, &right, i64::checked_sub, |a, b| a - b),
        },
        Operator::Multiply => arithmetic(&left, &right, i64::checked_mul, |a, b| a * b),
        Operator::Divide => match (left.as_f64(), right.as_f64()) {
            (Some(a), Some(b)) if b != 0.0 => Value::Float(a / b),
            _ => Value::Null,
        },
    }
}

fn compare(left: &Value, right: &Value, accept: impl Fn(Ordering) -> bool) -> Value {
    if left.kind() == right.kind() {
        Value::Bool(accept(left.order(right)))
    } else {
        Value::Bool(false)
    }
}

fn arithmetic(
    left: &Value,
    right: &Value,
    whole: impl Fn(i64, i64) -> Option<i64>,
    real: impl Fn(f64, f64) -> f64,
) -> Value {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        if let Some(result) = whole(*a, *b) {
            return Value::Int(result);
        }
    }
    match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) => Value::Float(real(a, b)),
        _ => Value::Null,
    }
}

/// `*` stands for anything; without one, the pattern may stand anywhere.
pub fn glob(text: &str, pattern: &str) -> bool {
    if !pattern.contains('*') {
        return text.contains(pattern);
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.len() >= part.len() && rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

pub const SCALARS: [&str; 7] = [
    "lower", "upper", "length", "round", "abs", "year", "coalesce",
];

fn scalar(name: &str, values: &[Value]) -> Value {
    let first = values.first().unwrap_or(&Value::Null);
    match (name, first) {
        ("coalesce", _) => values
            .iter()
            .find(|v| **v != Value::Null)
            .cloned()
            .unwrap_or(Value::Null),
        ("lower", value) => Value::Text(value.to_string().to_lowercase()),
        ("upper", value) => Value::Text(value.to_string().to_uppercase()),
        ("length", Value::List(items)) => Value::Int(items.len() as i64),
        ("length", value) => Value::Int(value.to_string().chars().count() as i64),
        ("round", Value::Float(number)) => Value::Int(number.round() as i64),
        ("round", Value::Int(number)) => Value::Int(*number),
        ("abs", Value::Float(number)) => Value::Float(number.abs()),
        ("abs", Value::Int(number)) => number.checked_abs().map_or(Value::Null, Value::Int),
        ("year", Value::Date(date)) => Value::Int(i64::from(date.ymd().0)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let yes = [
            ("blue-black", "black"),
            ("blue", "b*e"),
            ("blue", "*"),
            ("aXbXc", "a*b*c"),
        ];
        let no = [("blue", "b*x"), ("ab", "ab*b"), ("blue", "lue*")];
        assert!(yes.iter().all(|(text, pattern)| glob(text, pattern)));
        assert!(no.iter().all(|(text, pattern)| !glob(text, pattern)));
    }

    #[test]
    fn overflow_becomes_a_float() {
        let sum = arithmetic(
            &Value::Int(i64::MAX),
            &Value::Int(1),
            i64::checked_add,
            |a, b| a + b,
        );
        assert_eq!(sum, Value::Float(9_223_372_036_854_775_808.0));
    }
}
