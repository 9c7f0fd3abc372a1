//! The outputs of the root module, and which of them are secret.

use super::{
    call::Calls,
};
use crate::{
    event::FailureKind,
    execute::{
        ExecuteError,
        attempt::BodyResult,
        outputs::{Produced, secret},
    },
    expression::Value,
    ident::Name,
    secret::Secret,
    terraform::AddressPattern,
    terraform::shim::{StateValues, arguments, output},
};

/// Reads the outputs. One is secret where terraform, the plan's `sensitive` or the task's `outputs` says so.
pub(super) async fn read(
    calls: &Calls<'_, '_, '_>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let broken = |error: String| ExecuteError::task(FailureKind::Task, error);
    mask_sensitive(calls).await?;
    let said = calls.direct("output", arguments::output()).await?;
    if said.code != 0 {
        return Err(calls.failed("output", &said));
    }
    let found = output::read(&said.stdout).map_err(|error| broken(error.to_string()))?;
    let node = calls.attempt.node;
    for name in node.task.outputs.keys() {
        if !found.contains_key(name.as_str()) {
            let (dir, known) = (&calls.unit.body.dir, found.keys());
            let known: Vec<&str> = known.map(String::as_str).collect();
            let message = format!("`{dir}` has no output `{name}`");
            return Err(broken(message).hint(format!("it has {}", known.join(", "))));
        }
    }
    for (name, output) in found {
        let Ok(id) = name.parse::<Name>() else {
            calls.run.recorder.notice(&format!(
                "{}: output `{name}` has a name that no expression can say",
                node.key
            ));
            continue;
        };
        let declared = node.task.outputs.get(&id);
        let text = text(&output.value);
        let is_secret = output.sensitive
            || declared.is_some_and(|declared| declared.sensitive)
            || calls.run.masker.borrow().finds(&text);
        let produced = match is_secret {
            true => secret(&text),
            false => Produced {
                value: output.value,
                sensitive: false,
            },
        };
        if let Value::Secret(value) = &produced.value {
            let entry = (format!("output `{id}`"), value.clone());
            calls.run.add_to_mask(vec![entry])?;
        }
        result.outputs.insert(id, produced);
    }
    Ok(())
}

/// Masks the values that the plan calls sensitive, which the state has.
async fn mask_sensitive(calls: &Calls<'_, '_, '_>) -> Result<(), ExecuteError> {
    let patterns = &calls.unit.body.sensitive;
    if patterns.is_empty() {
        return Ok(());
    }
    let said = calls.direct("show", arguments::show_state()).await?;
    if said.code != 0 {
        return Err(calls.failed("show", &said));
    }
    let patterns: Vec<AddressPattern> = patterns.iter().map(AddressPattern::new).collect();
    let values = StateValues::read(&said.stdout[..], &patterns)
        .map_err(|error| ExecuteError::task(FailureKind::Task, error.to_string()))?;
    let key = &calls.attempt.node.key;
    let named = values.texts().map(|text| (format!("a sensitive value of `{key}`"), Secret::new(text)));
    calls.run.add_to_mask(named.collect())
}

/// A value as a text: what an expression makes of it, else JSON.
fn text(value: &Value) -> String {
    value
        .as_plain_text()
        .unwrap_or_else(|| serde_json::Value::from(value.clone()).to_string())
}
