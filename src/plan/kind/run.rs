//! Kind `run`: runs a command, a script or a make target.

use super::body::{BodyError, Reader};
use crate::plan::grammar::{
    Exactly, Key, Object, Type,
    table::{MAP_OF_TEXT, NAMES, TEXTS},
};

/// Keys of a run task; a check of kind `run` has the same.
pub static GRAMMAR: Object = Object {
    what: "a run",
    exactly: &[Exactly {
        of: &["command", "script", "make"],
        required: true,
        called: "command",
    }],
    keys: &[
        Key::new("command", TEXTS, "program and arguments, no shell").dollar(),
        Key::new(
            "script",
            Type::Text,
            "bash `-euo pipefail`, without `${{ }}`: pass values by `env`",
        ),
        Key::new(
            "make",
            Type::Text,
            "a target that exists, without `${{ }}`: pass values by `env`",
        ),
        Key::new("working-directory", Type::Path, "where it runs")
            .default(".")
            .dollar(),
        Key::new(
            "tools",
            NAMES,
            "programs that it calls, from the plan's `tools` or the PATH",
        ),
        Key::new(
            "changes",
            Type::Boolean,
            "false: nothing outside, so previews run it too",
        )
        .default("true"),
        Key::new(
            "permissions",
            MAP_OF_TEXT,
            "of GITHUB_TOKEN, which the command gets only with this key",
        )
        .default("none"),
    ],
};

/// What a run calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A program and its arguments.
    Command(Vec<String>),
    /// A bash script.
    Script(String),
    /// A make target.
    Make(String),
}

/// A run with its expressions evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it calls.
    pub call: Call,
    /// Where, relative to the plan's folder.
    pub working_directory: String,
    /// Programs that it needs.
    pub tools: Vec<String>,
    /// Whether it changes something outside.
    pub changes: bool,
    /// Permissions of GITHUB_TOKEN; empty: the command does not get it.
    pub permissions: Vec<(String, String)>,
}

impl Run {
    /// Reads an evaluated body.
    pub fn read(body: Reader<'_>) -> Result<Self, BodyError> {
        let command = body.texts("command")?;
        let call = match (command.is_empty(), body.text("script")?, body.text("make")?) {
            (false, _, _) => Call::Command(command),
            (true, Some(script), _) => Call::Script(script),
            (true, None, Some(target)) => Call::Make(target),
            (true, None, None) => {
                return Err(BodyError {
                    key: "command".to_owned(),
                    expected: "a program",
                    found: "an empty list".to_owned(),
                });
            }
        };
        Ok(Self {
            call,
            working_directory: body
                .text("working-directory")?
                .unwrap_or_else(|| ".".to_owned()),
            tools: body.texts("tools")?,
            changes: body.flag("changes", true)?,
            permissions: body.text_map("permissions")?,
        })
    }

    /// Says what is called, for logs.
    pub fn purpose(&self) -> String {
        match &self.call {
            Call::Command(command) => command.join(" "),
            Call::Script(script) => format!(
                "script `{}`",
                script.lines().next().unwrap_or_default().trim()
            ),
            Call::Make(target) => format!("make {target}"),
        }
    }
}
