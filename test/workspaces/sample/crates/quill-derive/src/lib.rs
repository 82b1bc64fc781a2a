//! `#[derive(Record)]` for structs with named fields, written against `proc_macro` alone.
//!
//! Attributes: `#[record(name = "…")]` renames a field, `#[record(skip)]` leaves it at its default.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use std::fmt::Write;
use std::iter::Peekable;

#[proc_macro_derive(Record, attributes(record))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    match parse_struct(input) {
        Ok(parsed) => generate(&parsed)
            .parse()
            .expect("the generated code is valid"),
        Err(Problem { message, span }) => compile_error(&message, span),
    }
}

struct Problem {
    message: String,
    span: Span,
}

struct Struct {
    name: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: String,
    column: String,
    skip: bool,
}

type Tokens = Peekable<proc_macro::token_stream::IntoIter>;

fn problem<T>(message: impl Into<String>, span: Span) -> Result<T, Problem> {
    Err(Problem {
        message: message.into(),
        span,
    })
}

fn parse_struct(input: TokenStream) -> Result<Struct, Problem> {
    let mut tokens = input.into_iter().peekable();
    skip_attributes(&mut tokens);
    skip_visibility(&mut tokens);
    match tokens.next() {
        Some(TokenTree::Ident(word)) if word.to_string() == "struct" => {}
        Some(other) => return problem("Record can be derived for structs only", other.span()),
        None => return problem("expected a struct", Span::call_site()),
    }
    let name = expect_ident(&mut tokens)?;
    match tokens.next() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => Ok(Struct {
            name: name.to_string(),
            fields: parse_fields(&body)?,
        }),
        Some(other) => problem("Record needs named fields and no generics", other.span()),
        None => problem("Record needs named fields", name.span()),
    }
}

fn parse_fields(body: &Group) -> Result<Vec<Field>, Problem> {
    let mut fields = Vec::new();
    let mut tokens = body.stream().into_iter().peekable();
    while tokens.peek().is_some() {
        let options = parse_attributes(&mut tokens)?;
        skip_visibility(&mut tokens);
        let name = expect_ident(&mut tokens)?;
        match tokens.next() {
            Some(TokenTree::Punct(colon)) if colon.as_char() == ':' => {}
            other => return problem("expected `:`", other.map_or(name.span(), |t| t.span())),
        }
        let kind = take_type(&mut tokens);
        let text = name.to_string();
        fields.push(Field {
            column: options
                .name
                .unwrap_or_else(|| text.trim_start_matches("r#").to_string()),
            name: text,
            kind,
            skip: options.skip,
        });
    }
    Ok(fields)
}

/// Everything up to the next comma that stands outside angle brackets.
fn take_type(tokens: &mut Tokens) -> String {
    let mut depth = 0i32;
    let mut text = TokenStream::new();
    for token in tokens.by_ref() {
        if let TokenTree::Punct(punct) = &token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth -= 1,
                ',' if depth == 0 => break,
                _ => {}
            }
        }
        text.extend([token]);
    }
    text.to_string()
}

#[derive(Default)]
struct Options {
    name: Option<String>,
    skip: bool,
}

fn parse_attributes(tokens: &mut Tokens) -> Result<Options, Problem> {
    let mut options = Options::default();
    while let Some(attribute) = next_attribute(tokens) {
        let mut inner = attribute.stream().into_iter();
        let Some(TokenTree::Ident(path)) = inner.next() else {
            continue;
        };
        if path.to_string() != "record" {
            continue;
        }
        let Some(TokenTree::Group(list)) = inner.next() else {
            return problem("expected `record(…)`", path.span());
        };
        let mut list = list.stream().into_iter().peekable();
        while let Some(token) = list.next() {
            match token.to_string().as_str() {
                "skip" => options.skip = true,
                "name" => options.name = Some(expect_text(&mut list, token.span())?),
                "," => {}
                other => return problem(format!("unknown option `{other}`"), token.span()),
            }
        }
    }
    Ok(options)
}

/// `= "text"`.
fn expect_text(tokens: &mut Tokens, span: Span) -> Result<String, Problem> {
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Punct(equals)), Some(TokenTree::Literal(text)))
            if equals.as_char() == '=' =>
        {
            Ok(text.to_string().trim_matches('"').to_string())
        }
        _ => problem("expected `= \"…\"`", span),
    }
}

fn expect_ident(tokens: &mut Tokens) -> Result<Ident, Problem> {
    match tokens.next() {
        Some(TokenTree::Ident(name)) => Ok(name),
        Some(other) => problem("expected a name", other.span()),
        None => problem("expected a name", Span::call_site()),
    }
}

fn next_attribute(tokens: &mut Tokens) -> Option<Group> {
    match tokens.peek() {
        Some(TokenTree::Punct(hash)) if hash.as_char() == '#' => tokens.next(),
        _ => return None,
    };
    match tokens.next() {
        Some(TokenTree::Group(group)) => Some(group),
        _ => None,
    }
}

fn skip_attributes(tokens: &mut Tokens) {
    while next_attribute(tokens).is_some() {}
}

fn skip_visibility(tokens: &mut Tokens) {
    if !matches!(tokens.peek(), Some(TokenTree::Ident(word)) if word.to_string() == "pub") {
        return;
    }
    tokens.next();
    if matches!(tokens.peek(), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis)
    {
        tokens.next();
    }
}

fn generate(parsed: &Struct) -> String {
    let Struct { name, fields } = parsed;
    let mut columns = String::new();
    let mut to = String::new();
    let mut from = String::new();
    for Field {
        name,
        kind,
        column,
        skip,
    } in fields
    {
        if *skip {
            let _ = write!(from, "{name}: ::core::default::Default::default(),");
            continue;
        }
        let _ = write!(columns, "{column:?},");
        let _ = write!(
            to,
            "record.set({column:?}, ::quill_value::ToValue::to_value(&self.{name}));"
        );
        let _ = write!(
            from,
            "{name}: <{kind} as ::quill_value::FromValue>::from_value(record.get({column:?}))\
             .map_err(|error| error.in_field({column:?}))?,"
        );
    }
    format!(
        "impl ::quill_value::Schema for {name} {{
            const COLUMNS: &'static [&'static str] = &[{columns}];
            fn to_record(&self) -> ::quill_value::Record {{
                let mut record = ::quill_value::Record::new();
                {to}
                record
            }}
            fn from_record(
                record: &::quill_value::Record,
            ) -> ::core::result::Result<Self, ::quill_value::ConvertError> {{
                ::core::result::Result::Ok(Self {{ {from} }})
            }}
        }}"
    )
}

fn compile_error(message: &str, span: Span) -> TokenStream {
    let code: TokenStream = format!("::core::compile_error!({message:?});")
        .parse()
        .expect("valid");
    code.into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}
