use crate::ast::{Expr, Operator, Query, Selected};
use crate::lexer::{Lexer, Token};
use quill_text::closest;
use quill_value::Value;
use std::fmt;
use std::iter::Peekable;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Byte offset in the query.
    pub at: usize,
    pub message: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.at, self.message)
    }
}

impl std::error::Error for QueryError {}

const CLAUSES: [&str; 6] = ["from", "where", "group", "select", "order", "limit"];

pub struct Parser<'a> {
    tokens: Peekable<Lexer<'a>>,
    end: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl<'a> Parser<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            tokens: Lexer::new(text).peekable(),
            end: text.len(),
        }
    }

    pub fn query(mut self) -> Parsed<Query> {
        let mut query = Query::default();
        while let Some((at, token)) = self.tokens.next() {
            let Token::Word(clause) = &token else {
                return Err(QueryError {
                    at,
                    message: format!("expected a clause, found {token}"),
                });
            };
            match clause.as_str() {
                "from" => query.from = Some(self.word()?),
                "where" => query.filter = Some(self.expr(0)?),
                "group" => {
                    self.keyword("by")?;
                    query.group = self.list(|parser| parser.expr(0))?;
                }
                "select" => query.select = self.selection()?,
                "order" => {
                    self.keyword("by")?;
                    query.order = self.list(Self::ordering)?;
                }
                "limit" => query.limit = Some(self.count()?),
                other => {
                    let message = match closest(other, CLAUSES) {
                        Some(near) => format!("no clause `{other}`; did you mean `{}`?", near.word),
                        None => format!("no clause `{other}`; there are {}", CLAUSES.join(", ")),
                    };
                    return Err(QueryError { at, message });
                }
            }
        }
        Ok(query)
    }

    fn selection(&mut self) -> Parsed<Vec<Selected>> {
        if self.accept(&Token::Star) {
            return Ok(Vec::new());
        }
        self.list(|parser| {
            let expr = parser.expr(0)?;
            let name = if parser.accept(&Token::Word("as".into())) {
                parser.word()?
            } else {
                expr.to_string()
            };
            Ok(Selected { expr, name })
        })
    }

    fn ordering(&mut self) -> Parsed<(Expr, bool)> {
        let expr = self.expr(0)?;
        let descending = self.accept(&Token::Word("desc".into()));
        if !descending {
            self.accept(&Token::Word("asc".into()));
        }
        Ok((expr, descending))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.accept(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Precedence climbing.
    fn expr(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        while let Some(op) = self.next_operator() {
            if op.strength() <= least {
                break;
            }
            self.tokens.next();
            let right = self.expr(op.strength())?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn next_operator(&mut self) -> Option<Operator> {
        match self.tokens.peek() {
            Some((_, Token::Operator(op))) => Some(*op),
            Some((_, Token::Star)) => Some(Operator::Multiply),
            _ => None,
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let at = self.position();
        match self.tokens.next().map(|(_, token)| token) {
            Some(Token::Operator(Operator::Subtract)) => Ok(Expr::Negate(Box::new(self.unary()?))),
            Some(Token::Number(number)) if number.fract() == 0.0 && number < 9e15 => {
                Ok(Expr::Literal(Value::Int(number as i64)))
            }
            Some(Token::Number(number)) => Ok(Expr::Literal(Value::Float(number))),
            Some(Token::Text(text)) => Ok(Expr::Literal(match text.parse() {
                Ok(date) => Value::Date(date),
                Err(()) => Value::Text(text),
            })),
            Some(Token::Open) => {
                let inner = self.expr(0)?;
                self.expect(Token::Close)?;
                Ok(inner)
            }
            Some(Token::Word(word)) => match word.as_str() {
                "not" => Ok(Expr::Not(Box::new(self.expr(Operator::And.strength())?))),
                "null" => Ok(Expr::Literal(Value::Null)),
                "true" => Ok(Expr::Literal(Value::Bool(true))),
                "false" => Ok(Expr::Literal(Value::Bool(false))),
                _ if self.accept(&Token::Open) => self.call(word),
                _ => Ok(Expr::Column(word)),
            },
            Some(other) => Err(QueryError {
                at,
                message: format!("expected a value, found {other}"),
            }),
            None => Err(QueryError {
                at,
                message: "expected a value, found the end".into(),
            }),
        }
    }

    fn call(&mut self, name: String) -> Parsed<Expr> {
        if self.accept(&Token::Close) {
            return Ok(Expr::Call(name, Vec::new()));
        }
        let arguments = self.list(|parser| parser.expr(0))?;
        self.expect(Token::Close)?;
        Ok(Expr::Call(name, arguments))
    }

    fn accept(&mut self, wanted: &Token) -> bool {
        self.tokens.next_if(|(_, token)| token == wanted).is_some()
    }

    fn expect(&mut self, wanted: Token) -> Parsed<()> {
        let at = self.position();
        match self.tokens.next() {
            Some((_, token)) if token == wanted => Ok(()),
            Some((_, token)) => Err(QueryError {
                at,
                message: format!("expected {wanted}, found {token}"),
            }),
            None => Err(QueryError {
                at,
                message: format!("expected {wanted}, found the end"),
            }),
        }
    }

    fn keyword(&mut self, word: &str) -> Parsed<()> {
        self.expect(Token::Word(word.to_string()))
    }

    fn word(&mut self) -> Parsed<String> {
        let at = self.position();
        match self.tokens.next() {
            Some((_, Token::Word(word))) => Ok(word),
            _ => Err(QueryError {
                at,
                message: "expected a name".into(),
            }),
        }
    }

    fn count(&mut self) -> Parsed<usize> {
        let at = self.position();
        match self.tokens.next() {
            Some((_, Token::Number(number))) if number.fract() == 0.0 => Ok(number as usize),
            _ => Err(QueryError {
                at,
                message: "expected a whole number".into(),
            }),
        }
    }

    fn position(&mut self) -> usize {
        self.tokens.peek().map_or(self.end, |(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    fn filter(text: &str) -> String {
        parse(&format!("where {text}"))
            .unwrap()
            .filter
            .unwrap()
            .to_string()
    }

    #[test]
    fn operators_bind_as_in_arithmetic() {
        assert_eq!(
            filter("a + 2 * b - 1 = c or not d and e"),
            "((((a + (2 * b)) - 1) = c) or (not d and e))"
        );
        assert_eq!(filter("-(a + b) * c < 3"), "((-(a + b) * c) < 3)");
    }

    #[test]
    fn errors_say_where_and_what() {
        let error = parse("form pens").unwrap_err();
        assert_eq!(
            error.to_string(),
            "at 0: no clause `form`; did you mean `from`?"
        );
        let error = parse("where a = ").unwrap_err();
        assert_eq!(
            (error.at, error.message.as_str()),
            (10, "expected a value, found the end")
        );
        assert!(parse("limit 1.5").is_err());
        assert!(parse("group maker").is_err());
    }
}
