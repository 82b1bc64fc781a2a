//! A small query language over tables:
//!
//! ```text
//! from pens where price > 2 and name ~ "blue" group by maker
//!   select maker, count(), avg(price) as mean order by mean desc limit 3
//! ```

mod ast;
mod eval;
mod lexer;
mod parser;
mod plan;

pub use ast::{Expr, Operator, Query, Selected};
pub use lexer::{Lexer, Token};
pub use parser::QueryError;
pub use plan::{Plan, Step};

use quill_value::Table;

/// Parses, plans and runs a query.
///
/// ```
/// let table = quill_value::Table::new(["a"]);
/// let answer = quill_query::run("select count() as n", &table).unwrap();
/// assert_eq!(answer.rows().next().unwrap().get("n").as_f64(), Some(0.0));
/// ```
pub fn run(text: &str, table: &Table) -> Result<Table, QueryError> {
    let query = parse(text)?;
    let plan = Plan::new(query, &table.columns)?;
    Ok(plan.run(table))
}

pub fn parse(text: &str) -> Result<Query, QueryError> {
    parser::Parser::new(text).query()
}
