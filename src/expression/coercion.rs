//! Truth, equality and order, as GitHub has them.

use std::cmp::Ordering;

use super::{number::coerce_text, value::Value};

/// Whether a condition takes the value as true: all but `false`, `0`, NaN, `''` and null.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Boolean(flag) => *flag,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::Text(text) => !text.is_empty(),
        Value::Secret(secret) => !secret.expose().is_empty(),
        Value::List(_) | Value::Map(_) => true,
    }
}

/// Compares two values: texts without case, booleans, numbers; what differs in type as numbers. `None` where there is no
/// order, as with NaN, lists and maps: then they are not equal either.
///
/// On GitHub a list equals itself as the same instance; values here have no identity, so a list equals nothing.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Text(left), Value::Text(right)) => Some(compare_texts(left, right)),
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Boolean(flag) => Some(f64::from(u8::from(*flag))),
        Value::Number(number) => Some(*number),
        Value::Text(text) => Some(coerce_text(text)),
        Value::Secret(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Reads a value as an index into a list, rounded down.
pub(super) fn list_index(value: &Value) -> Option<usize> {
    let number = number(value)?.floor();
    (0.0..=f64::from(i32::MAX))
        .contains(&number)
        .then_some(number as usize)
}

fn compare_texts(left: &str, right: &str) -> Ordering {
    left.chars().map(folded).cmp(right.chars().map(folded))
}

/// Returns the text with which search and comparison work, in which case does not count.
pub(super) fn fold(text: &str) -> String {
    text.chars().map(folded).collect()
}

/// Folds a character to upper case where that is one character, as .NET's ordinal comparison does.
fn folded(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_zero_nan_nothing_and_the_empty_text_are_false() {
        for value in [
            Value::Null,
            false.into(),
            0.0.into(),
            (-0.0).into(),
            f64::NAN.into(),
            "".into(),
        ] {
            assert!(!is_truthy(&value), "{value:?}");
        }
        for value in [
            Value::List(Vec::new()),
            true.into(),
            "false".into(),
            "0".into(),
            (-1.0).into(),
        ] {
            assert!(is_truthy(&value), "{value:?}");
        }
    }

    #[test]
    fn folding_keeps_characters_without_a_single_upper_case() {
        assert_eq!(fold("Straße ü"), "STRAßE Ü");
    }
}
