use crate::ast::{Expr, Query, Selected};
use crate::eval::{evaluate, SCALARS};
use crate::parser::QueryError;
use quill_text::closest;
use quill_value::{Record, Table, Value};
use std::cmp::Ordering;
use std::fmt;

/// What a query does, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Filter(Expr),
    Group {
        by: Vec<Expr>,
        select: Vec<Selected>,
    },
    Project(Vec<Selected>),
    Sort(Vec<(Expr, bool)>),
    Limit(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    columns: Vec<String>,
}

const AGGREGATES: [&str; 5] = ["count", "sum", "avg", "min", "max"];

impl Plan {
    /// Checks names against `columns`, so that a typing error is no empty answer.
    pub fn new(query: Query, columns: &[String]) -> Result<Self, QueryError> {
        let mut known: Vec<&str> = columns.iter().map(String::as_str).collect();
        for expr in query.filter.iter().chain(&query.group) {
            check(expr, &known)?;
        }
        for selected in &query.select {
            check(&selected.expr, &known)?;
        }
        known.extend(query.select.iter().map(|selected| selected.name.as_str()));
        for (expr, _) in &query.order {
            check(expr, &known)?;
        }

        let mut plan = Self {
            steps: Vec::new(),
            columns: columns.to_vec(),
        };
        plan.steps.extend(query.filter.map(Step::Filter));
        let grouped = !query.group.is_empty() || query.select.iter().any(|s| aggregates(&s.expr));
        if !query.select.is_empty() {
            plan.columns = query
                .select
                .iter()
                .map(|selected| selected.name.clone())
                .collect();
        }
        // Sorting comes before a projection that may drop what it sorts by.
        let sort = (!query.order.is_empty()).then_some(Step::Sort(query.order));
        if grouped {
            plan.steps.push(Step::Group {
                by: query.group,
                select: query.select,
            });
            plan.steps.extend(sort);
        } else {
            plan.steps.extend(sort);
            if !query.select.is_empty() {
                plan.steps.push(Step::Project(query.select));
            }
        }
        plan.steps.extend(query.limit.map(Step::Limit));
        Ok(plan)
    }

    pub fn run(&self, table: &Table) -> Table {
        let mut rows: Vec<Record> = table.rows().cloned().collect();
        for step in &self.steps {
            rows = step.apply(rows);
        }
        let mut answer = Table::new(self.columns.iter().cloned());
        for row in rows {
            answer.push(row);
        }
        answer
    }
}

impl Step {
    fn apply(&self, mut rows: Vec<Record>) -> Vec<Record> {
        match self {
            Step::Filter(expr) => {
                rows.retain(|row| evaluate(expr, row).is_truthy());
                rows
            }
            Step::Project(select) => rows.iter().map(|row| project(select, row)).collect(),
            Step::Sort(keys) => {
                rows.sort_by(|a, b| compare(keys, a, b));
                rows
            }
            Step::Limit(count) => {
                rows.truncate(*count);
                rows
            }
            Step::Group { by, select } => group(by, select, rows),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let name = match step {
                Step::Filter(expr) => format!("filter {expr}"),
                Step::Group { by, .. } => format!("group by {} keys", by.len()),
                Step::Project(select) => format!("project {} columns", select.len()),
                Step::Sort(keys) => format!("sort by {} keys", keys.len()),
                Step::Limit(count) => format!("limit {count}"),
            };
            writeln!(f, "{}. {name}", index + 1)?;
        }
        Ok(())
    }
}

fn project(select: &[Selected], row: &Record) -> Record {
    select
        .iter()
        .map(|s| (s.name.clone(), evaluate(&s.expr, row)))
        .collect()
}

fn compare(keys: &[(Expr, bool)], a: &Record, b: &Record) -> Ordering {
    keys.iter()
        .map(|(expr, descending)| {
            let order = evaluate(expr, a).order(&evaluate(expr, b));
            if *descending {
                order.reverse()
            } else {
                order
            }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Groups keep the order in which their first row came; no rows and no keys is one group.
fn group(by: &[Expr], select: &[Selected], rows: Vec<Record>) -> Vec<Record> {
    let mut groups: Vec<(Vec<Value>, Vec<Record>)> = Vec::new();
    if by.is_empty() {
        groups.push((Vec::new(), rows));
    } else {
        for row in rows {
            let key: Vec<Value> = by.iter().map(|expr| evaluate(expr, &row)).collect();
            match groups.iter_mut().find(|(have, _)| *have == key) {
                Some((_, members)) => members.push(row),
                None => groups.push((key, vec![row])),
            }
        }
    }
    groups
        .iter()
        .map(|(_, members)| {
            select
                .iter()
                .map(|s| (s.name.clone(), aggregate(&s.expr, members)))
                .collect()
        })
        .collect()
}

fn aggregates(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |inner| {
        found |= matches!(inner, Expr::Call(name, _) if AGGREGATES.contains(&name.as_str()));
    });
    found
}

fn aggregate(expr: &Expr, members: &[Record]) -> Value {
    match expr {
        Expr::Call(name, arguments) if AGGREGATES.contains(&name.as_str()) => {
            let values = || {
                members
                    .iter()
                    .map(|row| {
                        arguments
                            .first()
                            .map_or(Value::Int(1), |a| evaluate(a, row))
                    })
                    .filter(|value| *value != Value::Null)
            };
            let numbers = || values().filter_map(|value| value.as_f64());
            match name.as_str() {
                "count" => Value::Int(values().count() as i64),
                "sum" => Value::Float(numbers().sum()),
                "avg" => match numbers().count() {
                    0 => Value::Null,
                    count => Value::Float(numbers().sum::<f64>() / count as f64),
                },
                "min" => values().min_by(Value::order).unwrap_or(Value::Null),
                _ => values().max_by(Value::order).unwrap_or(Value::Null),
            }
        }
        Expr::Binary(op, left, right) if aggregates(expr) => {
            let literal = |side: &Expr| Box::new(Expr::Literal(aggregate(side, members)));
            evaluate(
                &Expr::Binary(*op, literal(left), literal(right)),
                &Record::new(),
            )
        }
        Expr::Call(name, arguments) if aggregates(expr) => {
            let inner = arguments
                .iter()
                .map(|a| Expr::Literal(aggregate(a, members)))
                .collect();
            evaluate(&Expr::Call(name.clone(), inner), &Record::new())
        }
        _ => members
            .first()
            .map_or(Value::Null, |row| evaluate(expr, row)),
    }
}

fn check(expr: &Expr, columns: &[&str]) -> Result<(), QueryError> {
    let mut wrong = None;
    expr.walk(&mut |inner| match inner {
        Expr::Column(name) => {
            let root = name.split('.').next().unwrap_or(name);
            if !columns.contains(&name.as_str()) && !columns.contains(&root) {
                wrong = wrong
                    .take()
                    .or_else(|| Some(unknown("column", name, columns)));
            }
        }
        Expr::Call(name, _) => {
            let all: Vec<&str> = SCALARS.into_iter().chain(AGGREGATES).collect();
            if !all.contains(&name.as_str()) {
                wrong = wrong
                    .take()
                    .or_else(|| Some(unknown("function", name, &all)));
            }
        }
        _ => {}
    });
    wrong.map_or(Ok(()), |message| Err(QueryError { at: 0, message }))
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match closest(name, known.iter().copied()) {
        Some(near) => format!("no {what} `{name}`; did you mean `{}`?", near.word),
        None => format!("no {what} `{name}`"),
    }
}
