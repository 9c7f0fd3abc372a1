//! From characters to words, texts, numbers and signs.

use super::{error::ExpressionProblem, number::parse_number, reference::Span};

/// The most bytes of one expression, as on GitHub.
pub(super) const LONGEST: usize = 21_000;

/// A part of an expression's text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name of a context, property or function, or one of `true false null`.
    Word(String),
    /// A number.
    Number(f64),
    /// A text, without its quotes.
    Text(String),
    /// An operator, bracket, comma, dot or star.
    Sign(&'static str),
}

/// A token, and its byte offsets in the text of the expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) span: Span,
}

/// A problem, and its byte offsets in the text of the expression.
#[derive(Debug)]
pub(super) struct Misread {
    pub(super) problem: ExpressionProblem,
    pub(super) span: Span,
}

impl Token {
    /// Names the token as messages do.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{}`", super::value::number_text(*number)),
            Self::Text(text) => format!("the text '{}'", text.replace('\'', "''")),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

/// Whether `text` can stand after a dot.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(starts_word) && text.chars().all(continues_word)
}

fn starts_word(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

fn continues_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Reads all tokens of an expression's text.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Misread> {
    if text.len() > LONGEST {
        return Err(Misread {
            problem: ExpressionProblem::TooLong {
                limit: LONGEST,
                found: text.len(),
            },
            span: 0..text.len(),
        });
    }
    let mut tokens: Vec<Placed> = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let after_value = tokens.last().is_some_and(|last| last.token.ends_value());
        let (token, length) =
            token(&text[at..], first, after_value).map_err(|(problem, span)| Misread {
                problem,
                span: at + span.start..at + span.end,
            })?;
        tokens.push(Placed {
            token,
            span: at..at + length,
        });
        at += length;
    }
    Ok(tokens)
}

impl Token {
    /// Whether a dot after it leads into a value, and does not begin a number.
    fn ends_value(&self) -> bool {
        match self {
            Self::Word(_) | Self::Text(_) | Self::Number(_) => true,
            Self::Sign(sign) => matches!(*sign, ")" | "]" | "*"),
        }
    }
}

type Read = Result<(Token, usize), (ExpressionProblem, Span)>;

fn token(rest: &str, first: char, after_value: bool) -> Read {
    match first {
        '\'' => text(rest),
        '"' => Err(double_quoted(rest)),
        '.' if after_value => Ok((Token::Sign("."), 1)),
        '0'..='9' | '.' | '+' | '-' => number(rest),
        _ if starts_word(first) => Ok(word(rest)),
        _ => sign(rest, first),
    }
}

fn text(rest: &str) -> Read {
    let mut read = String::new();
    let mut inner = &rest[1..];
    while let Some(quote) = inner.find('\'') {
        read.push_str(&inner[..quote]);
        inner = &inner[quote + 1..];
        match inner.strip_prefix('\'') {
            Some(after) => {
                read.push('\'');
                inner = after;
            }
            None => return Ok((Token::Text(read), rest.len() - inner.len())),
        }
    }
    Err((
        ExpressionProblem::UnterminatedText,
        0..rest.trim_end().len(),
    ))
}

fn double_quoted(rest: &str) -> (ExpressionProblem, Span) {
    let inner = &rest[1..];
    let length = inner.find('"').unwrap_or(inner.len());
    (
        ExpressionProblem::DoubleQuoted {
            text: inner[..length].to_owned(),
        },
        0..(length + 2).min(rest.len()),
    )
}

fn number(rest: &str) -> Read {
    let length = rest
        .find(|character: char| !continues_word(character) && !matches!(character, '.' | '+'))
        .unwrap_or(rest.len());
    let written = &rest[..length];
    match parse_number(written) {
        Some(number) => Ok((Token::Number(number), length)),
        // A sign or dot alone; a digit alone is a number.
        None if length == 1 => Err((
            ExpressionProblem::UnexpectedCharacter {
                found: char::from(rest.as_bytes()[0]),
            },
            0..1,
        )),
        None => Err((
            ExpressionProblem::Number {
                text: written.to_owned(),
            },
            0..length,
        )),
    }
}

fn word(rest: &str) -> (Token, usize) {
    let length = rest
        .find(|character: char| !continues_word(character))
        .unwrap_or(rest.len());
    (Token::Word(rest[..length].to_owned()), length)
}

/// Signs, the longer before those that they begin with.
const SIGNS: [&str; 15] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ",", "*",
];

fn sign(rest: &str, first: char) -> Read {
    if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let half = |found, meant| (ExpressionProblem::HalfOperator { found, meant }, 0..1);
    Err(match first {
        '=' => half("=", "=="),
        '&' => half("&", "&&"),
        '|' => half("|", "||"),
        found => (
            ExpressionProblem::UnexpectedCharacter { found },
            0..found.len_utf8(),
        ),
    })
}
