//! Keys of connections: the ways out of the machine.

use super::table::{Exactly, Key, Object, TEXTS, Type};

/// The kinds of connections.
pub const CONNECTION_KINDS: &[&str] = &[
    "google",
    "registry",
    "kubernetes",
    "docker",
    "postgres",
    "s3",
    "prometheus",
];

/// A connection: exactly one kind.
pub static CONNECTION: Object = Object {
    what: "a connection",
    exactly: &[Exactly {
        of: CONNECTION_KINDS,
        required: true,
        called: "kind",
    }],
    keys: &[
        Key::new("google", Type::Object(&GOOGLE), "a Google Cloud project"),
        Key::new("registry", Type::Object(&REGISTRY), "a container registry"),
        Key::new(
            "kubernetes",
            Type::Object(&KUBERNETES),
            "a Kubernetes cluster",
        ),
        Key::new("docker", Type::Object(&DOCKER), "a Docker engine"),
        Key::new("postgres", Type::Object(&POSTGRES), "a PostgreSQL database"),
        Key::new("s3", Type::Object(&S3), "a bucket that speaks S3"),
        Key::new(
            "prometheus",
            Type::Object(&PROMETHEUS),
            "a Prometheus server",
        ),
    ],
};

const LOGIN: Key = Key::new("login", Type::Name, "connection whose identity is used");

static GOOGLE: Object = Object {
    what: "a google connection",
    exactly: &[],
    keys: &[
        Key::new("project", Type::Text, "the project")
            .required()
            .dollar(),
        Key::new(
            "workload-identity-provider",
            Type::Text,
            "provider for OIDC; without it application default credentials",
        )
        .dollar(),
        Key::new("service-account", Type::Text, "account to impersonate").dollar(),
        Key::new(
            "preview-service-account",
            Type::Text,
            "account that can only read",
        )
        .dollar(),
    ],
};

static REGISTRY: Object = Object {
    what: "a registry connection",
    exactly: &[],
    keys: &[
        Key::new("host", Type::Text, "host of the registry")
            .required()
            .dollar(),
        Key::new(
            "path",
            Type::Text,
            "what stands before the image's name; on ghcr.io the owner",
        )
        .dollar(),
        Key::new("username", Type::Text, "user").dollar(),
        Key::new("password", Type::Text, "password or token").secret(),
        LOGIN,
    ],
};

static KUBERNETES: Object = Object {
    what: "a kubernetes connection",
    exactly: &[Exactly {
        of: &["kubeconfig", "context", "gke"],
        required: true,
        called: "cluster",
    }],
    keys: &[
        Key::new("kubeconfig", Type::Text, "content of a kubeconfig").secret(),
        Key::new(
            "context",
            Type::Text,
            "a context of the user's own kubeconfig",
        )
        .dollar(),
        Key::new("gke", Type::Text, "`projects/P/locations/L/clusters/C`").dollar(),
        Key::new("namespace", Type::Text, "namespace where a task names none").dollar(),
        LOGIN,
    ],
};

static DOCKER: Object = Object {
    what: "a docker connection",
    exactly: &[],
    keys: &[
        Key::new("host", Type::Text, "`ssh://USER@HOST` or `unix://PATH`")
            .required()
            .dollar(),
        Key::new("key", Type::Text, "private key").secret(),
        Key::new(
            "host-key",
            Type::Text,
            "the host's key; without it the one first seen",
        )
        .dollar(),
        Key::new(
            "proxy",
            TEXTS,
            "command that listens on `${{ proxy.port }}` and leads to the host",
        )
        .dollar(),
        LOGIN,
    ],
};

static POSTGRES: Object = Object {
    what: "a postgres connection",
    exactly: &[Exactly {
        of: &["host", "scratch"],
        required: false,
        called: "server",
    }],
    keys: &[
        Key::new("host", Type::Text, "host").dollar(),
        Key::new("port", Type::Number, "port")
            .default("5432")
            .dollar(),
        Key::new("database", Type::Text, "database")
            .required()
            .dollar(),
        Key::new("user", Type::Text, "user").required().dollar(),
        Key::new("password", Type::Text, "password").secret(),
        Key::new(
            "sslmode",
            Type::Choice(&[
                "disable",
                "allow",
                "prefer",
                "require",
                "verify-ca",
                "verify-full",
            ]),
            "as libpq's",
        )
        .default("verify-full"),
        Key::new(
            "root-certificate",
            Type::Text,
            "certificate of the authority",
        )
        .dollar(),
        Key::new("from", Type::Name, "SQL runs in a pod there"),
        Key::new(
            "proxy",
            TEXTS,
            "command that listens on `${{ proxy.port }}` and leads to the host",
        )
        .dollar(),
        Key::new(
            "scratch",
            Type::Number,
            "a throwaway server of that version, no host",
        ),
        LOGIN,
    ],
};

static S3: Object = Object {
    what: "an s3 connection",
    exactly: &[],
    keys: &[
        Key::new("endpoint", Type::Text, "URL of the server")
            .required()
            .dollar(),
        Key::new("bucket", Type::Text, "bucket").required().dollar(),
        Key::new("region", Type::Text, "region")
            .default("auto")
            .dollar(),
        Key::new("access-key-id", Type::Text, "id of the key").secret(),
        Key::new("secret-access-key", Type::Text, "the key").secret(),
    ],
};

static PROMETHEUS: Object = Object {
    what: "a prometheus connection",
    exactly: &[],
    keys: &[
        Key::new("url", Type::Text, "URL of the server")
            .required()
            .dollar(),
        Key::new("token", Type::Text, "bearer token").secret(),
        LOGIN,
    ],
};
