//! Kind `terraform`: plans and applies a root module.

use crate::plan::grammar::{
    Key, Object, POLICY, Type,
    table::{MAP_OF_TEXT, MAP_OF_VALUE, PATHS, TEXTS},
};

/// Keys of a terraform task.
pub static GRAMMAR: Object = Object {
    what: "a terraform task",
    exactly: &[],
    keys: &[
        Key::new("dir", Type::Path, "root module")
            .required()
            .dollar(),
        Key::new(
            "binary",
            Type::Choice(&["terraform", "tofu"]),
            "its version stands in `tools`",
        )
        .default("terraform")
        .dollar(),
        Key::new("workspace", Type::Text, "workspace")
            .default("default")
            .dollar(),
        Key::new(
            "sensitive",
            TEXTS,
            "addresses whose values are secret although the provider does not say so",
        ),
        Key::new(
            "variables",
            MAP_OF_VALUE,
            "never in arguments; a secret only into an ephemeral variable",
        )
        .secret(),
        Key::new("var-files", PATHS, "files of variables").dollar(),
        Key::new(
            "backend-config",
            MAP_OF_TEXT,
            "kept in plan files, so no secrets",
        )
        .dollar(),
        Key::new(
            "allow",
            Type::List(&Type::Choice(&["create", "update", "replace", "delete"])),
            "changes that a plan may hold",
        )
        .default("create, update"),
        Key::new(
            "policy",
            Type::List(&Type::Object(&POLICY)),
            "rules on the plan",
        ),
    ],
};
