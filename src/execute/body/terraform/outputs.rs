//! The outputs of the root module, and which of them are secret.

use super::call::Calls;
use crate::{
    event::FailureKind,
    execute::{
        ExecuteError,
        attempt::BodyResult,
        outputs::{Produced, secret},
    },
    expression::Value,
    ident::Name,
    terraform::{AddressPattern, Output, arguments, changes::secrets_of_state},
};

/// Reads the outputs. One is secret where terraform, the plan's `sensitive` or the task's `outputs` says so.
pub(super) async fn read(
    calls: &Calls<'_, '_, '_>,
    result: &mut BodyResult,
) -> Result<(), ExecuteError> {
    let sensitive = calls.unit.body.sensitive.iter();
    let sensitive: Vec<AddressPattern> = sensitive.map(AddressPattern::new).collect();
    mask(calls, &sensitive).await?;
    let said = calls.direct("output", arguments::output()).await?;
    if said.code != 0 {
        return Err(calls.failed("output", &said));
    }
    let text = String::from_utf8_lossy(&said.stdout);
    let found = Output::read_all(&text, &sensitive).map_err(|error| broken(&error))?;
    let node = calls.attempt.node;
    for declared in node.task.outputs.keys() {
        if !found.iter().any(|output| output.name == declared.as_str()) {
            return Err(missing(calls, declared, &found));
        }
    }
    for output in found {
        let Ok(name) = output.name.parse::<Name>() else {
            calls.run.recorder.notice(&format!(
                "{}: output `{}` has a name that no expression can say",
                node.key, output.name
            ));
            continue;
        };
        let produced = produced(calls, &name, output);
        if let Value::Secret(value) = &produced.value {
            let entry = (format!("output `{name}`"), value.clone());
            calls.run.add_to_mask(vec![entry])?;
        }
        result.outputs.insert(name, produced);
    }
    Ok(())
}

fn produced(calls: &Calls<'_, '_, '_>, name: &Name, output: Output) -> Produced {
    let declared = calls.attempt.node.task.outputs.get(name);
    let is_declared = declared.is_some_and(|declared| declared.sensitive);
    let text = text(&output.value);
    match output.sensitive || is_declared || calls.run.masker.borrow().finds(&text) {
        true => secret(&text),
        false => Produced {
            value: output.value,
            sensitive: false,
        },
    }
}

/// Masks the values that terraform or the plan calls sensitive, which the state has.
async fn mask(calls: &Calls<'_, '_, '_>, sensitive: &[AddressPattern]) -> Result<(), ExecuteError> {
    let said = calls.direct("show", arguments::show_state()).await?;
    if said.code != 0 {
        return Err(calls.failed("show", &said));
    }
    let values = secrets_of_state(&said.stdout[..], sensitive).map_err(|error| broken(&error))?;
    calls.run.add_to_mask(values)
}

fn broken(error: &dyn std::error::Error) -> ExecuteError {
    ExecuteError::task(FailureKind::Task, crate::execute::chain(error))
}

fn missing(calls: &Calls<'_, '_, '_>, declared: &Name, found: &[Output]) -> ExecuteError {
    let dir = &calls.unit.body.dir;
    let known: Vec<&str> = found.iter().map(|output| output.name.as_str()).collect();
    let message = format!("`{dir}` has no output `{declared}`");
    ExecuteError::task(FailureKind::Task, message).hint(match known.is_empty() {
        true => "it has none".to_owned(),
        false => format!("it has {}", known.join(", ")),
    })
}

/// A value as a text: what an expression makes of it, else JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Secret(secret) => secret.expose().to_owned(),
        value => value
            .as_plain_text()
            .unwrap_or_else(|| serde_json::Value::from(value.clone()).to_string()),
    }
}
