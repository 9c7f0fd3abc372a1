use proptest::prelude::*;

use super::{hash, read};
use crate::expression::{Expression, Template, Value};

/// Texts of expressions, mostly right ones.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("NaN".to_owned()),
        any::<f64>()
            .prop_filter("only numbers that can be written", |number| number
                .is_finite())
            .prop_map(|number| format!("{number:e}")),
        "[a-z'{}0-9 ]{0,6}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        Just("inputs.region".to_owned()),
        Just("inputs".to_owned()),
        Just("tasks.server.outputs.ports".to_owned()),
        Just("tasks.*.outputs.legs".to_owned()),
        Just("tasks.later.outputs.x".to_owned()),
        Just("secrets.PASSWORD".to_owned()),
        Just("secrets.EMPTY".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|value| format!("!{value}")),
            inner.clone().prop_map(|value| format!("({value})")),
            inner
                .clone()
                .prop_map(|value| format!("({value} || 1)['a b'].*")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left}[{right}]")),
            (
                inner.clone(),
                prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "&&", "||"]),
                inner.clone()
            )
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
            (
                prop::sample::select(vec![
                    "contains",
                    "startswith",
                    "endsWith",
                    "format",
                    "join",
                    "toJSON",
                    "fromJson",
                    "hashFiles",
                    "case"
                ]),
                prop::collection::vec(inner, 0..4)
            )
                .prop_map(|(name, values)| format!("{name}({})", values.join(", "))),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}", offset in any::<usize>()) {
        for result in [Expression::parse(&text, offset), Expression::parse_condition(&text, offset)] {
            if let Err(error) = result {
                prop_assert!(error.span.start <= error.span.end);
            }
        }
    }

    #[test]
    fn no_mixture_of_signs_makes_the_parser_panic(
        text in r"(\$\{\{|\}\}|'|[a-c(){}\[\].,!=<>&|*0-9 +-]|ä|format|true){0,30}",
        scale in 0usize..4,
    ) {
        if let Err(problems) = Template::parse_mapped(&text, &|at| at * scale) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn what_is_written_is_read_again_as_the_same(text in expressions()) {
        if let Ok(expression) = Expression::parse(&text, 0) {
            let written = expression.to_string();
            let again = Expression::parse(&written, 0);
            prop_assert_eq!(again.as_ref(), Ok(&expression), "{} as {}", text, written);
        }
    }

    #[test]
    fn an_evaluation_ends_and_lets_no_secret_out(text in expressions()) {
        if let Ok(expression) = Expression::parse(&text, 0) {
            match expression.evaluate(&read, &hash) {
                Ok(value) => prop_assert!(!shown(&value).contains("hunter2"), "{}", value),
                Err(error) => prop_assert!(!format!("{error:?}").contains("hunter2"), "{:?}", error),
            }
        }
    }
}

fn shown(value: &Value) -> String {
    format!("{value} {value:?}")
}
