//! The check `run`: how a child ended, as observations. The caller runs it.

use crate::{
    expression::Value,
    probe::{Evidence, Observations, observation::json},
};

/// How a child ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFacts {
    /// Its exit code; `None` when a signal ended it.
    pub exit: Option<i32>,
    /// Its standard output, masked.
    pub stdout: String,
    /// Its standard error, masked.
    pub stderr: String,
}

/// Turns facts into observations: `exit`, `stdout` and `stderr` (without the line ends at their end, as a shell's
/// `$(…)`), and `json` where the standard output is JSON. Holds when the exit code is 0.
pub fn observe_run(facts: &RunFacts) -> Evidence {
    let mut observed = Observations::new();
    let exit = facts
        .exit
        .map_or(Value::Null, |code| Value::Number(code.into()));
    observed.add("exit", exit);
    observed.add("stdout", facts.stdout.trim_end_matches(['\r', '\n']));
    observed.add("stderr", facts.stderr.trim_end_matches(['\r', '\n']));
    if let Some(value) = json(&facts.stdout) {
        observed.add("json", value);
    }
    let holds = match facts.exit {
        Some(0) => Ok(()),
        Some(code) => Err(format!("the exit code is {code}; expected 0")),
        None => Err("it was ended by a signal; expected exit code 0".to_owned()),
    };
    Evidence { observed, holds }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(exit: Option<i32>, stdout: &str) -> RunFacts {
        RunFacts {
            exit,
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    #[test]
    fn the_end_of_a_child_decides() {
        assert_eq!(observe_run(&facts(Some(0), "")).holds, Ok(()));
        assert_eq!(
            observe_run(&facts(Some(3), "")).holds,
            Err("the exit code is 3; expected 0".to_owned())
        );
        let killed = observe_run(&facts(None, ""));
        assert!(killed.holds.is_err());
        assert_eq!(
            killed.observed.get("exit").expect("an exit").value,
            Value::Null
        );
    }

    #[test]
    fn output_is_text_and_where_it_can_be_json() {
        let evidence = observe_run(&facts(Some(0), "{\"ready\": 2}\n"));
        let stdout = &evidence.observed.get("stdout").expect("stdout").value;
        assert_eq!(*stdout, Value::from("{\"ready\": 2}"));
        let json = &evidence.observed.get("json").expect("json").value;
        assert_eq!(json.get("ready"), Some(&Value::Number(2.0)));
        assert_eq!(
            observe_run(&facts(Some(0), "plain")).observed.get("json"),
            None
        );
    }
}
