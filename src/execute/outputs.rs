//! Outputs of a task: their types, their patterns, and what becomes of secret ones.

use std::collections::BTreeMap;

use super::ExecuteError;
use crate::{
    event::{FailureKind, OutputValue},
    expression::Value,
    ident::Name,
    plan::model::{OutputDeclaration, OutputType},
    secret::{Secret, sealed},
};

/// An output with its value, before it is kept.
#[derive(Debug, Clone)]
pub struct Produced {
    /// Its value; a secret where it is declared so.
    pub value: Value,
    /// Whether it must not be kept in clear.
    pub sensitive: bool,
}

/// The outputs of a body.
pub type Outputs = BTreeMap<Name, Produced>;

/// Brings the text of a declared output to its type, and holds it against its pattern.
///
/// # Errors
///
/// It does not have the type, or does not match.
pub fn typed(
    name: &Name,
    declaration: &OutputDeclaration,
    text: &str,
) -> Result<Produced, ExecuteError> {
    let wrong = |expected: &str| {
        let shown = if declaration.sensitive {
            "its text".to_owned()
        } else {
            format!("`{text}`")
        };
        ExecuteError::task(
            FailureKind::Task,
            format!("output `{name}`: {shown} is not {expected}"),
        )
    };
    if let Some(pattern) = declaration
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.is_match(text))
    {
        return Err(wrong(&format!("what `{pattern}` matches")));
    }
    let value = match declaration.ty {
        OutputType::String => Value::from(text),
        OutputType::Number => Value::Number(text.trim().parse().map_err(|_| wrong("a number"))?),
        OutputType::Boolean => Value::Boolean(
            text.trim()
                .parse()
                .map_err(|_| wrong("`true` or `false`"))?,
        ),
        OutputType::Json => {
            Value::from(serde_json::from_str::<serde_json::Value>(text).map_err(|_| wrong("JSON"))?)
        }
    };
    // Whatever its type, what is secret goes where secrets go, and is masked.
    Ok(if declaration.sensitive {
        secret(text)
    } else {
        Produced {
            value,
            sensitive: false,
        }
    })
}

/// Takes a text for a secret, whatever its type was to be.
pub fn secret(text: &str) -> Produced {
    Produced {
        value: Value::Secret(Secret::new(text)),
        sensitive: true,
    }
}

/// Returns an output as the ledger keeps it: secret ones sealed to the recipient, or not at all.
///
/// # Errors
///
/// The recipient is none.
pub fn keep(produced: &Produced, recipient: Option<&str>) -> Result<OutputValue, ExecuteError> {
    if !produced.sensitive && !produced.value.holds_secret() {
        return Ok(OutputValue::Clear {
            value: produced.value.clone(),
        });
    }
    let Some(recipient) = recipient else {
        return Ok(OutputValue::Withheld);
    };
    let text = match &produced.value {
        Value::Secret(secret) => secret.expose().to_owned(),
        other => serde_json::Value::from(other.clone()).to_string(),
    };
    let armor = sealed::seal(recipient, text.as_bytes())?;
    Ok(OutputValue::Sealed { armor })
}

/// Opens a sealed output with the environment's key.
///
/// # Errors
///
/// The key is none, or another.
pub fn open(armor: &str, key: &Secret) -> Result<Secret, ExecuteError> {
    let bytes = sealed::open(armor.as_bytes(), key)?;
    String::from_utf8(bytes)
        .map(Secret::new)
        .map_err(|_| ExecuteError::task(FailureKind::Task, "a sealed output is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_output_is_read_by_its_key_alone_and_shows_nothing() {
        let ((mine, recipient), (other, _)) = (sealed::new_key(), sealed::new_key());
        let produced = Produced {
            value: Value::Secret(Secret::new("hunter22")),
            sensitive: true,
        };
        let kept = keep(&produced, Some(&recipient)).expect("the recipient is one");
        let OutputValue::Sealed { armor } = kept else {
            panic!("a secret was kept as {kept:?}")
        };
        assert!(!armor.contains("hunter22"));
        let opened = open(&armor, &mine).expect("the key is the right one");
        assert_eq!(opened.expose(), "hunter22");
        assert!(open(&armor, &other).is_err());
    }

    #[test]
    fn a_secret_without_a_recipient_is_not_kept() {
        let produced = Produced {
            value: Value::Secret(Secret::new("hunter22")),
            sensitive: true,
        };
        assert_eq!(
            keep(&produced, None).expect("nothing to seal"),
            OutputValue::Withheld
        );
    }
}
