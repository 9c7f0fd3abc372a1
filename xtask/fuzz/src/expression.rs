//! An expression of any text.

use deploy_action::{
    expression::{
        EvaluationError, Expression, ExpressionProblem, Part, ReadError, Reference, Template, Value,
    },
    secret::Secret,
};

/// What is read for every secret; no value and no error may show it.
const SECRET: &str = "hunter2-canary";

/// Reads the input as an expression, as a condition and as a text with expressions.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for parsed in [
        Expression::parse(text, 7),
        Expression::parse_condition(text, 7),
    ] {
        match parsed {
            Ok(expression) => holds(&expression),
            Err(error) => {
                let (start, end) = (error.span.start, error.span.end);
                assert!(
                    7 <= start && start <= end && end <= 7 + text.len(),
                    "{error:?} lies outside of {text:?}"
                );
            }
        }
    }
    match Template::parse(text, 7) {
        Ok(template) => {
            for part in template.parts() {
                if let Part::Expression(expression) = part {
                    holds(expression);
                }
            }
            lets_no_secret_out(text, &template.evaluate(&read, &hash));
        }
        Err(problems) => assert!(!problems.is_empty(), "{text:?} is refused without a reason"),
    }
}

/// What is written is read again as the same, and means the same.
fn holds(expression: &Expression) {
    let written = expression.to_string();
    match Expression::parse(&written, 0) {
        Ok(again) => {
            assert_eq!(&again, expression, "{:?} as {written:?}", expression.text());
            assert_eq!(again.to_string(), written, "it is its own canonical form");
            assert_eq!(
                told(&expression.evaluate(&read, &hash)),
                told(&again.evaluate(&read, &hash)),
                "{:?} as {written:?}",
                expression.text()
            );
        }
        // What the canonical form adds, parentheses and spaces, may carry it over the limits.
        Err(error) => assert!(
            matches!(
                error.problem,
                ExpressionProblem::TooLong { .. } | ExpressionProblem::TooDeep { .. }
            ),
            "{:?} as {written:?} is not read again: {error}",
            expression.text()
        ),
    }
    lets_no_secret_out(expression.text(), &expression.evaluate(&read, &hash));
    drop(expression.evaluate_condition(&read, &hash));
    for reference in expression.references() {
        assert!(
            !reference.to_string().is_empty(),
            "a reference without a name"
        );
    }
    drop(expression.comparisons_with_text());
}

fn lets_no_secret_out(text: &str, evaluated: &Result<Value, EvaluationError>) {
    let mut shown = told(evaluated);
    if let Ok(value) = evaluated {
        shown.push_str(&format!(
            "{value:?} {}",
            serde_json::Value::from(value.clone())
        ));
    }
    assert!(
        !shown.contains(SECRET) || text.contains(SECRET),
        "{text:?} shows a secret: {shown}"
    );
}

/// What an evaluation comes to, without the places of problems, which differ between two ways of writing.
fn told(evaluated: &Result<Value, EvaluationError>) -> String {
    match evaluated {
        Ok(value) => format!("{} {value}", value.type_name()),
        Err(error) => error.problem.to_string(),
    }
}

/// What an expression can read.
fn read(reference: &Reference) -> Result<Value, ReadError> {
    let names = reference.names();
    if reference.root == "secrets" {
        return Ok(Value::Secret(Secret::new(match names.first() {
            Some(&"EMPTY") => String::new(),
            Some(&"JSON") => format!("{{\"password\": \"{SECRET}\", \"port\": 5432}}"),
            Some(_) | None => SECRET.to_owned(),
        })));
    }
    let world: Value = serde_json::json!({
        "inputs": { "region": "dfw", "count": 3, "ready": true, "empty": "" },
        "tasks": { "server": { "outputs": {
            "reference": "ghcr.io/o/r@sha256:1",
            "ports": [8088, 9418],
            "legs": { "api": "a", "hub": "b" },
            "labels": [{ "name": "bug" }, { "other": 1 }],
            "nothing": null
        } } }
    })
    .into();
    let mut value = world.get(&reference.root);
    for name in names {
        value = value.and_then(|value| value.get(name));
    }
    value.cloned().ok_or_else(|| ReadError::Unknown {
        what: "value".to_owned(),
        name: reference.to_string(),
        nearest: None,
    })
}

fn hash(patterns: &[String]) -> Result<String, String> {
    match patterns {
        [single] if single == "unreadable" => Err("`unreadable` cannot be read".to_owned()),
        patterns => Ok(format!("hash of {}", patterns.join(" "))),
    }
}
