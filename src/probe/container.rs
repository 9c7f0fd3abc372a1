//! The check `container`: whether a started container runs. The caller starts it and asks the checks in it.

use crate::{
    container::ContainerExit,
    expression::Value,
    probe::{Evidence, Observations},
};

/// Turns the state of a container into observations: `running` and, once it has ended, `exit`. Holds while it runs.
/// `log_tail` gives its last line to the reason.
pub fn observe_container(exit: Option<ContainerExit>, log_tail: &str) -> Evidence {
    let mut observed = Observations::new();
    observed.add("running", exit.is_none());
    let holds = match exit {
        None => {
            observed.add("exit", Value::Null);
            Ok(())
        }
        Some(ContainerExit { code }) => {
            observed.add("exit", Value::Number(code.into()));
            Err(ended(code, log_tail))
        }
    };
    Evidence { observed, holds }
}

fn ended(code: i32, log_tail: &str) -> String {
    match log_tail.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!(
            "it ended with exit code {code}; its last line: {}",
            line.trim()
        ),
        None => format!("it ended with exit code {code} and said nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_container_holds() {
        let evidence = observe_container(None, "anything");
        assert_eq!(evidence.holds, Ok(()));
        let running = &evidence
            .observed
            .get("running")
            .expect("it is observed")
            .value;
        assert_eq!(*running, Value::Boolean(true));
    }

    #[test]
    fn one_that_has_ended_says_its_last_words() {
        let evidence =
            observe_container(Some(ContainerExit { code: 1 }), "starting\nno database\n\n");
        assert_eq!(
            evidence.holds,
            Err("it ended with exit code 1; its last line: no database".to_owned())
        );
        let exit = &evidence.observed.get("exit").expect("it is observed").value;
        assert_eq!(*exit, Value::Number(1.0));
    }
}
