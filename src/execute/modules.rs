//! What a root module of terraform is made of: its files and those of the modules that it calls inside of the repository, and
//! nothing that terraform writes there.

use std::{collections::BTreeMap, fs};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::{
    ExecuteError,
    files::{Listing, Mark},
};
use crate::terraform::hcl;

/// Adds the files of called modules to those of a root module, and takes away what an apply leaves.
pub(super) fn complete(
    marks: &mut BTreeMap<String, Mark>,
    listing: &Listing,
) -> Result<(), ExecuteError> {
    marks.retain(|name, _| !is_left(Utf8Path::new(name)));
    let mut open: Vec<String> = marks.keys().cloned().collect();
    while let Some(name) = open.pop() {
        for folder in called(listing.folder(), Utf8Path::new(&name)) {
            for (name, mark) in listing.matching(&[folder])? {
                let is_new = !is_left(Utf8Path::new(&name)) && !marks.contains_key(&name);
                if is_new {
                    open.push(name.clone());
                    marks.insert(name, mark);
                }
            }
        }
    }
    Ok(())
}

/// Whether terraform wrote it: a state, its backup and lock, what it initialised, the log of a crash.
pub(super) fn is_left(path: &Utf8Path) -> bool {
    let is_initialised = path.components().any(|part| part.as_str() == ".terraform");
    let name = path.file_name().unwrap_or_default();
    is_initialised || name.contains(".tfstate") || name == "crash.log"
}

/// The folders of the modules that a file calls by a path.
fn called(folder: &Utf8Path, file: &Utf8Path) -> Vec<String> {
    if !matches!(file.extension(), Some("tf" | "tofu")) {
        return Vec::new();
    }
    // What cannot be read is told by terraform.
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        return Vec::new();
    };
    let base = file.parent().unwrap_or(Utf8Path::new(""));
    let body = hcl::scan(&text);
    let sources = body
        .blocks_of("module")
        .filter_map(|block| block.body.attribute("source")?.text());
    let paths = sources.filter(|source| source.starts_with("./") || source.starts_with("../"));
    paths.filter_map(|source| inside(base, &source)).collect()
}

/// A path beside another, without `..`; `None` where it leads out of the folder.
fn inside(base: &Utf8Path, source: &str) -> Option<String> {
    let mut path = Utf8PathBuf::new();
    for part in base.join(source).components() {
        match part {
            Utf8Component::Normal(name) => path.push(name),
            Utf8Component::ParentDir => {
                path.file_name()?;
                path.pop();
            }
            Utf8Component::CurDir => {}
            Utf8Component::Prefix(_) | Utf8Component::RootDir => return None,
        }
    }
    Some(path.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_called_module_is_found_beside_its_caller_and_never_outside() {
        let base = Utf8Path::new("infra/net");
        for (source, found) in [
            ("./parts", Some("infra/net/parts")),
            ("../shared", Some("infra/shared")),
            ("../../modules/a", Some("modules/a")),
            ("../../../elsewhere", None),
        ] {
            assert_eq!(inside(base, source).as_deref(), found, "{source}");
        }
    }

    #[test]
    fn what_terraform_leaves_is_no_part_of_a_module() {
        for path in [
            "infra/terraform.tfstate",
            "infra/terraform.tfstate.backup",
            "infra/.terraform.tfstate.lock.info",
            "infra/errored.tfstate",
            "infra/.terraform/modules/modules.json",
            "infra/crash.log",
        ] {
            assert!(is_left(Utf8Path::new(path)), "{path}");
        }
        for path in [
            "infra/main.tf",
            "infra/.terraform.lock.hcl",
            "infra/a.tfvars",
        ] {
            assert!(!is_left(Utf8Path::new(path)), "{path}");
        }
    }
}
