//! Arguments and variables of each command, the same for OpenTofu. They are meant for a process that stands in the module's
//! folder, without `-chdir`: the paths in its answers and `errored.tfstate` then lie where the process stood.
//!
//! No value of a variable is ever an argument, which all processes of the machine can read.

use std::time::Duration;

use camino::Utf8Path;

use crate::{
    expression::{Value, number_text},
    secret::Secret,
};

/// The exit code of `plan -detailed-exitcode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanExit {
    /// 0: there is nothing to change.
    Unchanged,
    /// 1, and whatever else: it failed.
    Failed,
    /// 2: there is something to change. No error.
    Changed,
}

impl PlanExit {
    /// Reads the code.
    pub fn of(code: i32) -> Self {
        match code {
            0 => Self::Unchanged,
            2 => Self::Changed,
            _ => Self::Failed,
        }
    }
}

/// Whether a module has a lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// It has one, which `init` must not change.
    Yes,
    /// It has none yet; `init` writes it.
    No,
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To bring the real things to what the configuration says.
    Apply,
    /// To destroy all of them.
    Destroy,
    /// To see what somebody else changed.
    Drift,
}

/// Prepares the folder: providers, modules, backend.
pub fn init(locked: Locked, backend_config: &[(String, String)]) -> Vec<String> {
    let mut arguments = words(&["init", "-input=false", "-json"]);
    if locked == Locked::Yes {
        arguments.push("-lockfile=readonly".to_owned());
    }
    for (name, value) in backend_config {
        arguments.push(format!("-backend-config={name}={value}"));
    }
    arguments
}

/// Names the files that are not formatted, one a line; exit 3 if there are any.
pub fn fmt() -> Vec<String> {
    words(&["fmt", "-check", "-recursive", "-no-color"])
}

/// Checks the configuration.
pub fn validate() -> Vec<String> {
    words(&["validate", "-json"])
}

/// Plans into a file.
pub fn plan<'f>(
    purpose: Purpose,
    file: &Utf8Path,
    var_files: impl IntoIterator<Item = &'f Utf8Path>,
    lock_timeout: Duration,
) -> Vec<String> {
    let mut arguments = words(&["plan", "-input=false", "-detailed-exitcode", "-json"]);
    match purpose {
        Purpose::Apply => {}
        Purpose::Destroy => arguments.push("-destroy".to_owned()),
        Purpose::Drift => arguments.push("-refresh-only".to_owned()),
    }
    arguments.push(waiting(lock_timeout));
    for var_file in var_files {
        arguments.push(format!("-var-file={var_file}"));
    }
    arguments.push(format!("-out={file}"));
    arguments
}

/// Writes a saved plan as JSON.
pub fn show(file: &Utf8Path) -> Vec<String> {
    let mut arguments = words(&["show", "-json", "-no-color"]);
    arguments.push(path(file));
    arguments
}

/// Writes the state as JSON.
pub fn show_state() -> Vec<String> {
    words(&["show", "-json", "-no-color"])
}

/// Applies a saved plan, and nothing else. What is ephemeral is in no plan, so files of variables may be wanted again; of other
/// variables terraform takes the same values alone.
pub fn apply<'f>(
    file: &Utf8Path,
    var_files: impl IntoIterator<Item = &'f Utf8Path>,
    lock_timeout: Duration,
) -> Vec<String> {
    let mut arguments = words(&["apply", "-input=false", "-json"]);
    arguments.push(waiting(lock_timeout));
    for var_file in var_files {
        arguments.push(format!("-var-file={var_file}"));
    }
    arguments.push(path(file));
    arguments
}

/// Prints all outputs.
pub fn output() -> Vec<String> {
    words(&["output", "-json", "-no-color"])
}

/// Prints the state.
pub fn state_pull() -> Vec<String> {
    words(&["state", "pull"])
}

/// Writes a state to the backend; terraform refuses an older one and one of another lineage.
pub fn state_push(file: &Utf8Path, lock_timeout: Duration) -> Vec<String> {
    let mut arguments = words(&["state", "push"]);
    arguments.push(waiting(lock_timeout));
    arguments.push(path(file));
    arguments
}

/// Releases a lock that nobody holds any more.
pub fn force_unlock(id: &str) -> Vec<String> {
    with(&["force-unlock", "-force"], id)
}

/// Chooses a workspace that is there.
pub fn workspace_that_is_there(name: &str) -> Vec<String> {
    with(&["workspace", "select", "-no-color"], name)
}

/// Chooses a workspace, and makes it where there is none of the name.
pub fn workspace(name: &str) -> Vec<String> {
    with(&["workspace", "select", "-no-color", "-or-create"], name)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Adds a name that is no option, even where it begins with a dash.
fn with(words: &[&str], name: &str) -> Vec<String> {
    let words = words.iter().copied();
    words.chain(["--", name]).map(str::to_owned).collect()
}

fn waiting(lock_timeout: Duration) -> String {
    format!("-lock-timeout={}s", lock_timeout.as_secs())
}

/// A path that begins with a dash would be read as an option.
fn path(file: &Utf8Path) -> String {
    match file.as_str() {
        name if name.starts_with('-') => format!("./{name}"),
        name => name.to_owned(),
    }
}

/// Returns the environment variable that gives a variable its value, and the value, as secret as the variable may be.
///
/// A text goes as it is, whatever stands in it: terraform reads it so for a variable of type `string`, and for one without a
/// type. Everything else goes as HCL, which terraform reads only for a variable that declares its type. Null is no value: the
/// variable keeps its default, and there is no environment variable.
pub fn variable(name: &str, value: &Value) -> Option<(String, Secret)> {
    let text = match value {
        Value::Null => return None,
        Value::Text(text) => Secret::new(text.clone()),
        Value::Secret(secret) => secret.clone(),
        Value::Boolean(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
            let mut text = String::new();
            write_hcl(&mut text, value);
            Secret::new(text)
        }
    };
    Some((format!("TF_VAR_{name}"), text))
}

/// Writes a value as HCL, secrets too. Inside of quotes `${` and `%{` would begin a template, so they are doubled.
fn write_hcl(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&decimal(*number)),
        Value::Text(inner) => write_quoted(text, inner),
        Value::Secret(secret) => write_quoted(text, secret.expose()),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_hcl(text, item);
            }
            text.push(']');
        }
        Value::Map(entries) => {
            text.push('{');
            for (index, (name, entry)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_quoted(text, name);
                text.push('=');
                write_hcl(text, entry);
            }
            text.push('}');
        }
    }
}

/// Writes a number without rounding a whole one.
fn decimal(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        format!("{number:.0}")
    } else if number.is_finite() {
        number.to_string()
    } else {
        number_text(number)
    }
}

fn write_quoted(text: &mut String, inner: &str) {
    text.push('"');
    let mut signs = inner.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '$' | '%' if signs.peek() == Some(&'{') => text.extend([sign, sign]),
            sign if sign.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(sign))),
            sign => text.push(sign),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Map;

    /// C-TF-2: 2 is not an error, everything that is neither 0 nor 2 is.
    #[test]
    fn the_exit_code_of_a_plan_says_whether_there_is_something_to_change() {
        for (code, exit) in [
            (0, PlanExit::Unchanged),
            (1, PlanExit::Failed),
            (2, PlanExit::Changed),
            (3, PlanExit::Failed),
            (130, PlanExit::Failed),
        ] {
            assert_eq!(PlanExit::of(code), exit, "{code}");
        }
    }

    #[test]
    fn a_lock_file_that_exists_is_only_read_and_backends_are_configured_one_by_one() {
        let backend = [("bucket", "states"), ("key", "a=b/c")];
        let backend = backend.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            init(Locked::Yes, &backend),
            [
                "init",
                "-input=false",
                "-json",
                "-lockfile=readonly",
                "-backend-config=bucket=states",
                "-backend-config=key=a=b/c",
            ]
        );
        assert_eq!(init(Locked::No, &[]), ["init", "-input=false", "-json"]);
    }

    #[test]
    fn a_plan_is_saved_and_applied_as_saved() {
        let file = Utf8Path::new("-odd.plan");
        let timeout = Duration::from_secs(90);
        assert_eq!(
            plan(
                Purpose::Destroy,
                file,
                [Utf8Path::new("eu.tfvars")],
                timeout
            )
            .join(" "),
            "plan -input=false -detailed-exitcode -json -destroy -lock-timeout=90s -var-file=eu.tfvars -out=-odd.plan"
        );
        assert_eq!(
            apply(file, [], timeout).join(" "),
            "apply -input=false -json -lock-timeout=90s ./-odd.plan"
        );
        assert_eq!(show(file).join(" "), "show -json -no-color ./-odd.plan");
        assert_eq!(force_unlock("-x").join(" "), "force-unlock -force -- -x");
    }

    #[test]
    fn variables_are_given_by_the_environment_as_terraform_reads_them() {
        let secret = Value::Secret(Secret::new("hunter2\"${x}"));
        let map: Map = [
            ("a b".to_owned(), Value::Null),
            ("c".to_owned(), secret.clone()),
            ("d".to_owned(), Value::from("l1\nl2 %{ $${ 100%")),
        ]
        .into_iter()
        .collect();
        for (value, text) in [
            (Value::from("as ${is} \"so\""), "as ${is} \"so\""),
            (secret, "hunter2\"${x}"),
            (Value::from(true), "true"),
            (Value::from(8080.0), "8080"),
            (Value::from(0.000_001), "0.000001"),
            (Value::from(1e15), "1000000000000000"),
            (
                Value::List(vec![Value::from("a"), Value::from(1.5)]),
                "[\"a\",1.5]",
            ),
            (
                Value::Map(map),
                "{\"a b\"=null,\"c\"=\"hunter2\\\"$${x}\",\"d\"=\"l1\\nl2 %%{ $$${ 100%\"}",
            ),
        ] {
            let (name, given) = variable("size", &value).expect("it is a value");
            assert_eq!(name, "TF_VAR_size");
            assert_eq!(given.expose(), text);
        }
        assert_eq!(variable("size", &Value::Null), None);
    }
}
