use quill_value::Value;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Operator {
    pub const ALL: [(Operator, &'static str, u8); 13] = [
        (Operator::Or, "or", 1),
        (Operator::And, "and", 2),
        (Operator::Equal, "=", 3),
        (Operator::NotEqual, "!=", 3),
        (Operator::LessEqual, "<=", 3),
        (Operator::Less, "<", 3),
        (Operator::GreaterEqual, ">=", 3),
        (Operator::Greater, ">", 3),
        (Operator::Matches, "~", 3),
        (Operator::Add, "+", 4),
        (Operator::Subtract, "-", 4),
        (Operator::Multiply, "*", 5),
        (Operator::Divide, "/", 5),
    ];

    pub fn symbol(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(op, ..)| *op == self)
            .expect("the table is complete")
            .1
    }

    /// Higher binds tighter.
    pub fn strength(self) -> u8 {
        Self::ALL
            .iter()
            .find(|(op, ..)| *op == self)
            .expect("the table is complete")
            .2
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Literal(Value),
    Column(String),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Call(String, Vec<Expr>),
}

impl Expr {
    /// Visits this expression and all below it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        match self {
            Expr::Literal(_) | Expr::Column(_) => {}
            Expr::Not(inner) | Expr::Negate(inner) => inner.walk(visit),
            Expr::Binary(_, left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Expr::Call(_, arguments) => arguments.iter().for_each(|a| a.walk(visit)),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Literal(Value::Text(text)) => write!(f, "{text:?}"),
            Expr::Literal(Value::Null) => f.write_str("null"),
            Expr::Literal(value) => write!(f, "{value}"),
            Expr::Column(name) => f.write_str(name),
            Expr::Not(inner) => write!(f, "not {inner}"),
            Expr::Negate(inner) => write!(f, "-{inner}"),
            Expr::Binary(op, left, right) => write!(f, "({left} {} {right})", op.symbol()),
            Expr::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (index, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    pub expr: Expr,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub from: Option<String>,
    pub filter: Option<Expr>,
    pub group: Vec<Expr>,
    /// Empty: all columns.
    pub select: Vec<Selected>,
    /// Descending where true.
    pub order: Vec<(Expr, bool)>,
    pub limit: Option<usize>,
}
