//! What terraform works with in a rehearsal: stand-ins for the providers of the plan's modules, and local states.

use std::{collections::BTreeMap, fs, path::Path};

use camino::Utf8Path;

use super::{
    provider::{self, MirrorError, MirrorOptions, ProviderVersion},
    stage::canary,
};
use crate::{
    execute::stand_in::TerraformStandIns,
    plan::{Plan, field::Field, model::Kind},
    terraform::LockFile,
};

/// Installs a stand-in for each provider that a module of the plan pins and that there is one for. `None` where the plan has no
/// module.
pub(super) fn stand_in(
    folder: &Utf8Path,
    plan: &Plan,
    program: &Path,
) -> Result<Option<TerraformStandIns>, MirrorError> {
    let mut tasks = plan.tasks.iter();
    if !tasks.any(|task| task.kind == Kind::Terraform) {
        return Ok(None);
    }
    let providers = pinned(plan);
    let options = MirrorOptions {
        folder: folder.as_std_path().to_owned(),
        program: program.to_owned(),
        providers: providers.clone(),
        state: folder.join("cloud.json").into(),
        faults: folder.join("faults.json").into(),
        given: BTreeMap::from([("kubeconfig".to_owned(), kubeconfig())]),
    };
    let mirror = provider::install(&options)?;
    let addresses = providers.into_iter().map(|provider| provider.address);
    Ok(Some(TerraformStandIns {
        variables: mirror.variables,
        providers: addresses.zip(mirror.who).collect(),
        states: folder.join("states").to_string(),
    }))
}

/// What a stand-in gives for a cluster, which is not there: its token is a canary, which must be seen nowhere.
fn kubeconfig() -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: rehearsal\nclusters:\n- name: rehearsal\n  cluster: {{ server: \"https://cluster.invalid\" }}\ncontexts:\n- name: rehearsal\n  context: {{ cluster: rehearsal, user: rehearsal }}\nusers:\n- name: rehearsal\n  user: {{ token: {} }}\n",
        canary("kubeconfig")
    )
}

/// The providers that the modules' lock files pin, once each.
fn pinned(plan: &Plan) -> Vec<ProviderVersion> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let modules = plan
        .tasks
        .iter()
        .filter(|task| task.kind == Kind::Terraform);
    for module in modules.filter_map(|task| task.body.get("dir").and_then(Field::literal)) {
        // A module without one is told of where it is carried out.
        let lock = plan.folder.join(module).join(".terraform.lock.hcl");
        let Ok(Ok(lock)) = fs::read_to_string(lock).map(LockFile::read) else {
            continue;
        };
        let pinned = lock.providers.into_iter();
        let known = pinned.filter(|pinned| provider::is_known(&pinned.source));
        found.extend(known.map(|pinned| (pinned.source, pinned.version)));
    }
    let found = found.into_iter();
    found
        .map(|(address, version)| ProviderVersion { address, version })
        .collect()
}
