//! Keys of checks: what can be observed.

use super::table::{
    Exactly, Key, MAP_OF_REQUIREMENT, MAP_OF_TEXT, MAP_OF_VALUE, NUMBERS, Object, PATHS, Type,
};
use crate::plan::kind;

/// The kinds of checks.
pub const CHECK_KINDS: &[&str] = &[
    "http",
    "tcp",
    "tls",
    "dns",
    "websocket",
    "git",
    "sql",
    "metric",
    "kubernetes",
    "swarm",
    "image",
    "container",
    "helm",
    "terraform",
    "s3",
    "file",
    "run",
];

/// A check: exactly one kind.
pub static CHECK: Object = Object {
    what: "a check",
    exactly: &[Exactly {
        of: CHECK_KINDS,
        required: true,
        called: "kind",
    }],
    keys: &[
        Key::new("id", Type::Name, "unique in its task").default("kind and number"),
        Key::new("name", Type::Text, "what people see").default("the id"),
        Key::new("if", Type::Condition, "whether it is asked").default("true"),
        Key::new(
            "from",
            Type::Name,
            "runs in a short-lived pod or container there",
        )
        .default("the runner"),
        Key::new("within", Type::Duration, "asked again until it holds").default("once"),
        Key::new("every", Type::Duration, "between two askings").default("5s"),
        Key::new("unit", Type::Text, "of `value`, in reports"),
        Key::new("expect", MAP_OF_REQUIREMENT, "what must be observed").dollar(),
        Key::new("http", Type::Object(&HTTP), "an HTTP request"),
        Key::new("tcp", Type::Object(&ADDRESS), "whether a port is open"),
        Key::new(
            "tls",
            Type::Object(&ADDRESS),
            "whether a certificate is valid",
        ),
        Key::new("dns", Type::Object(&DNS), "a DNS query"),
        Key::new(
            "websocket",
            Type::Object(&WEBSOCKET),
            "a WebSocket that is held",
        ),
        Key::new("git", Type::Object(&GIT), "the refs of a git server"),
        Key::new("sql", Type::Object(&SQL), "an SQL query"),
        Key::new("metric", Type::Object(&METRIC), "a PromQL query"),
        Key::new(
            "kubernetes",
            Type::Object(&KUBERNETES),
            "a resource of a cluster",
        ),
        Key::new("swarm", Type::Object(&SWARM), "services of a swarm"),
        Key::new("image", Type::Object(&IMAGE), "an image in a registry"),
        Key::new(
            "container",
            Type::Object(&CONTAINER),
            "an image that is started",
        ),
        Key::new("helm", Type::Object(&HELM), "a chart with its values"),
        Key::new(
            "terraform",
            Type::Object(&TERRAFORM),
            "a resource in a state",
        ),
        Key::new("s3", Type::Object(&S3), "an object in a bucket"),
        Key::new("file", Type::Object(&FILE), "files of the repository"),
        Key::new("run", Type::Object(&kind::run::GRAMMAR), "a command"),
    ],
};

static HTTP: Object = Object {
    what: "an http check",
    exactly: &[],
    keys: &[
        Key::new("url", Type::Text, "address").required().dollar(),
        Key::new("method", Type::Text, "of the request").default("GET"),
        Key::new("headers", MAP_OF_TEXT, "of the request").secret(),
        Key::new("body", Type::Text, "of the request").dollar(),
    ],
};

static ADDRESS: Object = Object {
    what: "a check of an address",
    exactly: &[],
    keys: &[Key::new("address", Type::Text, "`HOST:PORT`")
        .required()
        .dollar()],
};

static DNS: Object = Object {
    what: "a dns check",
    exactly: &[],
    keys: &[
        Key::new("name", Type::Text, "name that is asked for")
            .required()
            .dollar(),
        Key::new("type", Type::Text, "type of the records").default("A"),
        Key::new("server", Type::Text, "server that is asked").dollar(),
    ],
};

static WEBSOCKET: Object = Object {
    what: "a websocket check",
    exactly: &[],
    keys: &[
        Key::new("url", Type::Text, "address").required().dollar(),
        Key::new("send", Type::Text, "message that is sent").dollar(),
        Key::new("every", Type::Duration, "between two messages"),
        Key::new("hold", Type::Duration, "how long the connection must last").default("0s"),
    ],
};

static GIT: Object = Object {
    what: "a git check",
    exactly: &[],
    keys: &[Key::new(
        "url",
        Type::Text,
        "`git://HOST:PORT/PATH`, `http://…` or `https://…`",
    )
    .required()
    .dollar()],
};

static SQL: Object = Object {
    what: "an sql check",
    exactly: &[],
    keys: &[
        Key::new("connection", Type::Name, "the database").required(),
        QUERY,
    ],
};

static METRIC: Object = Object {
    what: "a metric check",
    exactly: &[],
    keys: &[
        Key::new("connection", Type::Name, "the server").required(),
        QUERY,
    ],
};

const QUERY: Key = Key::new("query", Type::Text, "the query")
    .required()
    .dollar();

static KUBERNETES: Object = Object {
    what: "a kubernetes check",
    exactly: &[],
    keys: &[
        Key::new("connection", Type::Name, "the cluster").required(),
        Key::new("resource", Type::Text, "`KIND/NAME`")
            .required()
            .dollar(),
        Key::new("namespace", Type::Text, "where it is").dollar(),
    ],
};

static SWARM: Object = Object {
    what: "a swarm check",
    exactly: &[],
    keys: &[
        Key::new("connection", Type::Name, "a manager").required(),
        Key::new("stack", Type::Text, "all services of a stack").dollar(),
        Key::new("service", Type::Text, "one service").dollar(),
    ],
};

static IMAGE: Object = Object {
    what: "an image check",
    exactly: &[],
    keys: &[Key::new("reference", Type::Text, "the image")
        .required()
        .dollar()],
};

static CONTAINER: Object = Object {
    what: "a container check",
    exactly: &[],
    keys: &[
        Key::new("image", Type::Text, "the image")
            .required()
            .dollar(),
        Key::new("env", MAP_OF_TEXT, "its variables").dollar(),
        Key::new("ports", NUMBERS, "ports that the checks reach"),
        Key::new(
            "checks",
            Type::List(&Type::Object(&CHECK)),
            "asked while it runs; they reach it at host `container`",
        ),
    ],
};

static HELM: Object = Object {
    what: "a helm check",
    exactly: &[],
    keys: &[
        Key::new("chart", Type::Text, "the chart")
            .required()
            .dollar(),
        Key::new("version", Type::Text, "its version").dollar(),
        Key::new("values-files", PATHS, "in order").dollar(),
        Key::new("values", MAP_OF_VALUE, "over the files").dollar(),
    ],
};

static TERRAFORM: Object = Object {
    what: "a terraform check",
    exactly: &[],
    keys: &[
        Key::new("task", Type::Name, "the terraform task").required(),
        Key::new("resource", Type::Text, "address")
            .required()
            .dollar(),
    ],
};

static S3: Object = Object {
    what: "an s3 check",
    exactly: &[],
    keys: &[
        Key::new("connection", Type::Name, "the bucket").required(),
        Key::new("key", Type::Text, "key of the object")
            .required()
            .dollar(),
    ],
};

static FILE: Object = Object {
    what: "a file check",
    exactly: &[],
    keys: &[Key::new("path", PATHS, "files; `*` matches")
        .required()
        .dollar()],
};
