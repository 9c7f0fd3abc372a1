//! From a text to its blocks.

use super::{cursor::Cursor, literal};
use crate::diagnostic::Span;

/// How deep blocks are followed; deeper ones are passed over.
const DEEPEST: usize = 16;

/// What stands between the braces of a block, or in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// Attributes in their order.
    pub attributes: Vec<Attribute>,
    /// Blocks in their order.
    pub blocks: Vec<Block>,
}

/// `name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// Where the expression stands.
    pub value_span: Span,
    /// The expression as it is written.
    pub value: String,
}

/// `kind "label" … { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its kind: `variable`.
    pub kind: String,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Kind and labels.
    pub header: Span,
    /// All of it, to the closing brace.
    pub span: Span,
    /// What is inside.
    pub body: Body,
}

/// A label of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The label without its quotes.
    pub text: String,
    /// Where it stands, with its quotes.
    pub span: Span,
}

/// Returns the attributes and blocks of a file.
pub fn scan(text: &str) -> Body {
    let mut cursor = Cursor::new(text);
    let mut file = Body::default();
    while !cursor.rest().is_empty() {
        let part = body(&mut cursor, DEEPEST);
        file.attributes.extend(part.attributes);
        file.blocks.extend(part.blocks);
        // A brace that closes nothing.
        cursor.step();
    }
    file
}

fn body(cursor: &mut Cursor<'_>, deeper: usize) -> Body {
    let mut found = Body::default();
    loop {
        cursor.skip_blank();
        match cursor.peek() {
            None | Some('}') => return found,
            Some('"') => {
                cursor.quoted();
            }
            Some(_) => match cursor.name() {
                Some(name) => item(cursor, name, deeper, &mut found),
                None => cursor.step(),
            },
        }
    }
}

/// What begins with a name: an attribute or a block.
fn item(cursor: &mut Cursor<'_>, name: Span, deeper: usize, found: &mut Body) {
    let mut labels = Vec::new();
    let mut header = name;
    loop {
        cursor.skip_spaces();
        match cursor.peek() {
            Some('=') if labels.is_empty() && !cursor.rest().starts_with("==") => {
                cursor.step();
                let value_span = cursor.value();
                found.attributes.push(Attribute {
                    name: cursor.slice(name).to_owned(),
                    name_span: name,
                    value_span,
                    value: cursor.slice(value_span).to_owned(),
                });
                return;
            }
            Some('"') => {
                let span = cursor.quoted();
                header = header.to(span);
                let text = cursor.slice(span);
                let text = literal::text(text).unwrap_or_else(|| text.trim_matches('"').to_owned());
                labels.push(Label { text, span });
            }
            Some('{') => {
                cursor.step();
                let body = if deeper == 0 {
                    passed_over(cursor)
                } else {
                    body(cursor, deeper - 1)
                };
                if cursor.peek() == Some('}') {
                    cursor.step();
                }
                found.blocks.push(Block {
                    kind: cursor.slice(name).to_owned(),
                    labels,
                    header,
                    span: Span::new(name.start, cursor.at()),
                    body,
                });
                return;
            }
            Some(_) => match cursor.name() {
                Some(span) => {
                    header = header.to(span);
                    let text = cursor.slice(span).to_owned();
                    labels.push(Label { text, span });
                }
                None if cursor.skip_comment() => {}
                None => return,
            },
            None => return,
        }
    }
}

/// Goes to the end of a block that is too deep to be looked at.
fn passed_over(cursor: &mut Cursor<'_>) -> Body {
    let mut open = 0_usize;
    loop {
        cursor.skip_blank();
        match cursor.peek() {
            None => return Body::default(),
            Some('}') if open == 0 => return Body::default(),
            Some('"') => {
                cursor.quoted();
            }
            Some('<') if cursor.heredoc() => {}
            Some(sign) => {
                match sign {
                    '{' => open += 1,
                    '}' => open -= 1,
                    _ => {}
                }
                cursor.step();
            }
        }
    }
}

impl Body {
    /// Returns the attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    /// Returns the blocks of this kind.
    pub fn blocks_of<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Block> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }
}

impl Attribute {
    /// Returns the text, where the expression is one in quotes without anything interpolated.
    pub fn text(&self) -> Option<String> {
        literal::text(&self.value)
    }

    /// Returns `true` or `false`, where the expression is that.
    pub fn boolean(&self) -> Option<bool> {
        match self.value.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Returns the texts, where the expression is a list of nothing else.
    pub fn texts(&self) -> Option<Vec<String>> {
        literal::texts(&self.value)
    }
}
