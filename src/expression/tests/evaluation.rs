use std::cell::RefCell;

use super::{evaluate, hash, read, value};
use crate::expression::{EvaluationProblem, Expression, ReadError, Value};

fn json(value: Value) -> serde_json::Value {
    value.into()
}

#[test]
fn comparisons_are_githubs() {
    for (text, expected) in [
        ("1 == 1", true),
        ("'a' == 'A'", true),
        ("'a' != 'A'", false),
        ("'ä' == 'Ä'", true),
        ("null == null", true),
        ("null == 0", true),
        ("null == ''", true),
        ("null == false", true),
        ("true == 1", true),
        ("true == '1'", true),
        ("true == 'true'", false),
        ("false == ''", true),
        ("'' == 0", true),
        ("' 1 ' == 1", true),
        ("'0xff' == 255", true),
        ("'1' == '1.0'", false),
        ("NaN == NaN", false),
        ("NaN != NaN", true),
        ("'abc' == 0", false),
        ("fromJSON('[]') == fromJSON('[]')", false),
        ("fromJSON('[]') != 0", true),
        ("1 < 2", true),
        ("2 <= 2", true),
        ("'abc' < 'DEF'", true),
        ("'b' < 'a'", false),
        ("false < true", true),
        ("false < 'x'", false),
        ("true < Infinity", true),
        ("-1 < null", true),
        ("NaN < 1", false),
        ("NaN >= 1", false),
        ("null < fromJSON('{}')", false),
        ("'10' > '9'", false),
        ("'10' > 9", true),
    ] {
        assert_eq!(value(text), Value::Boolean(expected), "{text}");
    }
}

#[test]
fn operators_bind_as_on_github() {
    for (text, expected) in [
        ("!2 < 3", true),
        ("!(2 < 3)", false),
        ("3 < 2 < 1", true),
        ("3 < (2 < 1)", false),
        ("1 == 1 < 2", true),
        ("true || false && false", true),
        ("(true || false) && false", false),
        ("!true || true", true),
        ("!!'x'", true),
        ("2 > 1 == true", true),
    ] {
        assert_eq!(value(text), Value::Boolean(expected), "{text}");
    }
}

#[test]
fn logic_returns_operands() {
    for (text, expected) in [
        ("'' || 'b'", Value::from("b")),
        ("'a' || 'b'", "a".into()),
        ("'a' && 'b'", "b".into()),
        ("0 && 'b'", 0.0.into()),
        ("null || 0 || 'c' || 'd'", "c".into()),
        ("false || null", Value::Null),
        ("inputs.ready && 'yes' || 'no'", "yes".into()),
        (
            "tasks.server.outputs.nothing || inputs.region",
            "dfw".into(),
        ),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn functions_answer_githubs_documented_examples() {
    for (text, expected) in [
        ("contains('Hello world', 'llo')", serde_json::json!(true)),
        ("contains('Hello world', 'LLO')", true.into()),
        ("contains('a', null)", true.into()),
        ("contains(null, 'a')", false.into()),
        (
            "contains(fromJSON('[\"push\", \"pull_request\"]'), 'PUSH')",
            true.into(),
        ),
        ("contains(fromJSON('[1, 2]'), '2')", true.into()),
        ("contains(fromJSON('[[]]'), fromJSON('[]'))", false.into()),
        ("contains(123, 2)", true.into()),
        ("startsWith('Hello world', 'he')", true.into()),
        ("endsWith('Hello world', 'LD')", true.into()),
        ("startsWith(true, 'tr')", true.into()),
        ("startsWith(fromJSON('[]'), '')", false.into()),
        (
            "format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')",
            "Hello Mona the Octocat".into(),
        ),
        (
            "format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')",
            "{Hello Mona the Octocat!}".into(),
        ),
        ("format('{0}{0}', 1.50)", "1.51.5".into()),
        (
            "join(tasks.server.outputs.labels.*.name, ', ')",
            "bug, help".into(),
        ),
        ("join(tasks.server.outputs.ports)", "8088,9418".into()),
        ("join('abc')", "abc".into()),
        ("join(fromJSON('[]'), '-')", "".into()),
        (
            "toJSON(fromJSON('{\"a\":[1,\"b\"],\"c\":{}}'))",
            "{\n  \"a\": [\n    1,\n    \"b\"\n  ],\n  \"c\": {}\n}".into(),
        ),
        ("fromJSON('true')", true.into()),
        ("fromJSON(3)", 3.into()),
        (
            "hashFiles('**/Cargo.lock', 'a')",
            "hash of **/Cargo.lock a".into(),
        ),
        (
            "case(false, 'first', true, 'second', 'default')",
            "second".into(),
        ),
        ("case(false, 'first', '')", "".into()),
        ("TOJSON('x')", "\"x\"".into()),
        ("'It''s open source!'", "It's open source!".into()),
    ] {
        assert_eq!(json(value(text)), expected, "{text}");
    }
}

#[test]
fn ways_into_values_are_githubs() {
    for (text, expected) in [
        ("tasks.server.outputs.ports[1]", serde_json::json!(9418)),
        ("tasks.server.outputs.ports['1']", 9418.into()),
        ("tasks.server.outputs.ports[1.9]", 9418.into()),
        ("tasks.server.outputs.ports[2]", serde_json::Value::Null),
        ("tasks.server.outputs.ports[-1]", serde_json::Value::Null),
        ("tasks.server.outputs.legs[matrix.service]", "a".into()),
        ("tasks['server'].outputs['legs'].hub", "b".into()),
        (
            "tasks.server.outputs.legs.none.deeper",
            serde_json::Value::Null,
        ),
        ("tasks.server.outputs.legs.*", serde_json::json!(["a", "b"])),
        (
            "tasks.server.outputs.labels[*].name",
            serde_json::json!(["bug", "help"]),
        ),
        ("tasks.*.outputs.ports[0]", serde_json::json!([8088])),
        ("tasks.*.outputs.ports.*", serde_json::json!([8088, 9418])),
        ("inputs.region.*", serde_json::json!([])),
        ("matrix.leg.name", "one".into()),
        (
            "matrix",
            serde_json::json!({ "service": "api", "leg": { "Name": "one" } }),
        ),
        ("fromJSON('{\"a\":{\"b\":1}}').a.b", 1.into()),
        ("(fromJSON('[[1, 2]]'))[0][1]", 2.into()),
        ("(inputs.region == 'dfw').x", serde_json::Value::Null),
    ] {
        assert_eq!(json(value(text)), expected, "{text}");
    }
}

#[test]
fn a_reader_is_asked_for_whole_values_and_only_for_what_is_needed() {
    for (text, expected) in [
        (
            "tasks.server.outputs.legs.api",
            vec!["tasks.server.outputs.legs"],
        ),
        ("inputs.region.deeper", vec!["inputs.region"]),
        (
            "tasks[matrix.service].outputs.x || 1",
            vec!["matrix.service", "tasks.api.outputs.x"],
        ),
        ("toJSON(matrix)", vec!["matrix"]),
        ("false && inputs.region", vec![]),
        ("'a' || inputs.region", vec![]),
        (
            "case(true, inputs.region, inputs.count)",
            vec!["inputs.region"],
        ),
        (
            "format('{1}', inputs.region, inputs.count)",
            vec!["inputs.count"],
        ),
    ] {
        let asked = RefCell::new(Vec::new());
        let reader = |reference: &crate::expression::Reference| {
            asked.borrow_mut().push(reference.to_string());
            Ok(read(reference).unwrap_or_default())
        };
        let expression = Expression::parse(text, 0).expect("the text is an expression");
        expression
            .evaluate(&reader, &hash)
            .expect("the expression has a value");
        assert_eq!(asked.into_inner(), expected, "{text}");
    }
}

#[test]
fn errors_of_the_reader_come_through_with_their_place() {
    let error = evaluate("inputs.ready && tasks.later.outputs.x").expect_err("it has not ended");
    assert_eq!(
        error.read_error(),
        Some(&ReadError::NotYet {
            task: "later".to_owned()
        })
    );
    assert_eq!(error.span, 16..37);
    assert_eq!(error.to_string(), "task `later` has not ended");
    let error = evaluate("!decisions.open").expect_err("nobody answered");
    assert!(matches!(error.read_error(), Some(ReadError::Open { decision }) if decision == "open"));
}

#[test]
fn what_has_no_value_says_why() {
    for (text, message, span) in [
        (
            "format('{0}', tasks.server.outputs.nothing)",
            "`tasks.server.outputs.nothing` is null, and inside a text that is an error",
            14..42,
        ),
        (
            "format('{0}', tasks.server.outputs.ports)",
            "`tasks.server.outputs.ports` is a list, which cannot stand inside a text",
            14..40,
        ),
        (
            "join(fromJSON('[1, null]'))",
            "`fromJSON('[1, null]')[1]` is null, and inside a text that is an error",
            5..26,
        ),
        (
            "format('{2}', 'a')",
            "`format` cannot read its pattern: there is no value for `{2}`",
            0..18,
        ),
        (
            "format('{', 'a')",
            "`format` cannot read its pattern: a `{` is not closed",
            0..16,
        ),
        (
            "fromJSON('{')",
            "`fromJSON` cannot read this: EOF while parsing an object at line 1 column 1",
            0..13,
        ),
        (
            "case('x', 1, 2)",
            "a condition of `case` is true or false, found text",
            5..8,
        ),
        (
            "hashFiles('unreadable')",
            "`hashFiles` failed: `unreadable` cannot be read",
            0..23,
        ),
    ] {
        let error = evaluate(text).expect_err(text);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.span, span, "{text}");
    }
}

#[test]
fn a_null_in_a_text_names_the_reference_that_was_looked_at_last() {
    let error = evaluate("format('{0}', inputs.empty && 1 && 2 || tasks.server.outputs.nothing)")
        .expect_err("both are empty");
    let EvaluationProblem::NullInText { reference, .. } = error.problem else {
        panic!("another problem: {error}");
    };
    let name = reference.map(|reference| reference.to_string());
    assert_eq!(name.as_deref(), Some("tasks.server.outputs.nothing"));
}

#[test]
fn a_condition_is_true_or_false() {
    for (text, expected) in [
        ("inputs.region", true),
        ("inputs.empty", false),
        ("inputs.count", true),
        ("tasks.server.outputs.nothing", false),
        ("tasks.server.outputs.ports", true),
    ] {
        let condition = Expression::parse_condition(text, 0).expect("the text is a condition");
        assert_eq!(
            condition.evaluate_condition(&read, &hash),
            Ok(expected),
            "{text}"
        );
    }
}

#[test]
fn nested_texts_neither_grow_nor_take_time_without_limit() {
    let nested = |innermost: &str| {
        (0..40).fold(innermost.to_owned(), |text, _| {
            format!("format('{{0}}{{0}}', {text})")
        })
    };
    let error = evaluate(&nested("'0123456789'")).expect_err("it would have 10 TB");
    assert!(
        matches!(error.problem, EvaluationProblem::TooLarge { .. }),
        "{error}"
    );
    assert_eq!(evaluate(&nested("''")), Ok("".into()));
}
