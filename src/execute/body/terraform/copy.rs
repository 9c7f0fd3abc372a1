//! A rehearsal's copy of a root module: the same files, with a local state in place of the backend, and without the hashes of
//! providers that are stood in for.
//!
//! The copy lies beside the module, so that what it names by `../` is where it was.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    event::{FailureKind, Reality},
    execute::{
        ExecuteError, Run, attempt::Attempt, files::copy_folder, modules::is_left,
        stand_in::TerraformStandIns,
    },
    graph::Node,
    ledger::task_name,
    plan::{field::Field, model::Kind},
    terraform::LockFile,
};

/// Terraform merges a file of such a name over the others, whatever they say.
const OVERRIDE: &str = "deploy_action_rehearsal_override.tf";
pub(super) const LOCK_FILE: &str = ".terraform.lock.hcl";

/// Makes the copy, and says who stands in.
pub(super) fn stand_in(
    module: &Utf8Path,
    stand_ins: &TerraformStandIns,
    attempt: &Attempt<'_, '_>,
    folder_of_attempt: &Utf8Path,
) -> Result<(Utf8PathBuf, Reality), ExecuteError> {
    let key = &attempt.node.key;
    let name = module.file_name().unwrap_or("module");
    // Several tasks may be of one module, and it may be looked at while it is applied.
    let look = match attempt.number {
        0 => folder_of_attempt.file_name().unwrap_or("look"),
        _ => "apply",
    };
    let copy = module.with_file_name(format!(".{name}.{}.{look}.rehearsal", task_name(key)));
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(|error| ExecuteError::file("remove", &copy, error))?;
    }
    copy_folder(module, &copy, &|name| !is_left(Utf8Path::new(name)))?;
    let states = Utf8Path::new(&stand_ins.states);
    fs::create_dir_all(states).map_err(|error| ExecuteError::file("make", states, error))?;
    let state = states.join(format!("{}.tfstate", task_name(key)));
    write(&copy.join(OVERRIDE), &backend(&state))?;
    let lock = copy.join(LOCK_FILE);
    if lock.exists() {
        let text =
            fs::read_to_string(&lock).map_err(|error| ExecuteError::file("read", &lock, error))?;
        let file = LockFile::read(text)
            .map_err(|error| ExecuteError::task(FailureKind::Invalid, error.to_string()))?;
        let is_replaced = |source: &str| stand_ins.providers.contains_key(source);
        write(&lock, &file.without_hashes(is_replaced))?;
    }
    let mut who: Vec<&str> = stand_ins.providers.values().map(String::as_str).collect();
    who.dedup();
    let who = format!(
        "{}; the state is a local file in place of the backend",
        who.join(", ")
    );
    Ok((copy, Reality::StandIn { who }))
}

/// Why a rehearsal cannot carry a module out: nobody stands in for a provider of it, or terraform is not here.
pub(in crate::execute) fn without_stand_in<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
) -> Option<String> {
    if node.task.kind != Kind::Terraform || !run.world.stand_ins.is_rehearsal() {
        return None;
    }
    let Some(stand_ins) = &run.world.stand_ins.terraform else {
        return Some("this rehearsal has no stand-ins for terraform's providers".to_owned());
    };
    let binary = node.task.body.get("binary").and_then(Field::literal);
    let binary = binary.unwrap_or_else(|| "terraform".to_owned());
    if !is_found(run, &binary) {
        return Some(format!("`{binary}` is not on the PATH"));
    }
    let dir = node.task.body.get("dir").and_then(Field::literal)?;
    let lock = fs::read_to_string(run.world.path(dir).join(LOCK_FILE)).ok()?;
    let providers = LockFile::read(lock).ok()?.providers;
    let missing = providers
        .iter()
        .find(|provider| !stand_ins.providers.contains_key(&provider.source))?;
    Some(format!(
        "nobody stands in for provider `{}`",
        missing.source
    ))
}

fn is_found(run: &Run<'_, '_>, program: &str) -> bool {
    let path = run.world.variable("PATH").unwrap_or_default();
    std::env::split_paths(path).any(|folder| folder.join(program).is_file())
}

fn backend(state: &Utf8Path) -> String {
    let path = serde_json::Value::from(state.as_str()).to_string();
    // A template of terraform begins with `${`.
    let path = path.replace("${", "$${").replace("%{", "%%{");
    format!("terraform {{\n  backend \"local\" {{\n    path = {path}\n  }}\n}}\n")
}

fn write(path: &Utf8Path, text: &str) -> Result<(), ExecuteError> {
    fs::write(path, text).map_err(|error| ExecuteError::file("write", path, error))
}
