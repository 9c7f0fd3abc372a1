//! Where the repository lies and what is in it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

/// The repository's root folder.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    // Cargo names the package's folder at run time: the binary still works after the clone was moved.
    let package = env::var_os("CARGO_MANIFEST_DIR").context("start this by `cargo xtask`")?;
    let root = Path::new(&package)
        .parent()
        .context("the package `xtask` lies in the repository")?;
    Ok(root.to_owned())
}

/// The cargo that started us, without what it said to us about our own package: build scripts (ring's) look at it, and
/// would run again, with all that hangs on them, whenever a person's own cargo and ours take turns.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let is_ours = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if is_ours {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The example systems, by name: each folder of `workflows` with a plan.
pub(crate) fn systems(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut systems = Vec::new();
    for entry in fs::read_dir(root.join("workflows")).context("`workflows` cannot be read")? {
        let entry = entry?;
        if entry.path().join("deploy.yaml").is_file() {
            systems.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    systems.sort();
    Ok(systems)
}

/// The plan of a system, relative to the root.
pub(crate) fn plan(system: &str) -> PathBuf {
    Path::new("workflows").join(system).join("deploy.yaml")
}

/// Every file that is tracked, or new and not ignored, relative to the root.
pub(crate) fn files(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .output()
        .context("git does not start")?;
    ensure!(
        output.status.success(),
        "git lists no files: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    let files = names.split_terminator('\0').map(str::to_owned);
    // A file that was deleted and not yet committed is still listed.
    Ok(files.filter(|name| root.join(name).is_file()).collect())
}
