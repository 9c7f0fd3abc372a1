//! The functions, evaluated.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    coercion::{compare, fold},
    error::{EvaluationError, EvaluationProblem},
    evaluate::{Evaluated, Evaluator, refuse_secret, tainted},
    format::{Piece, Text, pieces},
    function::Function,
    node::Node,
    value::Value,
};

impl Evaluator<'_> {
    pub(super) fn call(&self, node: &Node, function: Function, arguments: &[Node]) -> Evaluated {
        match (function, arguments) {
            (Function::Contains, [place, wanted]) => self.contains(node, place, wanted),
            (Function::StartsWith, [text, start]) => {
                self.search(node, function, text, start, |text, start| {
                    text.starts_with(start)
                })
            }
            (Function::EndsWith, [text, end]) => {
                self.search(node, function, text, end, |text, end| text.ends_with(end))
            }
            (Function::Format, [pattern, values @ ..]) => self.format(node, pattern, values),
            (Function::Join, [list]) => self.join(list, None),
            (Function::Join, [list, separator]) => self.join(list, Some(separator)),
            (Function::ToJson, [value]) => self.json_written(node, value),
            (Function::FromJson, [text]) => self.json_read(node, text),
            (Function::HashFiles, patterns) => self.hash_files(node, patterns),
            (Function::Case, choices) => self.case(choices),
            (
                Function::Contains
                | Function::StartsWith
                | Function::EndsWith
                | Function::Format
                | Function::Join
                | Function::ToJson
                | Function::FromJson,
                _,
            ) => unreachable!("the parser counts the values of every call"),
        }
    }

    fn contains(&self, node: &Node, place: &Node, wanted: &Node) -> Evaluated {
        let place = self.value(place)?;
        let wanted = self.value(wanted)?;
        refuse_secret(&place, "`contains`", &node.span)?;
        refuse_secret(&wanted, "`contains`", &node.span)?;
        Ok(Value::Boolean(match &place {
            Value::List(items) => items
                .iter()
                .any(|item| compare(item, &wanted).is_some_and(|order| order.is_eq())),
            Value::Map(_) => false,
            _ => match (searched(&place), searched(&wanted)) {
                (Some(place), Some(wanted)) => place.contains(&wanted),
                _ => false,
            },
        }))
    }

    fn search(
        &self,
        node: &Node,
        function: Function,
        text: &Node,
        wanted: &Node,
        matches: impl Fn(&str, &str) -> bool,
    ) -> Evaluated {
        let text = self.value(text)?;
        let wanted = self.value(wanted)?;
        let operation = format!("`{}`", function.name());
        refuse_secret(&text, &operation, &node.span)?;
        refuse_secret(&wanted, &operation, &node.span)?;
        Ok(Value::Boolean(match (searched(&text), searched(&wanted)) {
            (Some(text), Some(wanted)) => matches(&text, &wanted),
            _ => false,
        }))
    }

    /// Fills a pattern. A value that the pattern does not name is not read; one that it names twice is read once, else
    /// nested calls would take twice the time at every level.
    fn format(&self, node: &Node, pattern: &Node, values: &[Node]) -> Evaluated {
        let mut whole = Text::default();
        let (pattern, is_secret) = self.plain_text(pattern)?;
        if is_secret {
            whole.mark_secret();
        }
        let problem = |because: String| EvaluationError {
            problem: EvaluationProblem::Format { because },
            span: node.span.clone(),
        };
        let mut known = BTreeMap::new();
        for piece in pieces(&pattern).map_err(|because| problem(because.to_owned()))? {
            match piece {
                Piece::Text(text) => whole.push_str(text, node.span.clone())?,
                Piece::Value(number) => {
                    let source = values
                        .get(number)
                        .ok_or_else(|| problem(format!("there is no value for `{{{number}}}`")))?;
                    let value = match known.entry(number) {
                        Entry::Occupied(entry) => entry.into_mut(),
                        Entry::Vacant(entry) => entry.insert(self.value(source)?),
                    };
                    whole.push(value, source)?;
                }
            }
        }
        Ok(whole.into_value())
    }

    fn join(&self, list: &Node, separator: Option<&Node>) -> Evaluated {
        let mut whole = Text::default();
        let items = match self.value(list)? {
            Value::List(items) => items,
            single => {
                whole.push(&single, list)?;
                return Ok(whole.into_value());
            }
        };
        let (separator, is_secret) = match separator {
            Some(separator) => self.plain_text(separator)?,
            None => (",".to_owned(), false),
        };
        // A separator that is not used tells nothing.
        if is_secret && items.len() > 1 {
            whole.mark_secret();
        }
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                whole.push_str(&separator, list.span.clone())?;
            }
            whole
                .push(item, list)
                .map_err(|error| element_error(error, list, position))?;
        }
        Ok(whole.into_value())
    }

    fn json_written(&self, node: &Node, value: &Node) -> Evaluated {
        let value = self.value(value)?;
        let mut whole = Text::default();
        if value.holds_secret() {
            whole.mark_secret();
        }
        whole.push_str(&format!("{:#}", exposed(value)), node.span.clone())?;
        Ok(whole.into_value())
    }

    fn json_read(&self, node: &Node, text: &Node) -> Evaluated {
        let (text, is_secret) = self.plain_text(text)?;
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(json) if is_secret => Ok(tainted(json.into())),
            Ok(json) => Ok(json.into()),
            Err(error) => Err(EvaluationError {
                problem: EvaluationProblem::Json {
                    because: error.to_string(),
                },
                span: node.span.clone(),
            }),
        }
    }

    fn hash_files(&self, node: &Node, patterns: &[Node]) -> Evaluated {
        let mut texts = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            let value = self.value(pattern)?;
            refuse_secret(&value, "`hashFiles`", &node.span)?;
            let mut text = Text::default();
            text.push(&value, pattern)?;
            texts.extend(text.into_value().as_plain_text());
        }
        match (self.files)(&texts) {
            Ok(hash) => Ok(Value::Text(hash)),
            Err(because) => Err(EvaluationError {
                problem: EvaluationProblem::HashFiles { because },
                span: node.span.clone(),
            }),
        }
    }

    fn case(&self, choices: &[Node]) -> Evaluated {
        let mut rest = choices;
        while let [condition, value, after @ ..] = rest {
            let found = self.value(condition)?;
            refuse_secret(&found, "a condition of `case`", &condition.span)?;
            match found {
                Value::Boolean(true) => return self.value(value),
                Value::Boolean(false) => rest = after,
                other => {
                    return Err(EvaluationError {
                        problem: EvaluationProblem::NotBoolean {
                            found: other.type_name(),
                        },
                        span: condition.span.clone(),
                    });
                }
            }
        }
        rest.first()
            .map_or(Ok(Value::Null), |value| self.value(value))
    }

    /// Returns the text of a scalar, and whether it is secret.
    fn plain_text(&self, node: &Node) -> Result<(String, bool), EvaluationError> {
        let mut text = Text::default();
        text.push(&self.value(node)?, node)?;
        Ok(match text.into_value() {
            Value::Secret(secret) => (secret.expose().to_owned(), true),
            clear => (clear.to_string(), false),
        })
    }
}

/// Names the element, and not the whole list, in a problem of `join`.
fn element_error(mut error: EvaluationError, list: &Node, position: usize) -> EvaluationError {
    if let EvaluationProblem::NullInText { expression, .. }
    | EvaluationProblem::NotText { expression, .. } = &mut error.problem
    {
        *expression = format!("{list}[{position}]");
    }
    error
}

/// Returns the text in which is searched; null is searched as an empty text, as on GitHub.
fn searched(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        value => value.as_plain_text().map(|text| fold(&text)),
    }
}

/// Returns the JSON of a value with its secrets in clear; the caller keeps it in custody.
fn exposed(value: Value) -> serde_json::Value {
    match value {
        Value::Secret(secret) => serde_json::Value::String(secret.expose().to_owned()),
        Value::List(items) => items.into_iter().map(exposed).collect(),
        Value::Map(entries) => serde_json::Value::Object(
            entries
                .into_iter()
                .map(|(name, entry)| (name, exposed(entry)))
                .collect(),
        ),
        clear @ (Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_)) => {
            clear.into()
        }
    }
}
