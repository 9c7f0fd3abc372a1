//! Kind `kubernetes`: applies manifests and waits for rollouts.

use super::{body::literal_texts, image::unpinned};
use crate::{
    diagnostic::Diagnostics,
    plan::{
        grammar::{
            Exactly, Key, Object, POLICY, Type,
            table::{MAP_OF_TEXT, PATHS},
        },
        model::Task,
    },
};

/// Keys of a kubernetes task.
pub static GRAMMAR: Object = Object {
    what: "a kubernetes task",
    exactly: &[Exactly {
        of: &["manifests", "kustomize"],
        required: false,
        called: "source",
    }],
    keys: &[
        Key::new("connection", Type::Name, "the cluster").required(),
        Key::new("namespace", Type::Text, "namespace")
            .default("the connection's")
            .dollar(),
        Key::new(
            "create-namespace",
            Type::Boolean,
            "whether the namespace is made",
        )
        .default("false"),
        Key::new("manifests", PATHS, "files, folders, patterns").dollar(),
        Key::new("kustomize", PATHS, "a kustomization folder").dollar(),
        Key::new(
            "images",
            MAP_OF_TEXT,
            "name used in the files → reference with digest",
        )
        .dollar(),
        Key::new("config-maps", Type::Map(&MAP_OF_TEXT), "by name").dollar(),
        Key::new("secrets", Type::Map(&MAP_OF_TEXT), "by name").secret(),
        Key::new(
            "policy",
            Type::List(&Type::Object(&POLICY)),
            "rules on the rendered manifests",
        ),
    ],
};

/// Reports images that are wired by a tag which can move.
pub fn check(task: &Task, problems: &mut Diagnostics) {
    for (text, span) in literal_texts(task.body.get("images")) {
        problems.extend(unpinned(&text).map(|problem| problem.at(span)));
    }
}
