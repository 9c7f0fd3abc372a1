//! Keys of phases and tasks.

use super::{
    check::CHECK,
    table::{
        Exactly, Key, MAP_OF_NUMBER, MAP_OF_REQUIREMENT, MAP_OF_TEXT, NAMES, NUMBERS, Object,
        PATHS, TEXTS, Type,
    },
};
use crate::plan::kind;

/// The kinds of tasks that this version knows, in the order of the plan format.
pub const TASK_KINDS: &[&str] = &[
    "image",
    "terraform",
    "kubernetes",
    "render",
    "run",
    "check",
    "gate",
];

/// A phase.
pub static PHASE: Object = Object {
    what: "a phase",
    exactly: &[],
    keys: &[
        Key::new("id", Type::Name, "unique among phases").required(),
        Key::new("name", Type::Text, "what people see").default("the id"),
        Key::new("env", MAP_OF_TEXT, "variables of child processes").dollar(),
        Key::new("if", Type::Condition, "whether its tasks take part").default("true"),
        Key::new(
            "environment",
            NAMES,
            "environments in which its tasks exist",
        )
        .default("none"),
        Key::new(
            "on-failure",
            Type::Choice(&["stop", "rollback"]),
            "what follows a failure",
        )
        .default("stop"),
        Key::new(
            "one-job",
            Type::Boolean,
            "one GitHub job for the phase, in place of one a task",
        )
        .default("false"),
        Key::new("tasks", Type::List(&Type::Object(&TASK)), "its tasks").required(),
    ],
};

/// A task: exactly one kind.
pub static TASK: Object = Object {
    what: "a task",
    exactly: &[Exactly {
        of: TASK_KINDS,
        required: true,
        called: "kind",
    }],
    keys: &[
        Key::new("id", Type::Name, "unique in the whole plan").required(),
        Key::new("name", Type::Text, "what people see").default("the id"),
        Key::new(
            "image",
            Type::Object(&kind::image::GRAMMAR),
            "builds or assembles an image and publishes it",
        ),
        Key::new(
            "terraform",
            Type::Object(&kind::terraform::GRAMMAR),
            "plans and applies a root module",
        ),
        Key::new(
            "kubernetes",
            Type::Object(&kind::kubernetes::GRAMMAR),
            "applies manifests and waits for rollouts",
        ),
        Key::new(
            "render",
            Type::Object(&kind::render::GRAMMAR),
            "renders a template to a file",
        ),
        Key::new(
            "run",
            Type::Object(&kind::run::GRAMMAR),
            "runs a command, a script or a make target",
        ),
        Key::new(
            "gate",
            Type::Object(&kind::gate::GRAMMAR),
            "waits for decisions or a confirmation",
        ),
        Key::new(
            "check",
            Type::List(&Type::Object(&CHECK)),
            "observes, changes nothing",
        ),
        Key::new("if", Type::Condition, "whether it takes part").default("true"),
        Key::new(
            "environment",
            NAMES,
            "narrows its phase's environments; `none` takes it out",
        )
        .default("its phase's"),
        Key::new("needs", NAMES, "tasks of any phase that come first"),
        Key::new(
            "matrix",
            Type::Value,
            "as `strategy.matrix` on GitHub, static",
        )
        .dollar(),
        Key::new("env", MAP_OF_TEXT, "variables of its child processes").secret(),
        Key::new(
            "login",
            NAMES,
            "connections whose credentials its processes get",
        ),
        Key::new("runs-on", TEXTS, "labels of the runner").default("ubuntu-24.04"),
        Key::new("timeout", Type::Duration, "of one attempt").default("30m"),
        Key::new(
            "estimate",
            Type::Duration,
            "an overrun is reported, not stopped",
        ),
        Key::new(
            "retry",
            Type::Object(&RETRY),
            "when a failed attempt is repeated",
        )
        .default("never"),
        Key::new("paths", PATHS, "files in the fingerprint")
            .default("by kind; of a `run` all tracked files"),
        Key::new(
            "outputs",
            Type::Map(&Type::Object(&OUTPUT)),
            "values that other tasks can read",
        ),
        Key::new(
            "artifacts",
            Type::Map(&Type::Object(&ARTIFACT)),
            "files that are handed over",
        ),
        Key::new(
            "verify",
            Type::List(&Type::Object(&CHECK)),
            "after the body; the task has succeeded when all hold",
        ),
        Key::new("cost", MAP_OF_NUMBER, "lines, a month").dollar(),
        Key::new("rollback", Type::Object(&ROLLBACK), "the way back").default("the kind's own"),
    ],
};

/// When a failed attempt is repeated.
pub static RETRY: Object = Object {
    what: "a retry",
    exactly: &[],
    keys: &[
        Key::new(
            "attempts",
            Type::Number,
            "the most attempts, the first among them",
        )
        .required(),
        Key::new(
            "delay",
            Type::Duration,
            "before the second attempt; it doubles",
        )
        .default("10s"),
        Key::new(
            "on",
            Type::List(&Type::Choice(&[
                "unavailable",
                "timeout",
                "quota",
                "state-locked",
                "auth-expired",
                "provider-crash",
            ])),
            "failures that are repeated",
        ),
        Key::new("exit", NUMBERS, "exit codes of a `run` that are repeated"),
    ],
};

static OUTPUT: Object = Object {
    what: "an output",
    exactly: &[Exactly {
        of: &["match", "resource"],
        required: false,
        called: "source",
    }],
    keys: &[
        Key::new(
            "type",
            Type::Choice(&["string", "number", "boolean", "json"]),
            "of its value",
        )
        .default("string"),
        Key::new("pattern", Type::Regex, "what its text must match"),
        Key::new("sensitive", Type::Boolean, "whether it is a secret").default("false"),
        Key::new(
            "match",
            Type::Regex,
            "its first group on stdout; without it the file GITHUB_OUTPUT",
        ),
        Key::new("resource", Type::Text, "`KIND/NAME`, awaited").dollar(),
        Key::new("path", Type::Text, "field of the resource"),
    ],
};

static ARTIFACT: Object = Object {
    what: "an artifact",
    exactly: &[],
    keys: &[
        Key::new("path", Type::Path, "the file").required(),
        Key::new("sensitive", Type::Boolean, "whether it holds a secret").default("false"),
        Key::new("retention", Type::Duration, "how long it is kept").default("30d"),
    ],
};

static ROLLBACK: Object = Object {
    what: "a rollback",
    exactly: &[],
    keys: &[
        Key::new(
            "by",
            Type::Choice(&[
                "previous", "revision", "down", "restore", "destroy", "delete", "run", "none",
            ]),
            "the way back",
        ),
        Key::new(
            "before",
            Type::List(&Type::Object(&CHECK)),
            "each must hold or nothing is undone",
        ),
        Key::new("command", TEXTS, "of the way `run`").dollar(),
        Key::new("reason", Type::Text, "of the way `none`"),
        Key::new(
            "data-loss",
            Type::Text,
            "what is lost; `none` wants a proof",
        ),
        Key::new("proof", NAMES, "`TASK` or `TASK/CHECK`"),
        Key::new("timeout", Type::Duration, "of the way back").default("30m"),
    ],
};

/// A rule about what was planned or rendered.
pub static POLICY: Object = Object {
    what: "a policy",
    exactly: &[],
    keys: &[
        Key::new("name", Type::Text, "what people see"),
        Key::new("if", Type::Condition, "whether it applies").default("true"),
        Key::new(
            "resource",
            Type::Text,
            "address, `KIND/NAME`, `services/NAME`; `*` matches",
        )
        .required()
        .dollar(),
        Key::new(
            "severity",
            Type::Choice(&["error", "warning"]),
            "a warning does not stop",
        )
        .default("error")
        .dollar(),
        Key::new("count", Type::Requirement, "how many match")
            .default(">= 1")
            .dollar(),
        Key::new("expect", MAP_OF_REQUIREMENT, "what their fields must be").dollar(),
    ],
};
