//! Keys of the plan and its data.

use super::{
    connection::CONNECTION,
    table::{Exactly, Key, MAP_OF_TEXT, MAP_OF_VALUE, NAMES, Object, TEXTS, Type},
    task::{PHASE, RETRY},
};

const LEVEL: Type = Type::Choice(&["very-low", "low", "medium", "high", "very-high"]);

/// The plan itself.
pub static PLAN: Object = Object {
    what: "a plan",
    exactly: &[],
    keys: &[
        Key::new("version", Type::Version, "of the format").default("1"),
        Key::new(
            "name",
            Type::Text,
            "what people see; the plan is known by it",
        )
        .required(),
        Key::new(
            "document",
            Type::Path,
            "the Markdown plan document whose statuses `sync` writes",
        ),
        Key::new(
            "inputs",
            Type::Map(&Type::Object(&INPUT)),
            "what varies between runs",
        ),
        Key::new(
            "environments",
            Type::Map(&Type::Object(&ENVIRONMENT)),
            "places in which the plan is carried out",
        ),
        Key::new(
            "connections",
            Type::Map(&Type::Object(&CONNECTION)),
            "ways out of the machine, by name",
        ),
        Key::new(
            "secrets",
            Type::Map(&Type::Object(&SECRET)),
            "upper-case names of secrets, and where they come from",
        ),
        Key::new(
            "tools",
            Type::Map(&Type::Object(&TOOL)),
            "exact versions of programs",
        )
        .default("what is found"),
        Key::new("env", MAP_OF_TEXT, "variables of child processes").dollar(),
        Key::new(
            "defaults",
            Type::Object(&DEFAULTS),
            "for each task that does not say it itself",
        ),
        Key::new(
            "decisions",
            Type::Map(&Type::Object(&DECISION)),
            "questions with one home; what reads one waits for its answer",
        ),
        Key::new(
            "goals",
            Type::List(&Type::Object(&GOAL)),
            "what is to be reached, and what proves it",
        ),
        Key::new(
            "exclusions",
            Type::List(&Type::Object(&EXCLUSION)),
            "left out on purpose",
        ),
        Key::new(
            "risks",
            Type::List(&Type::Object(&RISK)),
            "what can go wrong, and what is done about it",
        ),
        Key::new(
            "audiences",
            Type::List(&Type::Object(&AUDIENCE)),
            "a section of the checkpoint for each",
        ),
        Key::new(
            "budget",
            Type::Object(&BUDGET),
            "what the costs of the tasks may not exceed",
        ),
        Key::new(
            "phases",
            Type::List(&Type::Object(&PHASE)),
            "the tasks, in this order",
        )
        .required(),
        Key::new(
            "outputs",
            Type::Map(&Type::Object(&OUTPUT)),
            "recorded at the end of each walk; outputs of the action",
        ),
        Key::new(
            "workflows",
            Type::Map(&Type::Object(&WORKFLOW)),
            "a rendered workflow file each",
        )
        .default("`deploy`, on pull request, push to the default branch, dispatch"),
    ],
};

static INPUT: Object = Object {
    what: "an input",
    exactly: &[],
    keys: &[
        Key::new(
            "type",
            Type::Choice(&["string", "number", "boolean", "choice", "json"]),
            "of its value",
        )
        .default("string"),
        Key::new("options", TEXTS, "of a choice"),
        Key::new("default", Type::Value, "value when none is given").dollar(),
        Key::new("pattern", Type::Regex, "what its text must match"),
        Key::new(
            "example",
            Type::Value,
            "documentation, and the value in a rehearsal when none is given",
        ),
    ],
};

static ENVIRONMENT: Object = Object {
    what: "an environment",
    exactly: &[],
    keys: &[
        Key::new("needs", NAMES, "environments that come first"),
        Key::new(
            "inputs",
            MAP_OF_VALUE,
            "values of inputs in this environment",
        )
        .dollar(),
        Key::new("url", Type::Text, "where the deployment is seen").dollar(),
        Key::new(
            "reviewers",
            TEXTS,
            "one approval a phase, of the bundle's digest",
        ),
        Key::new(
            "recipient",
            Type::Text,
            "age recipient to whom bundles and sensitive outputs are sealed",
        ),
        Key::new(
            "key",
            Type::Name,
            "the secret that opens what was sealed to the recipient",
        ),
    ],
};

static SECRET: Object = Object {
    what: "a secret",
    exactly: &[Exactly {
        of: &["file", "google", "kubernetes"],
        required: false,
        called: "source",
    }],
    keys: &[
        Key::new(
            "file",
            Type::Path,
            "file that holds it; one trailing newline is dropped, and git must ignore it",
        ),
        Key::new("google", Type::Text, "`projects/P/secrets/S`").dollar(),
        Key::new("kubernetes", Type::Text, "`NAMESPACE/NAME/KEY`").dollar(),
        Key::new("connection", Type::Name, "the way to it"),
    ],
};

static TOOL: Object = Object {
    what: "a tool",
    exactly: &[],
    keys: &[
        Key::new("version", Type::Text, "exact version").required(),
        Key::new(
            "url",
            Type::Text,
            "where its release is, with `{version}`, `{os}` and `{arch}` filled in",
        ),
        Key::new(
            "sha256",
            MAP_OF_TEXT,
            "SHA-256 of the release, a key a platform: `linux-amd64`",
        ),
    ],
};

static DEFAULTS: Object = Object {
    what: "the defaults",
    exactly: &[],
    keys: &[
        Key::new("runs-on", TEXTS, "labels of the runner"),
        Key::new("timeout", Type::Duration, "of one attempt"),
        Key::new(
            "retry",
            Type::Object(&RETRY),
            "when a failed attempt is repeated",
        ),
    ],
};

static DECISION: Object = Object {
    what: "a decision",
    exactly: &[],
    keys: &[
        Key::new("question", Type::Text, "what is to be decided").required(),
        Key::new("options", TEXTS, "possible answers"),
        Key::new("preferred", Type::Text, "advice, never an answer"),
        Key::new(
            "answer",
            Type::Text,
            "one of the options, or an expression over tasks",
        )
        .dollar(),
        Key::new("reason", Type::Text, "why"),
        Key::new("by", Type::Text, "who decided"),
        Key::new("at", Type::Text, "when, as an ISO date"),
        Key::new(
            "record",
            Type::Text,
            "number of the decision record, unique",
        ),
    ],
};

static GOAL: Object = Object {
    what: "a goal",
    exactly: &[],
    keys: &[
        Key::new("text", Type::Text, "what is to be reached").required(),
        Key::new(
            "proof",
            NAMES,
            "`TASK` or `TASK/CHECK`; without one the goal is a claim",
        ),
    ],
};

static EXCLUSION: Object = Object {
    what: "an exclusion",
    exactly: &[],
    keys: &[
        Key::new("text", Type::Text, "what is left out").required(),
        Key::new("reason", Type::Text, "why"),
    ],
};

static RISK: Object = Object {
    what: "a risk",
    exactly: &[],
    keys: &[
        Key::new("text", Type::Text, "what can go wrong").required(),
        Key::new("likelihood", LEVEL, "how likely"),
        Key::new("impact", LEVEL, "how bad"),
        Key::new("mitigation", Type::Text, "what is done about it"),
        Key::new("proof", NAMES, "`TASK` or `TASK/CHECK`"),
    ],
};

static AUDIENCE: Object = Object {
    what: "an audience",
    exactly: &[],
    keys: &[
        Key::new("name", Type::Text, "who").required(),
        Key::new("message", Type::Text, "what they are told").required(),
        Key::new("action", Type::Text, "what they are asked to do"),
    ],
};

static BUDGET: Object = Object {
    what: "a budget",
    exactly: &[],
    keys: &[
        Key::new("monthly", Type::Number, "the most, a month")
            .required()
            .dollar(),
        Key::new("currency", Type::Text, "of all costs").default("USD"),
    ],
};

static OUTPUT: Object = Object {
    what: "an output of the plan",
    exactly: &[],
    keys: &[Key::new("value", Type::Value, "what is recorded")
        .required()
        .secret()],
};

static WORKFLOW: Object = Object {
    what: "a workflow",
    exactly: &[],
    keys: &[
        Key::new("on", Type::Value, "events, as on GitHub").required(),
        Key::new("command", Type::Text, "verb that its events run"),
        Key::new("phases", NAMES, "phases that it runs").default("all"),
        Key::new("environment", NAMES, "environments that it runs").default("all"),
        Key::new(
            "patch",
            Type::Value,
            "JSON merge patch on the rendered file",
        ),
    ],
};
