//! Values: lists, maps, scalars and their types.

use super::object;
use crate::{
    diagnostic::{Diagnostic, Diagnostics, nearest, words::list_ticked},
    plan::{
        duration,
        grammar::{Key, Takes, Type},
        node::{Content, Entry, Node, Scalar, Typed},
    },
};

/// Reports every place in which `node` is no value of `key`.
pub(super) fn check_value(node: &Node, key: &'static Key, ty: Type, problems: &mut Diagnostics) {
    match ty {
        Type::Object(object) => object::check(node, object, problems),
        Type::List(item) => check_list(node, key, *item, problems),
        Type::Map(value) => check_map(node, key, *value, problems),
        Type::Requirement | Type::Value => check_free(node, key, problems),
        Type::Condition => check_condition(node, key, problems),
        scalar => check_scalar(node, key, scalar, problems),
    }
}

/// A value of any shape. What a patch holds is GitHub's, with its expressions.
fn check_free(node: &Node, key: &'static Key, problems: &mut Diagnostics) {
    if key.name == "patch" {
        return;
    }
    match &node.content {
        Content::Scalar(scalar) => {
            if key.takes == Takes::Literals && scalar.text.contains("${{") {
                problems.push(refuse_expression(node, scalar, key));
            }
        }
        Content::List(items) => items
            .iter()
            .for_each(|item| check_free(item, key, problems)),
        Content::Map(map) => map.entries.iter().for_each(|entry| {
            problems.extend(expression_in_key(entry));
            check_free(&entry.value, key, problems);
        }),
    }
}

/// The problem of a key that holds an expression; keys are read before anything is known.
fn expression_in_key(entry: &Entry) -> Option<Diagnostic> {
    entry.key.contains("${{").then(|| {
        Diagnostic::error("expression", "no expressions stand in keys")
            .at(entry.key_span)
            .help("write the key out; values may hold expressions")
    })
}

fn check_list(node: &Node, key: &'static Key, item: Type, problems: &mut Diagnostics) {
    let is_scalar = !matches!(item, Type::Object(_));
    match &node.content {
        Content::List(items) => items
            .iter()
            .for_each(|node| check_value(node, key, item, problems)),
        Content::Scalar(_) if is_scalar => check_value(node, key, item, problems),
        // `images: "${{ tasks.images.outputs.reference }}"`: the expression gives the list or map.
        Content::Scalar(_) | Content::Map(_) => {
            problems.push(wrong_type(node, key, "a list").help(format!(
                "`{}` {}; each begins with `-`",
                key.name, key.meaning
            )));
        }
    }
}

fn check_map(node: &Node, key: &'static Key, value: Type, problems: &mut Diagnostics) {
    match &node.content {
        Content::Map(map) => map.entries.iter().for_each(|entry| {
            problems.extend(expression_in_key(entry));
            check_value(&entry.value, key, value, problems);
        }),
        Content::Scalar(scalar) if key.takes != Takes::Literals && scalar.text.contains("${{") => {}
        Content::Scalar(_) | Content::List(_) => {
            problems.push(
                wrong_type(node, key, "a map")
                    .help(format!("`{}` {}, as `NAME: VALUE`", key.name, key.meaning)),
            );
        }
    }
}

fn check_condition(node: &Node, key: &'static Key, problems: &mut Diagnostics) {
    if node
        .as_scalar()
        .is_none_or(|scalar| scalar.typed() == Typed::Null)
    {
        problems.push(
            wrong_type(node, key, "a condition")
                .help("write it in one line: `if: decisions.tls == 'managed'`"),
        );
    }
}

fn check_scalar(node: &Node, key: &'static Key, ty: Type, problems: &mut Diagnostics) {
    let Some(scalar) = node.as_scalar() else {
        problems.push(
            wrong_type(node, key, noun_of(ty)).help(format!("`{}` {}", key.name, key.meaning)),
        );
        return;
    };
    if scalar.text.contains("${{") {
        if key.takes == Takes::Literals {
            problems.push(refuse_expression(node, scalar, key));
        }
        return;
    }
    let typed = scalar.typed();
    if typed == Typed::Null && ty != Type::Text {
        problems.push(
            wrong_type(node, key, noun_of(ty)).help(format!("`{}` {}", key.name, key.meaning)),
        );
        return;
    }
    let problem = match ty {
        Type::Number if !matches!(typed, Typed::Number(_)) => {
            Some(wrong_type(node, key, "a number").help("write digits without quotes"))
        }
        Type::Boolean if !matches!(typed, Typed::Boolean(_)) => Some(
            wrong_type(node, key, "a boolean")
                .help("write `true` or `false`; `yes` and `on` are texts"),
        ),
        Type::Text if typed == Typed::Null && scalar.plain => {
            Some(wrong_type(node, key, "a text").help(format!(
                "`{}` {}; an empty text is written `\"\"`",
                key.name, key.meaning
            )))
        }
        Type::Duration => duration_problem(node, &scalar.text),
        Type::Choice(words) if !words.contains(&scalar.text.as_str()) => {
            Some(not_a_word(node, key, &scalar.text, words))
        }
        Type::Version if scalar.text != "1" => Some(
            Diagnostic::error(
                "version",
                format!(
                    "`{}` is no version of the plan format that this program knows",
                    scalar.text
                ),
            )
            .at(node.span)
            .help("write `version: 1`, or take a newer deploy-action"),
        ),
        Type::Regex => regex_problem(node, &scalar.text),
        _ => None,
    };
    problems.extend(problem);
}

fn noun_of(ty: Type) -> &'static str {
    match ty {
        Type::Number => "a number",
        Type::Boolean => "a boolean",
        Type::Duration => "a duration",
        Type::Path => "a path",
        Type::Name => "a name",
        Type::Regex => "a regular expression",
        Type::Choice(_) => "a word",
        Type::Version => "the number 1",
        Type::Condition => "a condition",
        Type::List(_) => "a list",
        Type::Map(_) | Type::Object(_) => "a map",
        Type::Text | Type::Value | Type::Requirement => "a text",
    }
}

fn wrong_type(node: &Node, key: &Key, expected: &str) -> Diagnostic {
    Diagnostic::error(
        "type",
        format!(
            "`{}` wants {expected}, and this is {}",
            key.name,
            node.shape()
        ),
    )
    .at(node.span)
}

fn not_a_word(node: &Node, key: &Key, found: &str, words: &[&'static str]) -> Diagnostic {
    let help = match nearest(found, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write {}", list_ticked(words)),
    };
    Diagnostic::error("not-a-word", format!("`{found}` is no `{}`", key.name))
        .at(node.span)
        .help(help)
}

fn duration_problem(node: &Node, text: &str) -> Option<Diagnostic> {
    let error = duration::parse(text).err()?;
    let problem = Diagnostic::error("duration", error.to_string()).at(node.span);
    Some(match error.hint() {
        Some(hint) => problem.help(hint),
        None => problem.help("`90s`, `15m`, `2h` or `7d`"),
    })
}

fn regex_problem(node: &Node, text: &str) -> Option<Diagnostic> {
    let error = regex::Regex::new(text).err()?;
    let reason = error.to_string();
    let last_line = reason
        .lines()
        .last()
        .unwrap_or("it cannot be read")
        .trim_start_matches("error: ");
    Some(
        Diagnostic::error(
            "regex",
            format!("`{text}` is not a regular expression: {last_line}"),
        )
        .at(node.span)
        .help("the syntax is that of the Rust crate `regex`: no look-around, no back-references"),
    )
}

fn refuse_expression(node: &Node, scalar: &Scalar, key: &Key) -> Diagnostic {
    if key.name == "script" || key.name == "make" {
        let expression = first_expression(&scalar.text);
        let name = variable_name(expression);
        return Diagnostic::error("expression-in-script", format!("no expressions stand in `{}`: their text would become program text", key.name))
            .at(node.span)
            .help(format!("give the value by the task's variables, `env: {{ {name}: \"{expression}\" }}`, and write `\"${name}\"`"));
    }
    Diagnostic::error("expression", format!("`{}` takes no expressions", key.name))
        .at(node.span)
        .help("write it out; what varies between runs is an input and stands where the grammar shows `$`")
}

fn first_expression(text: &str) -> &str {
    let start = text.find("${{").unwrap_or(0);
    let end = text[start..]
        .find("}}")
        .map_or(text.len(), |offset| start + offset + 2);
    &text[start..end]
}

/// A name for the variable that carries the value of an expression: `${{ inputs.region }}` gives `REGION`.
fn variable_name(expression: &str) -> String {
    let inner = expression
        .trim_start_matches("${{")
        .trim_end_matches("}}")
        .trim();
    let last = inner
        .rsplit(|character: char| {
            !character.is_ascii_alphanumeric() && character != '-' && character != '_'
        })
        .next();
    let name = last.unwrap_or("VALUE").replace('-', "_").to_uppercase();
    if name.is_empty() {
        "VALUE".to_owned()
    } else {
        name
    }
}
