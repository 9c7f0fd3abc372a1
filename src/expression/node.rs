//! The tree of an expression, and how it is written.

use std::fmt;

use super::{
    function::Function,
    reference::{Reference, Segment, Span, write_name},
    value::number_text,
};

/// A part of an expression. Its place is no part of what it means: equality leaves it out.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) span: Span,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeKind {
    Literal(Literal),
    /// A context or a computed value, and a way into it.
    Access {
        base: Base,
        steps: Vec<Step>,
    },
    Call {
        function: Function,
        arguments: Vec<Node>,
    },
    Not(Box<Node>),
    Comparison {
        operator: Comparison,
        left: Box<Node>,
        right: Box<Node>,
    },
    /// Two or more operands; kept flat, so that a long chain is not a deep tree.
    Logical {
        operator: Logical,
        operands: Vec<Node>,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(left), Self::Boolean(right)) => left == right,
            // As written: `NaN` is the same literal as `NaN`.
            (Self::Number(left), Self::Number(right)) => {
                left == right || (left.is_nan() && right.is_nan())
            }
            (Self::Text(left), Self::Text(right)) => left == right,
            _ => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Base {
    Context(String),
    Value(Box<Node>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Name(String),
    Index(Node),
    Wildcard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logical {
    And,
    Or,
}

impl Comparison {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    fn strength(self) -> u8 {
        match self {
            Self::Equal | Self::NotEqual => 3,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => 4,
        }
    }
}

impl Logical {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::And => "&&",
            Self::Or => "||",
        }
    }

    fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
        }
    }
}

impl Node {
    /// Returns the reference that the node is, if it is one.
    pub(super) fn reference(&self) -> Option<Reference> {
        let NodeKind::Access {
            base: Base::Context(root),
            steps,
        } = &self.kind
        else {
            return None;
        };
        Some(Reference {
            root: root.clone(),
            path: steps.iter().map(Step::segment).collect(),
            span: self.span.clone(),
        })
    }

    /// Returns the reference that gave the node's value, where that was the last one looked at.
    pub(super) fn origin(&self) -> Option<Reference> {
        match &self.kind {
            NodeKind::Access {
                base: Base::Value(base),
                ..
            } => base.origin(),
            NodeKind::Access { .. } => self.reference(),
            NodeKind::Logical { operands, .. } => operands.last().and_then(Self::origin),
            NodeKind::Call {
                function: Function::FromJson,
                arguments,
            } => arguments.first().and_then(Self::origin),
            NodeKind::Literal(_)
            | NodeKind::Call { .. }
            | NodeKind::Not(_)
            | NodeKind::Comparison { .. } => None,
        }
    }

    /// Visits the node and all below it, in the order of their writing.
    pub(super) fn visit<'n>(&'n self, visitor: &mut dyn FnMut(&'n Node)) {
        visitor(self);
        match &self.kind {
            NodeKind::Literal(_) => {}
            NodeKind::Access { base, steps } => {
                if let Base::Value(base) = base {
                    base.visit(visitor);
                }
                for step in steps {
                    if let Step::Index(index) = step {
                        index.visit(visitor);
                    }
                }
            }
            NodeKind::Call {
                arguments: nodes, ..
            }
            | NodeKind::Logical {
                operands: nodes, ..
            } => {
                for node in nodes {
                    node.visit(visitor);
                }
            }
            NodeKind::Not(operand) => operand.visit(visitor),
            NodeKind::Comparison { left, right, .. } => {
                left.visit(visitor);
                right.visit(visitor);
            }
        }
    }

    /// How strongly the node holds its parts together; operands that hold less need parentheses.
    fn strength(&self) -> u8 {
        match &self.kind {
            NodeKind::Logical { operator, .. } => operator.strength(),
            NodeKind::Comparison { operator, .. } => operator.strength(),
            NodeKind::Not(_) => 5,
            // A number or text in front of a dot would not be read again.
            NodeKind::Literal(_) => 6,
            NodeKind::Access { .. } | NodeKind::Call { .. } => 7,
        }
    }

    fn write(&self, formatter: &mut fmt::Formatter<'_>, at_least: u8) -> fmt::Result {
        if self.strength() < at_least {
            write!(formatter, "({self})")
        } else {
            write!(formatter, "{self}")
        }
    }
}

impl Step {
    fn segment(&self) -> Segment {
        match self {
            Self::Name(name) => Segment::Name(name.clone()),
            Self::Wildcard => Segment::Wildcard,
            Self::Index(Node {
                kind: NodeKind::Literal(Literal::Number(number)),
                ..
            }) if number.fract() == 0.0 && (0.0..f64::from(i32::MAX)).contains(number) => {
                Segment::Index(*number as usize)
            }
            Self::Index(_) => Segment::Computed,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Literal(literal) => write!(formatter, "{literal}"),
            NodeKind::Access { base, steps } => {
                match base {
                    Base::Context(root) => formatter.write_str(root)?,
                    Base::Value(base) => base.write(formatter, 7)?,
                }
                steps
                    .iter()
                    .try_for_each(|step| write!(formatter, "{step}"))
            }
            NodeKind::Call {
                function,
                arguments,
            } => {
                write!(formatter, "{}(", function.name())?;
                write_joined(formatter, arguments, ", ", 0)?;
                formatter.write_str(")")
            }
            NodeKind::Not(operand) => {
                formatter.write_str("!")?;
                operand.write(formatter, 5)
            }
            NodeKind::Comparison {
                operator,
                left,
                right,
            } => {
                left.write(formatter, operator.strength())?;
                write!(formatter, " {} ", operator.sign())?;
                right.write(formatter, operator.strength() + 1)
            }
            NodeKind::Logical { operator, operands } => {
                let between = match operator {
                    Logical::And => " && ",
                    Logical::Or => " || ",
                };
                write_joined(formatter, operands, between, operator.strength() + 1)
            }
        }
    }
}

fn write_joined(
    formatter: &mut fmt::Formatter<'_>,
    nodes: &[Node],
    between: &str,
    at_least: u8,
) -> fmt::Result {
    for (position, node) in nodes.iter().enumerate() {
        if position > 0 {
            formatter.write_str(between)?;
        }
        node.write(formatter, at_least)?;
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Boolean(flag) => write!(formatter, "{flag}"),
            // All digits, and not GitHub's fifteen: what is written is to be read again as the same number.
            Self::Number(number) if !number.is_finite() => {
                formatter.write_str(&number_text(*number))
            }
            Self::Number(number) if *number == 0.0 || (1e-5..1e15).contains(&number.abs()) => {
                write!(formatter, "{number}")
            }
            Self::Number(number) => write!(formatter, "{number:e}"),
            Self::Text(text) => write!(formatter, "'{}'", text.replace('\'', "''")),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write_name(formatter, name),
            Self::Index(index) => write!(formatter, "[{index}]"),
            Self::Wildcard => formatter.write_str(".*"),
        }
    }
}
