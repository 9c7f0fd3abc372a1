//! From tokens to a tree.
//!
//! Precedence is GitHub's: `( )`, `[ ]` and `.`, `!`, the relations, `==` and `!=`, `&&`, `||`; all from left to right.

use super::{
    error::{ExpressionError, ExpressionProblem},
    function::{self, Function},
    lexer::{Placed, Token, tokens},
    node::{Base, Comparison, Literal, Logical, Node, NodeKind, Step},
    reference::Span,
};

/// The most levels of an expression, as on GitHub. It bounds the recursion of all that walks a tree.
pub(super) const DEEPEST: usize = 50;

/// Leads from a byte offset in an expression's text to one in its source.
pub(super) type Places<'p> = &'p dyn Fn(usize) -> usize;

/// Reads the text of one expression.
pub(super) fn parse(text: &str, places: Places<'_>) -> Result<Node, ExpressionError> {
    let place = |span: Span| place(places, span);
    let tokens = tokens(text).map_err(|misread| ExpressionError {
        problem: misread.problem,
        span: place(misread.span),
    })?;
    if tokens.is_empty() {
        return Err(ExpressionError {
            problem: ExpressionProblem::Empty,
            span: place(0..text.len()),
        });
    }
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        end: text.trim_end().len(),
        nesting: 0,
        places,
    };
    let tree = parser.any()?;
    match parser.peek() {
        None => Ok(tree.node),
        Some(_) => Err(parser.expected("an operator or the end")),
    }
}

/// Leads a span into the source. The end never comes before the start, whatever `places` says.
pub(super) fn place(places: Places<'_>, span: Span) -> Span {
    let start = places(span.start);
    start..places(span.end).max(start)
}

/// A node, and how many levels it has.
struct Tree {
    node: Node,
    height: usize,
}

struct Parser<'t> {
    tokens: &'t [Placed],
    next: usize,
    /// Where the text ends, for what is missing there.
    end: usize,
    /// Open parentheses, brackets, calls and negations.
    nesting: usize,
    places: Places<'t>,
}

type Parsed = Result<Tree, ExpressionError>;

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    /// Takes the sign if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        if found {
            self.next += 1;
        }
        found
    }

    fn start(&self) -> usize {
        self.tokens
            .get(self.next)
            .map_or(self.end, |placed| placed.span.start)
    }

    /// Where the token before ends.
    fn stopped(&self) -> usize {
        self.next
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(0, |placed| placed.span.end)
    }

    fn error(&self, problem: ExpressionProblem, span: Span) -> ExpressionError {
        ExpressionError {
            problem,
            span: place(self.places, span),
        }
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        let (found, span) = match self.tokens.get(self.next) {
            Some(placed) => (placed.token.words(), placed.span.clone()),
            None => ("the end".to_owned(), self.end..self.end),
        };
        self.error(ExpressionProblem::Expected { expected, found }, span)
    }

    fn tree(&self, kind: NodeKind, start: usize, height: usize) -> Parsed {
        let span = start..self.stopped();
        if height > DEEPEST {
            return Err(self.error(ExpressionProblem::TooDeep { limit: DEEPEST }, span));
        }
        Ok(Tree {
            node: Node {
                kind,
                span: place(self.places, span),
            },
            height,
        })
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.nesting == DEEPEST {
            let start = self.start();
            return Err(self.error(
                ExpressionProblem::TooDeep { limit: DEEPEST },
                start..self.end.max(start),
            ));
        }
        self.nesting += 1;
        let parsed = inner(self);
        self.nesting -= 1;
        parsed
    }

    fn any(&mut self) -> Parsed {
        self.logical(Logical::Or, |parser| {
            parser.logical(Logical::And, Self::equality)
        })
    }

    fn logical(&mut self, operator: Logical, operand: impl Fn(&mut Self) -> Parsed) -> Parsed {
        let start = self.start();
        let first = operand(self)?;
        if !self.take(operator.sign()) {
            return Ok(first);
        }
        // `(a || b) || c` is `a || b || c`: the same operands in the same order.
        let (mut operands, mut height) = match first.node.kind {
            NodeKind::Logical {
                operator: inner,
                operands,
            } if inner == operator => (operands, first.height),
            kind => (
                vec![Node {
                    kind,
                    span: first.node.span,
                }],
                first.height + 1,
            ),
        };
        loop {
            let next = operand(self)?;
            height = height.max(next.height + 1);
            operands.push(next.node);
            if !self.take(operator.sign()) {
                break;
            }
        }
        self.tree(NodeKind::Logical { operator, operands }, start, height)
    }

    fn equality(&mut self) -> Parsed {
        self.comparisons(&[Comparison::Equal, Comparison::NotEqual], |parser| {
            parser.comparisons(
                &[
                    Comparison::LessOrEqual,
                    Comparison::GreaterOrEqual,
                    Comparison::Less,
                    Comparison::Greater,
                ],
                Self::negation,
            )
        })
    }

    fn comparisons(
        &mut self,
        operators: &[Comparison],
        operand: impl Fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let start = self.start();
        let mut left = operand(self)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator.sign())) {
            let right = operand(self)?;
            let height = left.height.max(right.height) + 1;
            let kind = NodeKind::Comparison {
                operator: *operator,
                left: Box::new(left.node),
                right: Box::new(right.node),
            };
            left = self.tree(kind, start, height)?;
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed {
        let start = self.start();
        if !self.take("!") {
            return self.access();
        }
        let operand = self.nested(Self::negation)?;
        self.tree(
            NodeKind::Not(Box::new(operand.node)),
            start,
            operand.height + 1,
        )
    }

    /// Reads a value and the way into it.
    fn access(&mut self) -> Parsed {
        let start = self.start();
        let base = self.primary()?;
        let mut steps = Vec::new();
        let mut height = base.height;
        loop {
            if self.take(".") {
                steps.push(self.property()?);
            } else if self.take("[") {
                let (step, step_height) = self.index()?;
                height = height.max(step_height + 1);
                steps.push(step);
            } else {
                break;
            }
        }
        if steps.is_empty() {
            return Ok(base);
        }
        let kind = match base.node.kind {
            NodeKind::Access {
                base,
                steps: mut first,
            } => {
                first.append(&mut steps);
                NodeKind::Access { base, steps: first }
            }
            NodeKind::Literal(_) => {
                return Err(self.error(
                    ExpressionProblem::Expected {
                        expected: "an operator or the end after a literal",
                        found: "a way into it".to_owned(),
                    },
                    start..self.stopped(),
                ));
            }
            kind => {
                height += 1;
                NodeKind::Access {
                    base: Base::Value(Box::new(Node {
                        kind,
                        span: base.node.span,
                    })),
                    steps,
                }
            }
        };
        self.tree(kind, start, height)
    }

    fn property(&mut self) -> Result<Step, ExpressionError> {
        if self.take("*") {
            return Ok(Step::Wildcard);
        }
        match self.peek() {
            Some(Token::Word(name)) => {
                self.next += 1;
                Ok(Step::Name(name.clone()))
            }
            _ => Err(self.expected("a name or `*` after the dot")),
        }
    }

    fn index(&mut self) -> Result<(Step, usize), ExpressionError> {
        if self.take("*") {
            return if self.take("]") {
                Ok((Step::Wildcard, 0))
            } else {
                Err(self.expected("`]`"))
            };
        }
        let index = self.nested(Self::any)?;
        if !self.take("]") {
            return Err(self.expected("`]`"));
        }
        Ok(match index.node.kind {
            NodeKind::Literal(Literal::Text(name)) => (Step::Name(name), 0),
            _ => (Step::Index(index.node), index.height),
        })
    }

    fn primary(&mut self) -> Parsed {
        let start = self.start();
        match self.peek() {
            Some(Token::Number(number)) => self.literal(Literal::Number(*number)),
            Some(Token::Text(text)) => self.literal(Literal::Text(text.clone())),
            Some(Token::Word(word)) => self.word(word, start),
            Some(Token::Sign("(")) => {
                self.next += 1;
                let inner = self.nested(Self::any)?;
                if self.take(")") {
                    Ok(inner)
                } else {
                    Err(self.expected("`)`"))
                }
            }
            Some(Token::Sign(_)) | None => Err(self.expected("a value")),
        }
    }

    fn literal(&mut self, literal: Literal) -> Parsed {
        let start = self.start();
        self.next += 1;
        self.tree(NodeKind::Literal(literal), start, 1)
    }

    fn word(&mut self, word: &str, start: usize) -> Parsed {
        let literal = match word {
            "null" => Some(Literal::Null),
            "true" => Some(Literal::Boolean(true)),
            "false" => Some(Literal::Boolean(false)),
            "NaN" => Some(Literal::Number(f64::NAN)),
            "Infinity" => Some(Literal::Number(f64::INFINITY)),
            _ => None,
        };
        if let Some(literal) = literal {
            return self.literal(literal);
        }
        self.next += 1;
        if self.take("(") {
            return self.call(word, start);
        }
        let kind = NodeKind::Access {
            base: Base::Context(word.to_owned()),
            steps: Vec::new(),
        };
        self.tree(kind, start, 1)
    }

    fn call(&mut self, name: &str, start: usize) -> Parsed {
        let name_span = start..start + name.len();
        let Some(function) = Function::find(name) else {
            let problem = match function::status_function(name) {
                Some(name) => ExpressionProblem::StatusFunction { name },
                None => ExpressionProblem::UnknownFunction {
                    name: name.to_owned(),
                    nearest: function::nearest(name),
                },
            };
            return Err(self.error(problem, name_span));
        };
        let mut arguments = Vec::new();
        let mut height = 0;
        if !self.take(")") {
            loop {
                let argument = self.nested(Self::any)?;
                height = height.max(argument.height);
                arguments.push(argument.node);
                if self.take(")") {
                    break;
                }
                if !self.take(",") {
                    return Err(self.expected("`,` or `)`"));
                }
            }
        }
        if !function.takes(arguments.len()) {
            let problem = ExpressionProblem::Arity {
                function: function.name(),
                expected: function.takes_in_words(),
                found: arguments.len(),
            };
            return Err(self.error(problem, start..self.stopped()));
        }
        let kind = NodeKind::Call {
            function,
            arguments,
        };
        self.tree(kind, start, height + 1)
    }
}
