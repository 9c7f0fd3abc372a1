//! Programs that the plan pins, for the tasks that call them.

use std::{cell::RefCell, collections::BTreeMap};

use super::{ExecuteError, Run};
use crate::{
    process::CommandSpec,
    tools::{self, Download, Origin, Place, Tool, ToolError},
};

/// The programs of a run: each is looked for once.
#[derive(Debug, Default)]
pub struct Tools(RefCell<BTreeMap<String, Tool>>);

impl Run<'_, '_> {
    /// Returns a program at the version that the plan pins, and `None` where the plan pins none: then any version does. What is not
    /// here is fetched, but for a rehearsal, which fetches nothing.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub async fn tool(&self, name: &str) -> Result<Option<Tool>, ExecuteError> {
        let Some(wanted) = self.graph.plan().tools.get(name) else {
            return Ok(None);
        };
        if let Some(known) = self.tools.0.borrow().get(name) {
            return Ok(Some(known.clone()));
        }
        let place = Place {
            variables: &self.world.variables,
            http: &self.world.http,
            download: match self.world.stand_ins.is_rehearsal() {
                true => Download::Never,
                false => Download::Allowed,
            },
        };
        let tool = tools::resolve(name, wanted, &place).await?;
        if tool.origin == Origin::Fetched {
            let (version, path) = (&tool.version, &tool.path);
            let notice =
                format!("{name} {version} was fetched, is what the plan says, and is at {path}");
            self.recorder.notice(&notice);
        }
        let mut known = self.tools.0.borrow_mut();
        known.insert(name.to_owned(), tool.clone());
        Ok(Some(tool))
    }

    /// Lets a child find the programs that it calls at the versions that the plan pins.
    pub(super) async fn give_tools(
        &self,
        mut spec: CommandSpec,
        names: &[String],
    ) -> Result<CommandSpec, ExecuteError> {
        for name in names {
            // What was found on the PATH is first on it already.
            let ours = self
                .tool(name)
                .await?
                .filter(|tool| tool.origin != Origin::Found);
            if let Some(folder) = ours.as_ref().and_then(|tool| tool.path.parent()) {
                spec = spec.first_on_path(folder.as_str());
            }
        }
        Ok(spec)
    }
}

impl From<ToolError> for ExecuteError {
    fn from(error: ToolError) -> Self {
        let hint = error.hint();
        let failure = Self::task(error.kind(), super::chain(&error));
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
