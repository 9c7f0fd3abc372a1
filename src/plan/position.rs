//! Which contexts an expression may read, by where it stands (`plan-format.md`, 3.13).

use crate::diagnostic::words::list_ticked;

/// A place for expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The default of an input, or its value in an environment.
    InputValue,
    /// The answer of a decision.
    Answer,
    /// The condition of a phase, a matrix, the budget.
    Planning,
    /// The condition of a task, a check or a policy.
    Condition,
    /// Connections, secrets, the URL of an environment, outputs of the plan.
    Surroundings,
    /// The proxy command of a connection.
    Proxy,
    /// The body of a task, its variables, outputs and costs.
    Body,
    /// The checks and the way back of a task, which also read its own outputs.
    AfterBody,
}

impl Position {
    /// Returns the contexts that may be read, besides secrets.
    pub fn contexts(self) -> &'static [&'static str] {
        match self {
            Self::InputValue => &["vars", "github"],
            Self::Answer => &["tasks"],
            Self::Planning => &["inputs", "environment", "decisions", "github"],
            Self::Surroundings => &["inputs", "environment", "decisions", "github", "tasks"],
            Self::Proxy => &[
                "inputs",
                "environment",
                "decisions",
                "github",
                "tasks",
                "proxy",
            ],
            Self::Condition | Self::Body | Self::AfterBody => &[
                "inputs",
                "environment",
                "decisions",
                "github",
                "matrix",
                "tasks",
            ],
        }
    }

    /// Names the place as messages do.
    pub fn word(self) -> &'static str {
        match self {
            Self::InputValue => "the value of an input",
            Self::Answer => "the answer of a decision",
            Self::Planning => "what is decided at planning",
            Self::Condition => "a condition",
            Self::Surroundings => "what belongs to no task",
            Self::Proxy => "a proxy command",
            Self::Body => "a task",
            Self::AfterBody => "a check or a way back",
        }
    }
}

/// Says what is done instead of reading a context where it cannot be read.
pub fn instead_of(context: &str, position: Position) -> String {
    let known = match context {
        "env" => "declare an input; `env` is for child processes",
        "needs" | "steps" | "jobs" => "a task's outputs are `tasks.TASK.outputs.NAME`",
        "job" | "runner" | "strategy" => {
            "nothing in a plan depends on the machine; declare an input"
        }
        "secrets" => "no secret here; give it by `env` of a task, or by a connection",
        "vars" => "variables of the repository are read in the `default` of an input",
        _ => "",
    };
    if known.is_empty() {
        let contexts = list_ticked(position.contexts()).replace(" or ", " and ");
        return format!("here {contexts} can be read");
    }
    known.to_owned()
}
