//! Kind `terraform`: plans and applies a root module.

use super::body::{BodyError, Reader};
use crate::{
    expression::Value,
    plan::grammar::{
        Key, Object, POLICY, Type,
        table::{MAP_OF_TEXT, MAP_OF_VALUE, PATHS, TEXTS},
    },
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

/// A change that a plan may hold, beyond reading and leaving alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Something new.
    Create,
    /// Changed in place.
    Update,
    /// Destroyed and made anew, in whatever order.
    Replace,
    /// Destroyed.
    Delete,
}

impl Allowed {
    /// Returns the word of the plan file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Create, Self::Update, Self::Replace, Self::Delete]
            .into_iter()
            .find(|allowed| allowed.word() == word)
    }
}

/// A terraform task with its expressions evaluated. Its policies are read where they are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Terraform {
    /// Root module, relative to the plan's folder.
    pub dir: String,
    /// `terraform` or `tofu`.
    pub binary: String,
    /// Workspace.
    pub workspace: String,
    /// Addresses whose values are secret.
    pub sensitive: Vec<String>,
    /// Variables of the root module.
    pub variables: Vec<(String, Value)>,
    /// Files of variables, relative to the plan's folder.
    pub var_files: Vec<String>,
    /// What is added to the configuration of the backend.
    pub backend_config: Vec<(String, String)>,
    /// Changes that its plans may hold.
    pub allow: Vec<Allowed>,
}

impl Terraform {
    /// Reads an evaluated body.
    ///
    /// # Errors
    ///
    /// A value is not what its key wants.
    pub fn read(body: Reader<'_>) -> Result<Self, BodyError> {
        let text = |key: &str, default: &str| -> Result<String, BodyError> {
            Ok(body.text(key)?.unwrap_or_else(|| default.to_owned()))
        };
        let variables = match body.value("variables") {
            Some(Value::Map(entries)) => entries.clone().into_iter().collect(),
            _ => Vec::new(),
        };
        let allow = body.texts("allow")?;
        let allow = match allow.is_empty() {
            true => vec![Allowed::Create, Allowed::Update],
            false => allow
                .iter()
                .filter_map(|word| Allowed::of_word(word))
                .collect(),
        };
        Ok(Self {
            dir: body.required("dir")?,
            binary: text("binary", "terraform")?,
            workspace: text("workspace", "default")?,
            sensitive: body.texts("sensitive")?,
            variables,
            var_files: body.texts("var-files")?,
            backend_config: body.text_map("backend-config")?,
            allow,
        })
    }
}
