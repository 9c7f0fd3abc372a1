use super::{evaluate, hash, read, value};
use crate::expression::{Expression, Template, Value};

fn exposed(value: &Value) -> Option<&str> {
    match value {
        Value::Secret(secret) => Some(secret.expose()),
        _ => None,
    }
}

#[test]
fn what_is_computed_from_a_secret_is_secret() {
    for (text, expected) in [
        ("secrets.PASSWORD", "hunter2"),
        ("secrets.EMPTY || secrets.PASSWORD", "hunter2"),
        ("secrets.EMPTY || 'default'", "default"),
        ("secrets.EMPTY || 5432", "5432"),
        ("inputs.ready && secrets.PASSWORD", "hunter2"),
        ("secrets.PASSWORD && 'yes'", "yes"),
        ("format('{0}:{1}', 'app', secrets.PASSWORD)", "app:hunter2"),
        ("format(secrets.PASSWORD)", "hunter2"),
        ("join(fromJSON('[1, 2]'), secrets.PASSWORD)", "1hunter22"),
        ("join(secrets.PASSWORD)", "hunter2"),
        ("toJSON(secrets.PASSWORD)", "\"hunter2\""),
        ("fromJSON(secrets.JSON).password", "hunter2"),
        ("fromJSON(secrets.JSON).port", "5432"),
        ("fromJSON(secrets.JSON).auto", "false"),
    ] {
        assert_eq!(exposed(&value(text)), Some(expected), "{text}");
    }
}

#[test]
fn a_secret_that_was_not_used_taints_nothing() {
    for (text, expected) in [
        ("inputs.region || secrets.PASSWORD", Value::from("dfw")),
        ("format('{0}', 'a', secrets.PASSWORD)", "a".into()),
        ("case(inputs.ready, 'a', secrets.PASSWORD)", "a".into()),
        ("join(fromJSON('[1]'), secrets.PASSWORD)", "1".into()),
        ("fromJSON(secrets.JSON).none", Value::Null),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn a_secret_is_not_judged() {
    for (text, message) in [
        (
            "secrets.PASSWORD == ''",
            "`==` would tell something of a secret",
        ),
        (
            "'a' < secrets.PASSWORD",
            "`<` would tell something of a secret",
        ),
        ("!secrets.PASSWORD", "`!` would tell something of a secret"),
        (
            "contains(secrets.PASSWORD, 'h')",
            "`contains` would tell something of a secret",
        ),
        (
            "startsWith('h', secrets.PASSWORD)",
            "`startsWith` would tell something of a secret",
        ),
        (
            "secrets.PASSWORD && true",
            "the answer of `&&` would tell something of a secret",
        ),
        (
            "case(secrets.PASSWORD, 1, 2)",
            "a condition of `case` would tell something of a secret",
        ),
        (
            "hashFiles(secrets.PASSWORD)",
            "`hashFiles` would tell something of a secret",
        ),
        (
            "inputs[secrets.PASSWORD]",
            "an index would tell something of a secret",
        ),
        (
            "fromJSON(secrets.JSON) == 1",
            "`==` would tell something of a secret",
        ),
    ] {
        let error = evaluate(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
    let condition = Expression::parse_condition("secrets.PASSWORD", 3).expect("it is a condition");
    let error = condition
        .evaluate_condition(&read, &hash)
        .expect_err("a condition tells");
    assert_eq!(
        error.to_string(),
        "this condition would tell something of a secret"
    );
    assert_eq!(error.span, 3..19);
}

#[test]
fn no_error_repeats_a_secret() {
    for text in [
        "fromJSON(secrets.PASSWORD)",
        "format(format('{0}{{', secrets.PASSWORD))",
        "format('{0}', fromJSON(secrets.JSON))",
        "secrets.PASSWORD == 1",
    ] {
        let error = evaluate(text).expect_err(text);
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

#[test]
fn a_text_with_a_secret_in_it_is_secret() {
    let template = Template::parse(
        "postgres://app:${{ secrets.PASSWORD }}@db/${{ inputs.region }}",
        0,
    )
    .expect("it is a template");
    let value = template.evaluate(&read, &hash).expect("it has a value");
    assert_eq!(exposed(&value), Some("postgres://app:hunter2@db/dfw"));
}
