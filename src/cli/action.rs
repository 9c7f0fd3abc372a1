//! `deploy-action action`: what `action.yml` calls. It turns the inputs of the action into the arguments of a verb.

use super::{CliError, Environment, Exit, args};
use crate::workflow::action;

/// Reads the inputs of the action and runs the verb that they name.
///
/// # Errors
///
/// An input holds what it cannot, or those of the verb.
pub fn run(environment: &Environment) -> Result<Exit, CliError> {
    end_with_the_rehearsal(environment);
    let mut environment = environment.clone();
    let arguments = arguments(&mut environment)?;
    let args = args::Args::parse_arguments(arguments)?;
    args::carry_out(&args, &environment)
}

/// A job of a rehearsal that was killed would go on against stand-ins that are gone: it ends with it, as on a machine that
/// is switched off. What a keeper holds stays, as it would there.
#[cfg(target_os = "linux")]
fn end_with_the_rehearsal(environment: &Environment) {
    use crate::execute::stand_in;
    use rustix::process::{Signal, set_parent_process_death_signal};
    if environment.get(stand_in::VARIABLE).is_some()
        && let Err(error) = set_parent_process_death_signal(Some(Signal::KILL))
    {
        tracing::debug!(%error, "this job would outlive its rehearsal");
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_the_rehearsal(_: &Environment) {}

fn arguments(environment: &mut Environment) -> Result<Vec<String>, CliError> {
    let input = |environment: &Environment, input: action::Input| {
        environment.get(input.variable).map(str::to_owned)
    };
    let verb = input(environment, action::COMMAND).unwrap_or_else(|| "run".to_owned());
    if verb == "action" {
        let refused = CliError::new(Exit::Usage, "the action cannot run the command `action`");
        return Err(
            refused.hint("`command` names a verb: run, render, checkpoint, close and so on")
        );
    }
    let mut arguments = vec!["deploy-action".to_owned(), verb.clone()];
    let lines = |text: Option<String>| -> Vec<String> {
        let text = text.unwrap_or_default();
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    if verb == "tags" {
        // One option holds a whole list, of which each line keeps its number.
        for wanted in action::INPUTS_OF_TAGS {
            let value = input(environment, wanted);
            arguments.extend(value.map(|value| format!("--{}={value}", wanted.name)));
        }
    } else {
        arguments.extend(input(environment, action::PLAN));
    }
    let selects = [
        "run",
        "preview",
        "drift",
        "status",
        "checkpoint",
        "close",
        "destroy",
    ]
    .contains(&verb.as_str());
    for (flag, wanted) in [
        ("--task", action::TASK),
        ("--phase", action::PHASE),
        ("--environment", action::ENVIRONMENT),
    ] {
        for name in lines(input(environment, wanted))
            .into_iter()
            .filter(|_| selects)
        {
            arguments.push(format!("{flag}={name}"));
        }
    }
    if verb == "run" {
        let confirmed = input(environment, action::CONFIRM).unwrap_or_default();
        for gate in confirmed
            .split([' ', ',', '\n'])
            .filter(|gate| !gate.is_empty())
        {
            arguments.push(format!("--confirm={gate}"));
        }
    }
    if selects {
        for (name, value) in values(input(environment, action::INPUTS))? {
            arguments.push(format!("--input={name}={value}"));
        }
        if let Some(state) = input(environment, action::STATE) {
            arguments.push(format!("--state={state}"));
        }
    }
    arguments.extend(lines(input(environment, action::ARGUMENTS)));
    for (variable, wanted) in [
        ("DEPLOY_ACTION_VARS", action::VARS),
        ("GITHUB_TOKEN", action::TOKEN),
    ] {
        if let Some(value) = input(environment, wanted) {
            environment.variables.insert(variable.to_owned(), value);
        }
    }
    Ok(arguments)
}

/// Values of the plan's inputs from the JSON of GitHub's context `inputs`; one that is empty is not given.
fn values(text: Option<String>) -> Result<Vec<(String, String)>, CliError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let refused = |what: String| {
        CliError::new(
            Exit::Usage,
            format!("the input `inputs` of the action is {what}"),
        )
        .hint("write `inputs: ${{ toJSON(inputs) }}`")
    };
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("no JSON: {error}")))?;
    let given = match json {
        // GitHub writes null where an event has no inputs.
        serde_json::Value::Null => serde_json::Map::new(),
        serde_json::Value::Object(given) => given,
        _ => return Err(refused("no JSON object".to_owned())),
    };
    let entries = given
        .iter()
        .filter(|(name, _)| *name != action::CONFIRM.name);
    let plain = entries.filter_map(|(name, value)| {
        let value = match value {
            serde_json::Value::Null => return None,
            serde_json::Value::String(text) if text.is_empty() => return None,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((name.clone(), value))
    });
    Ok(plain.collect())
}
