use proptest::prelude::*;

use super::{FieldPath, Measure, Observed, Requirement, RequirementError, Verdict};
use crate::{expression::Value, plan::duration, secret::Secret};

fn requirement(json: &serde_json::Value) -> Requirement {
    Requirement::parse(&json.clone().into()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn judge(required: serde_json::Value, observed: serde_json::Value, measure: Measure) -> Verdict {
    requirement(&required).judge(&Observed::new(observed, measure))
}

/// Checks rows of (required, observed, whether it holds).
fn check(measure: Measure, rows: &[(serde_json::Value, serde_json::Value, bool)]) {
    for (required, observed, holds) in rows {
        let verdict = judge(required.clone(), observed.clone(), measure);
        assert_eq!(
            verdict.holds(),
            *holds,
            "{required} of {observed}: {verdict:?}"
        );
    }
}

macro_rules! rows {
    ($($required:tt of $observed:tt is $holds:literal),* $(,)?) => {
        &[$((serde_json::json!($required), serde_json::json!($observed), $holds)),*]
    };
}

#[test]
fn plain_values_are_equal_as_scalars() {
    check(
        Measure::Plain,
        rows![
            200 of 200 is true,
            200 of "200" is true,
            "200" of 200 is true,
            200 of 301 is false,
            "True" of "True" is true,
            "True" of "true" is false,
            true of true is true,
            true of "true" is true,
            "= 200" of 200 is true,
            "= <html>" of "<html>" is true,
            "<html>" of "<html>" is true,
            "~/data" of "~/data" is true,
            "1.0" of "1" is false,
            1 of "1.0" is true,
            "512Mi" of "0.5Gi" is true,
            "a" of null is false,
            { "a": [1, "x"] } of { "a": ["1", "x"] } is true,
            { "a": 1 } of { "a": 1, "b": 2 } is false,
        ],
    );
}

#[test]
fn a_list_is_one_of_one_and_all_of_many() {
    check(
        Measure::Plain,
        rows![
            [200, 204] of 204 is true,
            [200, 204] of 301 is false,
            [null, 0] of null is true,
            [null, 0] of 1 is false,
            8088 of [8088, 9418] is true,
            80 of [8088, 9418] is false,
            [8088, 9418] of [9418, 1, 8088] is true,
            [8088, 80] of [8088, 9418] is false,
            ["= < x", "b"] of "< x" is true,
            [] of [] is true,
            [] of null is true,
            [] of [1] is false,
        ],
    );
}

#[test]
fn operators_hold_for_every_element_and_never_for_nothing() {
    check(
        Measure::Plain,
        rows![
            "!= root" of "app" is true,
            "!= root" of "root" is false,
            "!= root" of null is false,
            "!= 5001" of [8088, 9418] is true,
            "!= 5001" of [8088, 5001] is false,
            "< 3" of [1, 2] is true,
            "< 3" of [1, 3] is false,
            "< 3" of [1, null] is false,
            "< 3" of null is false,
            "< 3" of [] is true,
            "~ row-level security" of "violates row-level security policy" is true,
            "~ ^level" of "row-level" is false,
            "!~ :latest$" of ["a:1", "b:2"] is true,
            "!~ :latest$" of ["a:1", "b:latest"] is false,
            "!~ x" of null is false,
            "~ 20." of 204 is true,
            "~ x" of { "a": "x" } is false,
        ],
    );
}

#[test]
fn null_is_absence() {
    check(
        Measure::Plain,
        rows![
            null of null is true,
            null of [] is true,
            null of [null] is true,
            null of 0 is false,
            "= null" of null is true,
            "!= null" of 0 is true,
            "!= null" of null is false,
            "!= null" of [] is false,
            "!= null" of [1, null] is false,
        ],
    );
}

#[test]
fn plain_values_are_ordered_by_what_both_can_be() {
    check(
        Measure::Plain,
        rows![
            ">= 2" of 2 is true,
            "> 2" of 2 is false,
            "> 9" of "10" is true,
            "< 1.5e3" of 1000 is true,
            "<= 1Gi" of "512Mi" is true,
            "<= 1Gi" of "2Gi" is false,
            ">= 1.29" of "v1.30.1" is true,
            "< 90s" of "1m" is true,
            "> 2026-01-01" of "2026-11-20T08:00:00Z" is true,
            "> 1.2.3" of 2 is true,
            "< 100ms" of 5 is false,
            "> 100ms" of 5000 is false,
            "< 3" of "two" is false,
            "< 3" of true is false,
        ],
    );
}

#[test]
fn quantities_are_compared_in_their_units() {
    check(
        Measure::Duration,
        rows![
            "< 100ms" of 99.5 is true,
            "< 100ms" of 100 is false,
            "<= 2h" of 7_200_000 is true,
            "> 30d" of 2_592_001_000_u64 is true,
            "1.5s" of 1500 is true,
            "!= 90s" of 90_000 is false,
            ["1s", "2s"] of 2000 is true,
            null of null is true,
        ],
    );
    check(
        Measure::Bytes,
        rows![
            "< 500MB" of 499_999_999 is true,
            "< 500 MB" of 500_000_000 is false,
            "1GiB" of 1_073_741_824 is true,
            "> 1GiB" of 1_073_741_825 is true,
        ],
    );
    check(
        Measure::Share,
        rows![
            "< 0.1%" of 0.0009 is true,
            "< 0.1%" of 0.001 is false,
            "0.1%" of 0.001 is true,
        ],
    );
    check(
        Measure::Version,
        rows![
            ">= 1.29" of "v1.29.3" is true,
            "1.29" of "1.29.0" is true,
            "= 1.29" of "1.29.3" is false,
            "< 1.10" of "1.9" is true,
            "< 2" of "2.0.0-rc.1" is true,
            "~ ^v1" of "v1.2" is true,
        ],
    );
    check(
        Measure::Time,
        rows![
            "> 2026-11-20" of "2026-11-20T00:00:01Z" is true,
            "= 2026-11-20T01:00:00+01:00" of "2026-11-20T00:00:00Z" is true,
            "< 2026-11-20T00:00:00Z" of "later" is false,
        ],
    );
}

#[test]
fn a_verdict_says_what_was_found_with_its_unit() {
    for (required, observed, measure, because) in [
        (
            serde_json::json!(200),
            serde_json::json!(301),
            Measure::Plain,
            "found 301",
        ),
        (
            "< 100ms".into(),
            230.456.into(),
            Measure::Duration,
            "found 230.46ms",
        ),
        ("< 1s".into(), 1500.into(), Measure::Duration, "found 1.5s"),
        (
            "< 1h".into(),
            7_200_000.into(),
            Measure::Duration,
            "found 2h",
        ),
        (
            "< 1MB".into(),
            1_500_000.into(),
            Measure::Bytes,
            "found 1.5MB",
        ),
        ("< 0.1%".into(), 0.003.into(), Measure::Share, "found 0.3%"),
        (
            "!= root".into(),
            serde_json::Value::Null,
            Measure::Plain,
            "nothing was observed",
        ),
        (
            serde_json::json!([1, 2]),
            serde_json::json!([1, 3]),
            Measure::Plain,
            "2 is not among [1, 3]",
        ),
        (
            "!= 3".into(),
            serde_json::json!([1, 3]),
            Measure::Plain,
            "[1]: found 3",
        ),
        (
            "< 3".into(),
            "two".into(),
            Measure::Plain,
            "found two, which cannot be compared with `3`",
        ),
    ] {
        let verdict = judge(required, observed, measure);
        let expected = Verdict::Failed {
            because: because.to_owned(),
        };
        assert_eq!(verdict, expected);
    }
}

#[test]
fn a_unit_is_asked_for_where_the_observation_has_one() {
    for (required, measure, message, hint) in [
        (
            serde_json::json!("< 100"),
            Measure::Duration,
            "`100` has no unit, and the observation has one",
            Some("`\"< 100ms\"`"),
        ),
        (
            serde_json::json!(100),
            Measure::Duration,
            "`100` has no unit, and the observation has one",
            Some("`\"100ms\"`"),
        ),
        (
            serde_json::json!(["1GiB", 500]),
            Measure::Bytes,
            "`500` has no unit, and the observation has one",
            Some("`\"500MB\"`"),
        ),
        (
            serde_json::json!("<= 0.1"),
            Measure::Share,
            "`0.1` has no unit, and the observation has one",
            Some("`\"<= 0.1%\"`"),
        ),
        (
            serde_json::json!("< 5MB"),
            Measure::Duration,
            "`5MB` is no duration, and the observation is one",
            Some("`100ms`, `90s`, `15m`, `2h`, `30d`"),
        ),
        (
            serde_json::json!("~ 1"),
            Measure::Share,
            "`~` is for texts, and the observation is a share",
            None,
        ),
        (
            serde_json::json!("soon"),
            Measure::Time,
            "`soon` is no time, and the observation is one",
            Some("`2026-11-20T08:00:00Z`"),
        ),
    ] {
        let error = requirement(&required)
            .fits(measure)
            .expect_err("it does not fit");
        assert_eq!(error.to_string(), message, "{required}");
        assert_eq!(error.hint().as_deref(), hint, "{required}");
    }
    for (required, measure) in [
        (serde_json::json!("< 100"), Measure::Plain),
        (serde_json::json!("< 100ms"), Measure::Duration),
        (serde_json::json!(null), Measure::Bytes),
        (serde_json::json!(1.29), Measure::Version),
    ] {
        assert_eq!(requirement(&required).fits(measure), Ok(()), "{required}");
    }
}

#[test]
fn a_wrong_requirement_is_told_what_to_write() {
    for (required, message, hint) in [
        (serde_json::json!("<"), "`<` has no value", None),
        (serde_json::json!("!= "), "`!=` has no value", None),
        (
            serde_json::json!(">=1"),
            "an operator, a space and a value are expected, found `>=1`",
            Some("`>= 1`; for the text itself, `= >=1`"),
        ),
        (
            serde_json::json!("!=root"),
            "an operator, a space and a value are expected, found `!=root`",
            Some("`!= root`; for the text itself, `= !=root`"),
        ),
        (
            serde_json::json!(["< 1", 2]),
            "an operator cannot stand in a list, found `< 1`",
            Some("an operator stands alone; for the text itself, `= < 1`"),
        ),
        (
            serde_json::json!("< soon"),
            "`soon` has no order",
            Some(
                "a number, a duration (`90s`), a size (`500MB`), a share (`0.1%`), a version or a time has one",
            ),
        ),
        (
            serde_json::json!("~ (a"),
            "`(a` is no regular expression: unclosed group",
            None,
        ),
    ] {
        let error = Requirement::parse(&required.clone().into()).expect_err("it is wrong");
        assert_eq!(error.to_string(), message, "{required}");
        assert_eq!(error.hint().as_deref(), hint, "{required}");
    }
}

#[test]
fn secrets_are_neither_required_nor_judged_nor_shown() {
    let secret = Value::Secret(Secret::new("hunter2"));
    assert_eq!(Requirement::parse(&secret), Err(RequirementError::Secret));
    let verdict = requirement(&"hunter2".into()).judge(&Observed::plain(secret));
    assert_eq!(
        verdict,
        Verdict::Failed {
            because: "a secret is not judged".to_owned()
        }
    );
}

#[test]
fn a_requirement_is_written_for_reports() {
    for (required, words) in [
        (serde_json::json!(200), "200"),
        (serde_json::json!(null), "absent"),
        (serde_json::json!([8088, "a"]), "[8088, a]"),
        (serde_json::json!("<   100ms"), "< 100ms"),
        (serde_json::json!("!= null"), "!= null"),
        (serde_json::json!("!~ a b"), "!~ a b"),
        (serde_json::json!("= < 5"), "= < 5"),
        (serde_json::json!("= 5"), "5"),
    ] {
        assert_eq!(requirement(&required).to_string(), words);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_requirement_or_an_error_and_judges_anything(
        text in "([!<>=~]{0,2} ?)?[a-z0-9.%*+-]{0,8}",
        observed in prop_oneof![
            any::<f64>().prop_map(Value::Number),
            "\\PC{0,10}".prop_map(Value::Text),
            Just(Value::Null),
            Just(Value::List(vec![Value::Boolean(true), Value::Null])),
        ],
    ) {
        if let Ok(requirement) = Requirement::parse(&text.clone().into()) {
            for measure in [
                Measure::Plain, Measure::Duration, Measure::Bytes, Measure::Share, Measure::Version, Measure::Time,
            ] {
                let verdict = requirement.judge(&Observed::new(observed.clone(), measure));
                prop_assert_ne!(&verdict, &Verdict::Failed { because: String::new() });
                // What does not fit a quantity cannot hold for one that was seen as a number.
                if requirement.fits(measure).is_err() && matches!(observed, Value::Number(_)) {
                    let is_pattern = text.starts_with('~') || text.starts_with("!~");
                    prop_assert!(is_pattern || !verdict.holds(), "{} of {:?}", text, observed);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_path_or_an_error(text in r#"[ab.\[\]"'0*]{0,12}"#) {
        if let Ok(path) = FieldPath::parse(&text) {
            prop_assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
        }
    }

    #[test]
    fn any_text_is_a_duration_or_an_error(text in "[0-9.]{0,22}[smhd -]{0,3}[0-9]{0,2}[smhd]{0,1}") {
        if let Err(error) = duration::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
            error.hint();
        }
    }

    #[test]
    fn a_written_duration_is_read_again(milliseconds in 0_u64..1_000_000_000_000) {
        let length = std::time::Duration::from_millis(milliseconds);
        if length <= duration::LONGEST {
            prop_assert_eq!(duration::parse_threshold(&duration::text(length)), Ok(length));
        }
    }
}
