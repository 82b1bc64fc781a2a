use crate::Operator;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Operator(Operator),
    Open,
    Close,
    Comma,
    Star,
    Unknown(char),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Text(text) => write!(f, "{text:?}"),
            Token::Number(number) => write!(f, "`{number}`"),
            Token::Operator(op) => write!(f, "`{}`", op.symbol()),
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Comma => f.write_str("`,`"),
            Token::Star => f.write_str("`*`"),
            Token::Unknown(c) => write!(f, "{c:?}"),
        }
    }
}

/// Tokens with the byte offset where each begins.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn while_true(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn operator(&mut self) -> Option<Operator> {
        let rest = &self.text[self.at..];
        let (op, symbol, _) = Operator::ALL
            .into_iter()
            .filter(|(_, symbol, _)| !symbol.starts_with(char::is_alphabetic))
            .find(|(_, symbol, _)| rest.starts_with(symbol))?;
        self.at += symbol.len();
        Some(op)
    }
}

impl Iterator for Lexer<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<(usize, Token)> {
        self.while_true(char::is_whitespace);
        let start = self.at;
        let first = self.text[start..].chars().next()?;
        let token = match first {
            '(' | ')' | ',' => {
                self.at += 1;
                match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                }
            }
            '"' | '\'' => {
                self.at += 1;
                let inner = self.while_true(|c| c != first).to_string();
                if self.at < self.text.len() {
                    self.at += 1;
                    Token::Text(inner)
                } else {
                    Token::Unknown(first)
                }
            }
            c if c.is_ascii_digit() => {
                let digits = self.while_true(|c| c.is_ascii_digit() || c == '.' || c == '_');
                digits
                    .replace('_', "")
                    .parse()
                    .map_or(Token::Unknown(c), Token::Number)
            }
            c if c.is_alphabetic() || c == '_' => {
                let word = self.while_true(|c| c.is_alphanumeric() || c == '_' || c == '.');
                match word {
                    "and" => Token::Operator(Operator::And),
                    "or" => Token::Operator(Operator::Or),
                    _ => Token::Word(word.to_string()),
                }
            }
            '*' => {
                self.at += 1;
                Token::Star
            }
            c => match self.operator() {
                Some(op) => Token::Operator(op),
                None => {
                    self.at += c.len_utf8();
                    Token::Unknown(c)
                }
            },
        };
        Some((start, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_operator_wins() {
        let tokens: Vec<_> = Lexer::new("a<=b<c != 'x'")
            .map(|(_, token)| token)
            .collect();
        assert_eq!(
            tokens,
            [
                Token::Word("a".into()),
                Token::Operator(Operator::LessEqual),
                Token::Word("b".into()),
                Token::Operator(Operator::Less),
                Token::Word("c".into()),
                Token::Operator(Operator::NotEqual),
                Token::Text("x".into()),
            ]
        );
    }

    #[test]
    fn never_loops_on_anything() {
        for text in ["§§§", "\"open", "1.2.3", "a§b", "….…"] {
            assert!(Lexer::new(text).count() <= text.chars().count(), "{text}");
        }
    }
}
