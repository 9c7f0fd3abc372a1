//! What is gathered while a plan is put together.

use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile, Span},
    expression::Expression,
    ident::{EnvironmentName, InvalidName, Name},
    plan::{model::ConnectionKind, position::Position},
};

/// A plan in the making: its problems so far, and every expression with its owner.
pub struct Draft<'s> {
    /// The file.
    pub source: &'s SourceFile,
    /// Problems so far.
    pub problems: Diagnostics,
    /// Expressions so far; their names are looked up when the whole plan is known.
    pub sites: Vec<Site>,
    /// Names of other things so far; they are looked up then too.
    pub mentions: Vec<Mention>,
    /// For each task so far, whether its kind, outputs, checks, matrix or environments may not have been read as they were meant.
    pub in_doubt: Vec<bool>,
    /// To whom the next expressions belong.
    pub owner: Owner,
}

/// To whom an expression belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The plan: its variables, budget, workflows.
    Plan,
    /// An input's default.
    Input,
    /// An environment.
    Environment(EnvironmentName),
    /// A connection.
    Connection(Name),
    /// A secret's source.
    Secret(Name),
    /// A decision's answer.
    Decision(Name),
    /// A phase, by its index.
    Phase(usize),
    /// A task, by its index.
    Task(usize),
}

/// One expression in its place.
#[derive(Debug, Clone)]
pub struct Site {
    /// Whose it is.
    pub owner: Owner,
    /// Where it stands.
    pub position: Position,
    /// Whether secrets may be read.
    pub secrets: bool,
    /// The key in which it stands.
    pub key: &'static str,
    /// The expression.
    pub expression: Expression,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Named {
    /// A task.
    Task,
    /// A task, or a check of it as `TASK/CHECK`.
    Proof,
    /// A phase.
    Phase,
    /// An environment.
    Environment,
    /// An input.
    Input,
    /// A secret.
    Secret,
    /// A decision.
    Decision,
    /// A connection of one of these kinds; of any, where there are none.
    Connection(&'static [ConnectionKind]),
}

/// A name that stands by itself, outside of an expression.
#[derive(Debug, Clone)]
pub struct Mention {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// What it is the name of.
    pub named: Named,
}

impl Draft<'_> {
    /// Keeps a name that has to lead somewhere.
    pub fn mention(&mut self, name: &str, span: Span, named: Named) {
        self.mentions.push(Mention {
            name: name.to_owned(),
            span,
            named,
        });
    }

    /// Adds a problem.
    pub fn problem(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Parses an id or a name; a malformed one is a problem.
    pub fn name<T: std::str::FromStr<Err = InvalidName>>(
        &mut self,
        text: &str,
        span: Span,
    ) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            // An expression where a name stands has been reported as such.
            Err(_) if text.contains("${{") => None,
            Err(error) => {
                self.problem(name_problem(text, &error).at(span));
                None
            }
        }
    }
}

fn name_problem(text: &str, error: &InvalidName) -> Diagnostic {
    let problem = Diagnostic::error("name", error.to_string());
    let mut words: Vec<String> = Vec::new();
    for word in text
        .to_lowercase()
        .split(|character: char| !character.is_ascii_alphanumeric())
    {
        if !word.is_empty() {
            words.push(word.to_owned());
        }
    }
    let suggestion = words.join("-");
    match error {
        InvalidName::Id(_)
            if suggestion.starts_with(|first: char| first.is_ascii_lowercase())
                && suggestion != text =>
        {
            problem.help(format!("write `{suggestion}`"))
        }
        InvalidName::TooLong { .. } => {
            problem.help("what people see stands in `name`, which may be longer")
        }
        InvalidName::Id(_) | InvalidName::Word(_) | InvalidName::TaskKey(_) => {
            problem.help("for example `app`, `add-store`, `phase-2`")
        }
    }
}
