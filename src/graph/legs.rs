//! The legs of a matrix, as GitHub makes them (workflow syntax, `strategy.matrix`).

use crate::{
    diagnostic::{Diagnostic, words::count},
    expression::{Map, Value},
    plan::{Task, values::PlanningScope},
};

/// The most legs: GitHub's limit of jobs in a matrix.
pub const MOST_LEGS: usize = 256;

/// The most combinations of which some may be excluded.
const MOST_COMBINATIONS: usize = MOST_LEGS * 16;

/// A leg: its name and its values.
pub type Leg = (Box<str>, Map);

/// Returns the legs of a task; `None` for a task without a matrix.
pub fn legs(task: &Task, scope: &PlanningScope<'_>) -> Result<Option<Vec<Leg>>, Box<Diagnostic>> {
    let Some(field) = &task.matrix else {
        return Ok(None);
    };
    let problem = |message: String, help: &str| {
        Box::new(
            Diagnostic::error("matrix", message)
                .at(field.span)
                .help(help),
        )
    };
    let matrix = match crate::plan::values::known_now(field, scope) {
        Ok(Some(Value::Map(matrix))) => matrix,
        Ok(Some(other)) => {
            return Err(problem(
                format!(
                    "a matrix is a map of lists, and this is a {}",
                    other.type_name()
                ),
                "`matrix: { service: [a, b] }`",
            ));
        }
        Ok(None) => {
            return Err(problem(
                "the matrix is not known before the run".to_owned(),
                "give the inputs that it reads a value",
            ));
        }
        Err(error) => return Err(Box::new(crate::plan::values::evaluation_problem(&error))),
    };
    check_lists(&matrix).map_err(|(message, help)| problem(message, help))?;
    let mut combinations = product(&matrix).map_err(|number| {
        problem(
            format!(
                "the matrix has {} before any is excluded; {MOST_LEGS} are allowed",
                count(number, "leg")
            ),
            "split the task, or take values out",
        )
    })?;
    combinations.retain(|combination| {
        !list(&matrix, "exclude")
            .iter()
            .any(|excluded| matches(combination, excluded))
    });
    let direct: Vec<&str> = matrix
        .keys()
        .map(String::as_str)
        .filter(|key| !is_list_of_changes(key))
        .collect();
    include(&mut combinations, list(&matrix, "include"), &direct);
    if combinations.is_empty() {
        return Err(problem(
            "the matrix has no leg".to_owned(),
            "give its keys values, or exclude fewer of them",
        ));
    }
    if combinations.len() > MOST_LEGS {
        let found = count(combinations.len(), "leg");
        return Err(problem(
            format!("the matrix has {found}; {MOST_LEGS} are allowed"),
            "split the task, or take values out",
        ));
    }
    let legs: Vec<Leg> = combinations
        .into_iter()
        .map(|values| (name(&values, &direct), values))
        .collect();
    if legs.iter().any(|(name, _)| name.is_empty()) {
        return Err(problem(
            "a leg of the matrix has no name".to_owned(),
            "a leg is named by its texts, numbers and booleans; add a key with such values",
        ));
    }
    for (index, (name, _)) in legs.iter().enumerate() {
        if legs[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(problem(
                format!("two legs are called `{name}`"),
                "the values of the listed keys tell legs apart; add a key",
            ));
        }
    }
    Ok(Some(legs))
}

fn is_list_of_changes(key: &str) -> bool {
    key == "include" || key == "exclude"
}

fn list<'m>(matrix: &'m Map, key: &str) -> &'m [Value] {
    match matrix.get(key) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// Says which key holds no list, and what to write; `include` and `exclude` hold lists of maps.
fn check_lists(matrix: &Map) -> Result<(), (String, &'static str)> {
    for (key, value) in matrix {
        let is_good = match value {
            Value::List(items) if is_list_of_changes(key) => {
                items.iter().all(|item| matches!(item, Value::Map(_)))
            }
            Value::List(_) => true,
            _ => false,
        };
        if is_good {
            continue;
        }
        return Err(if is_list_of_changes(key) {
            (
                format!("`{key}` of the matrix is no list of maps"),
                "`include` and `exclude` hold maps: `include: [{ service: web }]`",
            )
        } else {
            (
                format!("`{key}` of the matrix is no list"),
                "each key of a matrix has a list of values: `service: [a, b]`",
            )
        });
    }
    Ok(())
}

/// Every combination of the values; the number of combinations where there are too many to look at.
fn product(matrix: &Map) -> Result<Vec<Map>, usize> {
    let keys: Vec<(&String, &[Value])> = matrix
        .keys()
        .filter(|key| !is_list_of_changes(key))
        .map(|key| (key, list(matrix, key)))
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let number = keys.iter().fold(1_usize, |number, (_, values)| {
        number.saturating_mul(values.len())
    });
    if number > MOST_COMBINATIONS {
        return Err(number);
    }
    let mut combinations = vec![Map::new()];
    for (key, values) in keys {
        let grown = combinations.iter().flat_map(|combination| {
            values.iter().map(move |value| {
                let mut next = combination.clone();
                next.insert(key.clone(), value.clone());
                next
            })
        });
        combinations = grown.collect();
    }
    Ok(combinations)
}

fn matches(combination: &Map, pattern: &Value) -> bool {
    let Value::Map(pattern) = pattern else {
        return false;
    };
    pattern
        .iter()
        .all(|(key, value)| combination.get(key) == Some(value))
}

/// Each entry extends the combinations that it does not contradict; one that extends none becomes a leg of its own.
fn include(combinations: &mut Vec<Map>, entries: &[Value], direct: &[&str]) {
    let originals = combinations.len();
    for entry in entries {
        let Value::Map(entry) = entry else { continue };
        let mut extended = false;
        for combination in &mut combinations[..originals] {
            let fits = entry.iter().all(|(key, value)| {
                !direct.contains(&key.as_str()) || combination.get(key) == Some(value)
            });
            if fits {
                combination.extend(
                    entry
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
                extended = true;
            }
        }
        if !extended {
            combinations.push(entry.clone());
        }
    }
}

fn name(values: &Map, direct: &[&str]) -> Box<str> {
    let of = |keys: &mut dyn Iterator<Item = &str>| -> String {
        let texts: Vec<String> = keys
            .filter_map(|key| values.get(key)?.as_plain_text())
            .collect();
        texts.join("-")
    };
    let named = of(&mut direct.iter().copied());
    if named.is_empty() {
        of(&mut values.keys().map(String::as_str)).into()
    } else {
        named.into()
    }
}
