//! What a module's state holds, as a check asks for it.

use crate::{
    event::{FailureKind, Reality},
    execute::{ExecuteError, Moment, Run},
    terraform::{
        AddressPattern, Reading, arguments,
        changes::{Stated, resources_of_state},
    },
};

impl Run<'_, '_> {
    /// Returns the resources of a terraform task's state that a pattern names, and whose state that is. What is secret in the
    /// state is masked from here on.
    pub(in crate::execute) async fn stated(
        &self,
        index: usize,
        wanted: &AddressPattern,
    ) -> Result<(Vec<Stated>, Reality), ExecuteError> {
        self.with_module(index, Moment::Preview, async |calls| {
            calls.version().await?;
            calls.initialise().await?;
            let said = calls.direct("show", arguments::show_state()).await?;
            if said.code != 0 {
                return Err(calls.failed("show", &said));
            }
            let sensitive = calls.unit.body.sensitive.iter();
            let sensitive: Vec<AddressPattern> = sensitive.map(AddressPattern::new).collect();
            let reading = Reading {
                sensitive: &sensitive,
                kept: std::slice::from_ref(wanted),
            };
            let state = resources_of_state(&said.stdout[..], &reading).map_err(|error| {
                ExecuteError::task(FailureKind::Task, crate::execute::chain(&error))
            })?;
            self.add_to_mask(state.secrets)?;
            Ok((state.found, calls.unit.reality.clone()))
        })
        .await
    }
}
